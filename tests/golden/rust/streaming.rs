// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use std::{env, error::Error, io::Write, process};

const BODY: &str = r#"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
}"#;

fn fail(message: String) -> ! {
    eprintln!("{message}");
    process::exit(1);
}

fn show(line: &str) -> Result<(), Box<dyn Error>> {
    let data = line.strip_prefix("data:").unwrap_or("").trim();
    if !data.starts_with('{') {
        return Ok(());
    }
    let event: serde_json::Value = serde_json::from_str(data)?;
    if !event["error"].is_null() {
        fail(event["error"].to_string());
    }
    let content = event["choices"][0]["delta"]["content"].as_str();
    print!("{}", content.unwrap_or(""));
    std::io::stdout().flush()?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = env::var("WCODE_API_KEY").unwrap_or_default();
    if key.is_empty() {
        fail("WCODE_API_KEY must hold your key".into());
    }

    let mut response = reqwest::Client::new()
        .post("https://wcode.net/api/gpt/v1/chat/completions")
        .bearer_auth(key)
        .header("Content-Type", "application/json")
        .body(BODY)
        .send()
        .await?;
    let status = response.status();
    if !status.is_success() {
        fail(format!("{status} {}", response.text().await?));
    }

    let mut rest = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        rest.extend_from_slice(&chunk);
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            show(&String::from_utf8(line)?)?;
        }
    }
    println!();
    Ok(())
}
