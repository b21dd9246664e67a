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
