// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use serde_json::Value;
use std::{env, error::Error, io::Write, process};

const BODY: &str = r#"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
}"#;

fn fail(message: String) -> ! {
    let empty = message.trim().is_empty();
    eprintln!(
        "{message}{}",
        if empty { "the answer is empty" } else { "" }
    );
    process::exit(1);
}

/// Half a surrogate pair becomes U+FFFD.
fn mend(json: &str) -> String {
    let unit = |at: usize| u16::from_str_radix(json.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok();
    let (mut whole, mut at) = (json.to_string(), 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                whole.replace_range(at..at + 6, "\\ufffd");
                6
            }
            _ => json[at..].chars().take(2).map(char::len_utf8).sum(),
        };
    }
    whole
}

fn read(data: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(data);
    let answer: Value = serde_json::from_str(&mend(text.trim_start_matches('\u{feff}'))).ok()?;
    let failed = !matches!(answer["error"], Value::Null | Value::Bool(false));
    (answer.is_object() && !failed).then_some(answer)
}

#[derive(Default)]
struct Shown {
    text: bool,
    end: bool,
}

fn show(data: &[u8], shown: &mut Shown) {
    let event = read(data).unwrap_or_else(|| fail(String::from_utf8_lossy(data).into()));
    for choice in event["choices"].as_array().into_iter().flatten() {
        let whole = choice["message"].is_object();
        let part = &choice[if whole { "message" } else { "delta" }];
        let text = part["content"].as_str().unwrap_or("");
        print!("{text}");
        let _ = std::io::stdout().flush();
        shown.text |= !text.is_empty();
        shown.end |= whole || choice["finish_reason"].is_string();
    }
}

async fn ask(key: String) -> Result<(), Box<dyn Error>> {
    let mut response = reqwest::Client::new()
        .post("https://wcode.net/api/gpt/v1/chat/completions")
        .bearer_auth(key)
        .header("Content-Type", "application/json")
        .body(BODY)
        .send()
        .await?;
    let status = response.status();
    if !status.is_success() {
        let text = response.bytes().await?;
        fail(format!("{status} {}", String::from_utf8_lossy(&text)));
    }

    let (mut all, mut done, mut shown) = (Vec::new(), 0, Shown::default());
    while let Some(chunk) = response.chunk().await? {
        all.extend_from_slice(&chunk);
        while let Some(end) = all[done..].iter().position(|byte| b"\r\n".contains(byte)) {
            let line = String::from_utf8_lossy(&all[done..done + end]).to_string();
            done += end + 1;
            match line.trim_start_matches('\u{feff}').split_once(':') {
                Some(("error", message)) => fail(message.into()),
                Some(("data", data)) if data.trim() == "[DONE]" => shown.end = true,
                Some(("data", data)) if !data.trim().is_empty() => {
                    show(data.as_bytes(), &mut shown)
                }
                _ => (),
            }
        }
    }
    if !shown.text && !shown.end {
        show(&all, &mut shown);
    }
    if !shown.end {
        fail("the answer was cut off".into());
    }
    if !shown.text {
        print!("{}", String::from_utf8_lossy(&all));
    }
    println!();
    Ok(())
}

#[tokio::main]
async fn main() {
    let key = env::var("WCODE_API_KEY").unwrap_or_default();
    if key.is_empty() {
        fail("WCODE_API_KEY must hold your key".into());
    }
    if let Err(error) = ask(key).await {
        fail(error.to_string());
    }
}
