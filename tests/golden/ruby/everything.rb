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
    {"role" => "system", "content" => "Be brief."},
    {"role" => "user", "content" => "Answer in JSON."}
  ],
  "temperature" => 0.7,
  "top_p" => 0.95,
  "top_k" => 40,
  "min_p" => 0.05,
  "top_a" => 0.1,
  "seed" => 42,
  "frequency_penalty" => -0.5,
  "presence_penalty" => 1.0,
  "repetition_penalty" => 1.1,
  "max_tokens" => 256,
  "stop" => ["END", "\n\n"],
  "verbosity" => "low",
  "logprobs" => true,
  "top_logprobs" => 5,
  "logit_bias" => {"0" => -100.0, "1" => 12.5},
  "response_format" => {"type" => "json_object"},
  "structured_outputs" => false,
  "tools" => [
    {
      "type" => "function",
      "function" => {
        "name" => "forecast",
        "description" => "The weather of the next days",
        "parameters" => {
          "type" => "object",
          "properties" => {
            "city" => {"type" => "string"},
            "days" => {"type" => "integer"}
          },
          "required" => ["city", "days"],
          "additionalProperties" => false
        }
      }
    }
  ],
  "tool_choice" => {"type" => "function", "function" => {"name" => "forecast"}},
  "parallel_tool_calls" => false
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
