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

    func take(_ line: String) {
        let line = line.trimmingCharacters(in: ["\u{FEFF}"])
        let field = line.prefix { $0 != ":" }
        let data = line.dropFirst(field.count + 1).trimmingCharacters(in: .whitespacesAndNewlines)
        ended = ended || data == "[DONE]"
        guard field == "data" || field == "error", !data.isEmpty, data != "[DONE]" else { return }
        guard field == "data", let event = read(data) else { fail(data) }
        let choice = (event["choices"] as? [[String: Any]])?.first ?? [:]
        let message = choice["message"] as? [String: Any]
        let part = choice["delta"] as? [String: Any] ?? message
        let text = part?["content"] as? String ?? ""
        FileHandle.standardOutput.write(Data(text.utf8))
        shown = shown || !text.isEmpty
        ended = ended || message != nil || choice["finish_reason"] is String
    }

    let pieces = Pieces()
    let stream = pieces.stream
    let session = URLSession(configuration: .default, delegate: pieces, delegateQueue: nil)
    let task = session.dataTask(with: request)
    var status: Int { (task.response as? HTTPURLResponse)?.statusCode ?? 0 }
    task.resume()
    for try await piece in stream {
        all.append(piece)
        rest.append(piece)
        while let end = rest.firstIndex(where: { $0 == 10 || $0 == 13 }) {
            if status < 300 { take(String(decoding: rest[..<end], as: UTF8.self)) }
            rest = Data(rest[(end + 1)...])
        }
    }
    let text = String(decoding: all, as: UTF8.self)
    if status >= 300 { fail("\(status) \(text)") }
    take(String(decoding: rest, as: UTF8.self))
    if !shown && !ended { take("data:" + text) }  // the server does not stream
    if !ended { fail("the answer was cut off: \(text.split { $0.isNewline }.last ?? "")") }
    print(shown ? "" : text)
}

do {
    try await ask()
} catch {
    fail(error.localizedDescription)
}
