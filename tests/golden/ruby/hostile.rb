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
  "messages" => [
    {
      "role" => "system",
      "content" => "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} \#{x} \#$x \#@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\"
    },
    {
      "role" => "user",
      "content" => "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} \#{x} \#$x \#@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\"
    }
  ],
  "stop" => ["\\", "'", "\""]
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
