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
$stdout.sync = true
Net::HTTP.start(uri.hostname, uri.port, options) do |http|
  http.request(request) do |response|
    unless response.is_a?(Net::HTTPSuccess)
      abort "#{response.code} #{response.read_body}"
    end

    rest = +""
    response.read_body do |chunk|
      rest << chunk
      while (line = rest.slice!(/\A.*\n/))
        data = line[/\Adata: *({.*)/, 1]
        next unless data

        event = JSON.parse(data)
        abort event["error"].to_s if event["error"]
        event["choices"].each { |choice| print choice.dig("delta", "content") }
      end
    end
  end
end
puts
