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

options = { use_ssl: uri.scheme == "https", read_timeout: 600 }

# Half a surrogate pair becomes U+FFFD; nil for what is no answer.
HALF = /\\(?:[^u]|u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..))/
def read(data)
  text = data.dup.force_encoding("UTF-8").scrub.delete_prefix("\uFEFF")
  answer = JSON.parse(text.gsub(HALF) { $1 ? '\ufffd' : $& })
  answer if answer.is_a?(Hash) && !answer["error"]
rescue JSON::ParserError
  nil
end

$stdout.sync = true
texts, ends, all, rest = [], [], +"", +""
show = lambda do |data|
  event = read(data) or abort(data.strip.empty? ? "the answer is empty" : data)
  Array(event["choices"]).each do |choice|
    text = (choice["delta"] || choice["message"] || {})["content"]
    print text if text.is_a?(String)
    texts << text if text.is_a?(String) && !text.empty?
    ends << choice["message"] << choice["finish_reason"]
  end
end

begin
  Net::HTTP.start(uri.hostname, uri.port, options) do |http|
    http.request(request) do |response|
      unless response.is_a?(Net::HTTPSuccess)
        abort "#{response.code} #{response.read_body}"
      end

      response.read_body do |chunk|
        all << chunk
        rest << chunk
        while (line = rest.slice!(/\A[^\r\n]*[\r\n]/))
          abort line if line.start_with?("error:")
          data = line.delete_prefix("\xEF\xBB\xBF".b)[/\Adata: *(.*\S)/, 1]
          data == "[DONE]" ? ends << data : show.call(data) if data
        end
      end
    end
  end
rescue IOError, SystemCallError, Timeout::Error, SocketError => error
  abort error.message
end
show.call(all) if texts.empty? && ends.none?
abort "the answer was cut off" if ends.none?
puts texts.empty? ? all : ""
