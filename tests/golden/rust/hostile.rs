// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use serde_json::Value;
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

/// The answer, or none; half a surrogate pair becomes U+FFFD.
fn read(data: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(data).replace(r"\\", r"\u005c");
    let mut parts = text.trim_start_matches('\u{feff}').split(r"\u");
    let mut units: Vec<u16> = parts.next()?.encode_utf16().collect();
    for part in parts {
        let hex = part.get(..4).unwrap_or_default();
        let unit = u16::from_str_radix(hex, 16).ok();
        let half = unit.filter(|unit| (0xD800..0xE000).contains(unit));
        let rest = half.map_or(format!("\\u{part}"), |_| part[4..].into());
        units.extend(half.into_iter().chain(rest.encode_utf16()));
    }
    let answer: Value = serde_json::from_str(&String::from_utf16_lossy(&units)).ok()?;
    let failed = !["null", "false", "\"\""].contains(&answer["error"].to_string().as_str());
    (answer.is_object() && !failed).then_some(answer)
}

async fn ask() -> Result<(), Box<dyn Error>> {
    let key = env::var("WCODE_API_KEY").ok().filter(|key| !key.is_empty());
    let key = key.ok_or("WCODE_API_KEY must hold your key")?;
    let response = reqwest::Client::new()
        .post("https://wcode.net/api/gpt/v1/chat/completions")
        .bearer_auth(key)
        .header("Content-Type", "application/json")
        .body(BODY)
        .send()
        .await?;
    let status = response.status();
    let text = response.bytes().await?;
    let answer = read(&text).filter(|_| status.is_success());
    let answer = answer.ok_or(format!("{status} {}", String::from_utf8_lossy(&text)))?;
    let message = &answer["choices"][0]["message"];
    let message = message.as_object().map_or(&answer, |_| message);
    match message["content"].as_str() {
        Some(text) if !text.is_empty() => println!("{text}"),
        _ => println!("{message}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() {
    if let Err(error) = ask().await {
        eprintln!("{error}");
        process::exit(1);
    }
}
