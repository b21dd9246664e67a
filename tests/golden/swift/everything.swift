// One request to a chat-completions endpoint, with URLSession.
// Install: Swift 5.7 or newer, on Linux or macOS 12
// Run:     swift ask.swift
// Key:     the environment variable WCODE_API_KEY
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

let body = #"""
{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Answer in JSON."}
  ],
  "temperature": 0.7,
  "top_p": 0.95,
  "top_k": 40,
  "min_p": 0.05,
  "top_a": 0.1,
  "seed": 42,
  "frequency_penalty": -0.5,
  "presence_penalty": 1.0,
  "repetition_penalty": 1.1,
  "max_tokens": 256,
  "stop": ["END", "\n\n"],
  "verbosity": "low",
  "logprobs": true,
  "top_logprobs": 5,
  "logit_bias": {"0": -100.0, "1": 12.5},
  "response_format": {"type": "json_object"},
  "structured_outputs": false,
  "tools": [
    {
      "type": "function",
      "function": {
        "name": "forecast",
        "description": "The weather of the next days",
        "parameters": {
          "type": "object",
          "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"}
          },
          "required": ["city", "days"],
          "additionalProperties": false
        }
      }
    }
  ],
  "tool_choice": {"type": "function", "function": {"name": "forecast"}},
  "parallel_tool_calls": false
}
"""#

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(1)
}

// The answer, or nil; half a surrogate pair becomes U+FFFD.
func read(_ text: String) -> [String: Any]? {
    let half = #"(?i)(?<!\\)((?:\\\\)*)\\u(?:d[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..\\u)d[c-f]..)"#
    let json = text.trimmingCharacters(in: ["\u{FEFF}"]).replacingOccurrences(
        of: half, with: #"$1\\ufffd"#, options: .regularExpression)
    let answer = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    let none = ["", "<null>", "0", "false"].contains("\(answer?["error"] ?? "")")
    return none ? answer : nil
}

func ask() async throws {
    guard let key = ProcessInfo.processInfo.environment["WCODE_API_KEY"], !key.isEmpty else {
        fail("WCODE_API_KEY must hold your key")
    }
    var request = URLRequest(url: URL(string: "https://wcode.net/api/gpt/v1/chat/completions")!, timeoutInterval: 600)
    request.httpMethod = "POST"
    request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization")
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.httpBody = Data(body.utf8)

    let (data, response) = try await URLSession.shared.data(for: request)
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    let text = String(decoding: data, as: UTF8.self)
    guard status < 300, let answer = read(text) else { fail("\(status) \(text)") }

    let choice = (answer["choices"] as? [[String: Any]])?.first
    let message = choice?["message"] as? [String: Any] ?? answer
    if let content = message["content"] as? String, !content.isEmpty {
        print(content)
    } else {
        let shown = try JSONSerialization.data(withJSONObject: message)
        print(String(decoding: shown, as: UTF8.self))
    }
}

do {
    try await ask()
} catch {
    fail(error.localizedDescription)
}
