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
  "messages" => [{"role" => "user", "content" => "数到三。"}],
  "temperature" => 0.0,
  "top_k" => 1,
  "stream" => true
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

$stdout.sync = true
all, rest, last, shown, ended = +"", +"", "", false, false
take = lambda do |line|
  field, data = line.match(/\A(?:\xEF\xBB\xBF)?(data|error): *(.*\S)/mn)&.captures
  next unless field
  last = data
  next ended = true if data == "[DONE]"
  event = read(data) if field == "data"
  choice = Array((event or abort data)["choices"]).first || {}
  text = (choice["delta"] || choice["message"] || {})["content"]
  print text if text.is_a?(String)
  shown ||= text.is_a?(String) && !text.empty?
  ended ||= choice["message"] || choice["finish_reason"]
end

begin
  Net::HTTP.start(uri.hostname, uri.port, use_ssl: uri.scheme == "https", read_timeout: 600) do |http|
    http.request(request) do |response|
      unless response.is_a?(Net::HTTPSuccess)
        abort "#{response.code} #{response.read_body}"
      end

      response.read_body do |chunk|
        all << chunk
        *lines, rest = (rest + chunk).split(/[\r\n]/, -1)
        lines.each(&take)
      end
    end
  end
rescue => error
  abort error.message
end
take.call(rest)
take.call("data:#{all}") unless shown || ended # the server does not stream
abort "the answer was cut off: #{last}" unless ended
puts shown ? "" : all
