# One request to a chat-completions endpoint, with net/http.
# Install: Ruby 2.7 or newer; nothing else
# Run:     ruby ask.rb
# Key:     the environment variable WCODE_API_KEY
require "json"
require "net/http"

key = ENV.fetch("WCODE_API_KEY", "")
abort "WCODE_API_KEY must hold your key" if key.empty?

body = {
  "model" => "qwen/qwen-2.5-7b-instruct",
  "messages" => [
    {
      "role" => "user",
      "content" => [
        {
          "type" => "image_url",
          "image_url" => {
            "url" => "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC"
          }
        },
        {"type" => "text", "text" => "One,"},
        {
          "type" => "image_url",
          "image_url" => {"url" => "https://example.com/b.png?x=$1&y='{2}'"}
        },
        {"type" => "text", "text" => " two."}
      ]
    }
  ],
  "max_tokens" => 9
}

uri = URI("https://wcode.net/api/gpt/v1/chat/completions")
request = Net::HTTP::Post.new(uri)
request["Authorization"] = "Bearer #{key}"
request["Content-Type"] = "application/json"
request.body = JSON.generate(body)

# The answer, or nil; half a surrogate pair becomes U+FFFD.
def read(data)
  half = /\\(?:[^u]|u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..))/
  text = data.dup.force_encoding("UTF-8").scrub.delete_prefix("\uFEFF")
  answer = JSON.parse(text.gsub(half) { $1 ? '\ufffd' : $& })
  answer if answer.is_a?(Hash) && !answer["error"]
rescue JSON::ParserError
  nil
end

begin
  http = Net::HTTP.start(uri.hostname, uri.port, use_ssl: uri.scheme == "https", read_timeout: 600)
  response = http.request(request)
rescue => error
  abort error.message
end
answer = read(response.body) if response.is_a?(Net::HTTPSuccess)
abort "#{response.code} #{response.body}" unless answer

message = (Array(answer["choices"]).first || {})["message"] || answer
text = message["content"]
puts text.is_a?(String) && !text.empty? ? text : JSON.generate(message)
