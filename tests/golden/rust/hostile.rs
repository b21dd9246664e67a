// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use std::{env, error::Error, process};

const BODY: &str = r####"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {
      "role": "system",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    },
    {
      "role": "user",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    }
  ],
  "stop": ["\\", "'", "\""]
}"####;

fn fail(message: String) -> ! {
    eprintln!("{message}");
    process::exit(1);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = env::var("WCODE_API_KEY").unwrap_or_default();
    if key.is_empty() {
        fail("WCODE_API_KEY must hold your key".into());
    }

    let response = reqwest::Client::new()
        .post("https://wcode.net/api/gpt/v1/chat/completions")
        .bearer_auth(key)
        .header("Content-Type", "application/json")
        .body(BODY)
        .send()
        .await?;
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        fail(format!("{status} {text}"));
    }

    let answer: serde_json::Value = serde_json::from_str(&text)?;
    let content = answer["choices"][0]["message"]["content"].as_str();
    println!("{}", content.unwrap_or(&text));
    Ok(())
}
