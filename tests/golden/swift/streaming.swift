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
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
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

struct Event: Decodable {
    struct Choice: Decodable {
        struct Delta: Decodable { let content: String? }
        let delta: Delta
    }
    let choices: [Choice]
}

func show(_ line: Data) {
    let data = line.dropFirst("data:".utf8.count)
    guard line.starts(with: Data("data:".utf8)), data.contains(UInt8(ascii: "{")) else { return }
    guard let event = try? JSONDecoder().decode(Event.self, from: Data(data)) else {
        fail(String(decoding: data, as: UTF8.self))
    }
    for choice in event.choices {
        FileHandle.standardOutput.write(Data((choice.delta.content ?? "").utf8))
    }
}

let (bytes, response) = try await URLSession.shared.bytes(for: request)
let status = (response as! HTTPURLResponse).statusCode
var line = Data()
for try await byte in bytes {
    if byte == UInt8(ascii: "\n") && status < 400 {
        show(line)
        line.removeAll()
    } else {
        line.append(byte)
    }
}
if status >= 400 {
    fail("\(status) \(String(decoding: line, as: UTF8.self))")
}
print()
