// One request to a chat-completions endpoint, with URLSession.
// Install: Swift 5.7 or newer, on macOS 12 or newer
// Run:     swift ask.swift
// Key:     the environment variable WCODE_API_KEY
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

let body = #"""
{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "你好"}]
}
"""#

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(1)
}

guard let key = ProcessInfo.processInfo.environment["WCODE_API_KEY"], !key.isEmpty else {
    fail("WCODE_API_KEY must hold your key")
}

var request = URLRequest(url: URL(string: "https://wcode.net/api/gpt/v1/chat/completions")!, timeoutInterval: 600)
request.httpMethod = "POST"
request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization")
request.setValue("application/json", forHTTPHeaderField: "Content-Type")
request.httpBody = Data(body.utf8)

let (data, response) = try await URLSession.shared.data(for: request)
let status = (response as! HTTPURLResponse).statusCode
let text = String(decoding: data, as: UTF8.self)
if status >= 400 {
    fail("\(status) \(text)")
}

struct Answer: Decodable {
    struct Choice: Decodable {
        struct Message: Decodable { let content: String? }
        let message: Message
    }
    let choices: [Choice]
}

let answer = try JSONDecoder().decode(Answer.self, from: data)
print(answer.choices.first?.message.content ?? text)
