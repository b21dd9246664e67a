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
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
}
"""#

func fail(_ message: String) -> Never {
    let shown = message.isEmpty ? "the answer is empty" : message
    FileHandle.standardError.write(Data((shown + "\n").utf8))
    exit(1)
}

func read(_ text: String) -> [String: Any]? {
    // half a surrogate pair becomes U+FFFD
    let high = #"(?<!\\)((?:\\\\)*)\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])"#
    let low = #"(?<!\\u[dD][89abAB]..)(?<!\\)((?:\\\\)*)\\u[dD][c-fC-F].."#
    var json = text.trimmingCharacters(in: ["\u{FEFF}"])
    for half in [high, low] {
        json = json.replacingOccurrences(
            of: half, with: #"$1\\ufffd"#, options: .regularExpression)
    }
    let answer = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    guard let answer, answer["error"] == nil || answer["error"] is NSNull else { return nil }
    return answer
}

func choices(_ answer: [String: Any]) -> [[String: Any]] {
    answer["choices"] as? [[String: Any]] ?? []
}

final class Pieces: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private var continuation: AsyncThrowingStream<Data, Error>.Continuation?
    lazy var stream = AsyncThrowingStream<Data, Error> { self.continuation = $0 }

    func urlSession(_: URLSession, dataTask _: URLSessionDataTask, didReceive data: Data) {
        continuation?.yield(data)
    }

    func urlSession(_: URLSession, task _: URLSessionTask, didCompleteWithError error: Error?) {
        continuation?.finish(throwing: error)
    }
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

    var (all, rest, shown, ended) = (Data(), Data(), false, false)

    func show(_ data: String) {
        guard let event = read(data) else { fail(data) }
        for choice in choices(event) {
            let part = (choice["delta"] ?? choice["message"]) as? [String: Any]
            let text = part?["content"] as? String ?? ""
            FileHandle.standardOutput.write(Data(text.utf8))
            shown = shown || !text.isEmpty
            ended = ended || choice["message"] != nil || choice["finish_reason"] is String
        }
    }

    func take(_ line: String) {
        let field = line.trimmingCharacters(in: ["\u{FEFF}"]).prefix { $0 != ":" }
        let data = line.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)
        if field == "error" { fail(data) }
        guard field == "data", !data.isEmpty else { return }
        if data == "[DONE]" { ended = true } else { show(data) }
    }

    let pieces = Pieces()
    let stream = pieces.stream
    let session = URLSession(configuration: .default, delegate: pieces, delegateQueue: nil)
    let task = session.dataTask(with: request)
    task.resume()
    for try await piece in stream {
        all.append(piece)
        rest.append(piece)
        if let response = task.response as? HTTPURLResponse, response.statusCode >= 400 { continue }
        while let end = rest.firstIndex(where: { $0 == 10 || $0 == 13 }) {
            take(String(decoding: rest[..<end], as: UTF8.self))
            rest = Data(rest[(end + 1)...])
        }
    }
    let text = String(decoding: all, as: UTF8.self)
    if let response = task.response as? HTTPURLResponse, response.statusCode >= 400 {
        fail("\(response.statusCode) \(text)")
    }
    if !shown && !ended { show(text) }
    if !ended { fail("the answer was cut off") }
    print(shown ? "" : text)
}

do {
    try await ask()
} catch {
    fail(error.localizedDescription)
}
