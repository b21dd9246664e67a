// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
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
