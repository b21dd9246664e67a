#!/usr/bin/env bash
# One request to a chat-completions endpoint, with curl.
# Install: apt install curl jq
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

ask | jq --raw-input --unbuffered --join-output '
  if test("^data: *[{]") then ltrimstr("data:") | fromjson
    | if .error then .error | tojson | halt_error else .choices[0].delta.content // empty end
  elif . == "" or startswith("data:") or startswith(":") then empty
  else halt_error end'
echo
