// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use std::{env, error::Error, process};

const BODY: &str = r#"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "Hello"}],
  "metadata": {
    "__proto__": 1,
    "constructor": {"prototype": 2},
    "0": "zero",
    "": null,
    "\" => ' $x #{x} \u0000 \u2028": [true, false, null, [], {}, "", 0],
    "numbers": [
      0,
      -1,
      9007199254740993,
      18446744073709551616,
      -1180591620717411303424,
      1e-07,
      1.5e300,
      0.1,
      -2.5
    ]
  }
}"#;

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
