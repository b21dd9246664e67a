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
      "role": "user",
      "content": [
        {
          "type": "image_url",
          "image_url": {
            "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC"
          }
        },
        {"type": "text", "text": "One,"},
        {
          "type": "image_url",
          "image_url": {"url": "https://example.com/b.png?x=$1&y='{2}'"}
        },
        {"type": "text", "text": " two."}
      ]
    }
  ],
  "max_tokens": 9
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
