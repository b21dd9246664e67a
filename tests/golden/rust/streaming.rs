// One request to a chat-completions endpoint, with reqwest.
// Install: cargo add reqwest serde_json && cargo add tokio --features full
// Run:     cargo run (this file as src/main.rs)
// Key:     the environment variable WCODE_API_KEY
use serde_json::Value;
use std::{env, error::Error, io, io::Write, process};

const BODY: &str = r#"{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
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

fn take(line: &[u8], shown: &mut bool, ended: &mut bool) -> Result<(), String> {
    let line = String::from_utf8_lossy(line);
    let field = line.trim_start_matches('\u{feff}').split_once(':');
    match field.map(|(name, data)| (name, data.trim())) {
        Some(("data", "[DONE]")) => *ended = true,
        Some(("data", data)) if !data.is_empty() => {
            let event = read(data.as_bytes()).ok_or(data)?;
            let choice = &event["choices"][0];
            let part = choice.get("delta").unwrap_or(&choice["message"]);
            let text = part["content"].as_str().unwrap_or("");
            print!("{text}");
            io::stdout().flush().ok();
            *shown |= !text.is_empty();
            *ended |= choice["message"].is_object() || choice["finish_reason"].is_string();
        }
        Some(("error", data)) => return Err(data.into()),
        _ => (),
    }
    Ok(())
}

async fn ask() -> Result<(), Box<dyn Error>> {
    let key = env::var("WCODE_API_KEY").ok().filter(|key| !key.is_empty());
    let key = key.ok_or("WCODE_API_KEY must hold your key")?;
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
        return Err(format!("{status} {}", String::from_utf8_lossy(&text)).into());
    }
    let (mut all, mut done, mut shown, mut ended) = (Vec::new(), 0, false, false);
    while let Some(chunk) = response.chunk().await? {
        all.extend_from_slice(&chunk);
        while let Some(end) = all[done..].iter().position(|byte| b"\r\n".contains(byte)) {
            take(&all[done..done + end], &mut shown, &mut ended)?;
            done += end + 1;
        }
    }
    let text = String::from_utf8_lossy(&all);
    take(&all[done..], &mut shown, &mut ended)?;
    if !shown && !ended {
        take(format!("data:{text}").as_bytes(), &mut shown, &mut ended)?;
    }
    if !ended {
        let last = text.trim().lines().last().unwrap_or_default();
        return Err(format!("the answer was cut off: {last}").into());
    }
    println!("{}", if shown { "" } else { &text });
    Ok(())
}

#[tokio::main]
async fn main() {
    if let Err(error) = ask().await {
        eprintln!("{error}");
        process::exit(1);
    }
}
