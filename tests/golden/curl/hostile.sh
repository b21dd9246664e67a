#!/usr/bin/env bash
# One request to a chat-completions endpoint, with curl.
# Install: curl and jq (1.7 or newer for answers of more than 64 KB)
# Run:     bash ask.sh
# Key:     the environment variable WCODE_API_KEY
set -euo pipefail
: "${WCODE_API_KEY:?must hold your key}"

ask() {
  curl --silent --show-error --fail-with-body \
    --header "Authorization: Bearer $WCODE_API_KEY" \
    --header "Content-Type: application/json" \
    --data-binary @- \
    "https://wcode.net/api/gpt/v1/chat/completions" <<'JSON'
{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {
      "role": "system",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    },
    {
      "role": "user",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    }
  ],
  "stop": ["\\", "'", "\""]
}
JSON
}

answer=$(ask) || { printf '%s\n' "$answer" >&2; exit 1; }
printf '%s' "$answer" | jq --raw-input --slurp --raw-output '
  def json: . as $text | try fromjson catch ($text | gsub( # half a pair: U+FFFD
    "(?<kept>\\\\(?:[^u]|u[dD][89abAB]..\\\\u[dD][c-fC-F]..))|\\\\u[dD][89a-fA-F]..";
    .kept // "\\ufffd") | try fromjson catch null);
  (ltrimstr("\ufeff") | json) as $answer
  | if ($answer | type) != "object" or $answer.error
    then "\(if . == "" then "the answer is empty" else . end)\n" | halt_error(1)
    else $answer.choices[0]?.message // $answer end
  | (.content? | strings | select(. != "")) // tojson'
