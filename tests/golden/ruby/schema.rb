# One request to a chat-completions endpoint, with net/http.
# Install: apt install ruby
# Run:     ruby ask.rb
# Key:     the environment variable WCODE_API_KEY
require "json"
require "net/http"

key = ENV.fetch("WCODE_API_KEY", "")
abort "WCODE_API_KEY must hold your key" if key.empty?

body = {
  "model" => "qwen/qwen-2.5-7b-instruct",
  "messages" => [{"role" => "user", "content" => "A trip, as JSON."}],
  "response_format" => {
    "type" => "json_schema",
    "json_schema" => {
      "name" => "trip",
      "strict" => true,
      "schema" => {
        "type" => "object",
        "properties" => {
          "city" => {"type" => "string"},
          "days" => {"type" => "integer"}
        },
        "required" => ["city", "days"],
        "additionalProperties" => false
      }
    }
  },
  "structured_outputs" => true
}

uri = URI("https://wcode.net/api/gpt/v1/chat/completions")
request = Net::HTTP::Post.new(uri)
request["Authorization"] = "Bearer #{key}"
request["Content-Type"] = "application/json"
request.body = JSON.generate(body)

options = { use_ssl: uri.scheme == "https", read_timeout: 600 }
response = Net::HTTP.start(uri.hostname, uri.port, options) do |http|
  http.request(request)
end
abort "#{response.code} #{response.body}" unless response.is_a?(Net::HTTPSuccess)

text = JSON.parse(response.body).dig("choices", 0, "message", "content")
puts text || response.body
