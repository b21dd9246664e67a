// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use serde_json::Value;
use std::{env, error::Error, process};

const BODY: &str = r#"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {
      "role": "user",
      "content": [
        {
          "type": "image_url",
          "image_url": {
            "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC"
          }
        },
        {"type": "text", "text": "One,"},
        {
          "type": "image_url",
          "image_url": {"url": "https://example.com/b.png?x=$1&y='{2}'"}
        },
        {"type": "text", "text": " two."}
      ]
    }
  ],
  "max_tokens": 9
}"#;

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
