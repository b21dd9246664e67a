#!/usr/bin/env bash
# One request to a chat-completions endpoint, with curl.
# Install: curl and jq
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
  # half a surrogate pair becomes U+FFFD
  def json: . as $text | try fromjson catch ($text | gsub(
    "(?<kept>\\\\(?:[^u]|u[dD][89abAB]..\\\\u[dD][c-fC-F]..))|\\\\u[dD][89a-fA-F]..";
    .kept // "\\ufffd") | try fromjson catch null);
  def fail: "\(select(test("\\S")) // "the answer is empty")\n" | halt_error(1);
  def take($data): ($data | json) as $event
    | if ($event | type) != "object" or $event.error then $data | fail else . end
    | ($event.choices[0]? // {}) as $choice
    | .now = ([($choice.delta // $choice.message).content? | strings] | add // "")
    | .shown = (.shown or .now != "")
    | .ended = (.ended or $choice.finish_reason or ($choice | has("message")));
  foreach ((inputs | ltrimstr("\ufeff") | split("\r")[]), null) as $line ({};
    .now = "" | .all += "\($line // "")\n"
    | if $line == null then
        if .shown or .ended then . else take(.all) end
        | if .ended then .now += if .shown then "\n" else .all end
          else if .shown then "\nthe answer was cut off" else .all end | fail end
      elif $line | test("^error:") then $line | fail
      elif $line | test("^data: *\\[DONE\\]") then .ended = true
      elif $line | test("^data: *[^ ]") then take($line[5:])
      else . end;
    .now)'
