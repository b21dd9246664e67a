#!/usr/bin/env bash
# One request to a chat-completions endpoint, with curl.
# Install: curl and jq (1.7 or newer for answers of more than 64 KB)
# Run:     bash ask.sh
# Key:     the environment variable WCODE_API_KEY
set -euo pipefail
: "${WCODE_API_KEY:?must hold your key}"

ask() {
  curl --silent --show-error --fail-with-body --no-buffer \
    --header "Authorization: Bearer $WCODE_API_KEY" \
    --header "Content-Type: application/json" \
    --data-binary @- \
    "https://wcode.net/api/gpt/v1/chat/completions" <<'JSON'
{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
}
JSON
}

ask | jq --raw-input --null-input --unbuffered --join-output '
  def json: . as $text | try fromjson catch ($text | gsub( # half a pair: U+FFFD
    "(?<kept>\\\\(?:[^u]|u[dD][89abAB]..\\\\u[dD][c-fC-F]..))|\\\\u[dD][89a-fA-F]..";
    .kept // "\\ufffd") | try fromjson catch null);
  def fail: "\(.)\n" | halt_error(1);
  def take($line): if $line | test("^(data|error): *[^ ]") | not then . else
    .last = ($line | ltrimstr("data:") | ltrimstr("error:"))
    | if .last | test("^ *\\[DONE\\]") then .ended = true else
      (.last | json) as $event
      | (if $line[0:5] == "error" or ($event | type) != "object" or $event.error
        then .last | fail else $event.choices[0]? // {} end) as $choice
      | .now = ([($choice.delta // $choice.message).content? | strings] | add // "")
      | .shown = (.shown or .now != "")
      | .ended = (.ended or $choice.finish_reason or $choice.message)
    end end;
  foreach ((inputs | ltrimstr("\ufeff") | split("\r")[]), null) as $line ({};
    .now = "" | if $line then .all += "\($line)\n" | take($line) else
      if .shown or .ended then . else take("data:" + .all) end
      | if .ended then .now += if .shown then "\n" else .all end
        else "the answer was cut off: \(.last)" | fail end
    end; .now)'
