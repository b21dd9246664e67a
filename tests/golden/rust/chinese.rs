// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use serde_json::Value;
use std::{env, error::Error, process};

const BODY: &str = r#"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {"role": "system", "content": "你是一位严谨的编辑。"},
    {
      "role": "user",
      "content": "请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n"
    }
  ],
  "max_tokens": 8192
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

async fn ask(key: String) -> Result<(), Box<dyn Error>> {
    let response = reqwest::Client::new()
        .post("https://wcode.net/api/gpt/v1/chat/completions")
        .bearer_auth(key)
        .header("Content-Type", "application/json")
        .body(BODY)
        .send()
        .await?;
    let status = response.status();
    let text = response.bytes().await?;
    let answer = read(&text)
        .filter(|_| status.is_success())
        .unwrap_or_else(|| fail(format!("{status} {}", String::from_utf8_lossy(&text))));
    let message = answer.pointer("/choices/0/message").unwrap_or(&answer);
    match message["content"].as_str() {
        Some(text) if !text.is_empty() => println!("{text}"),
        _ => println!("{message}"),
    }
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
