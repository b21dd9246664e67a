#!/usr/bin/env bash
# One request to a chat-completions endpoint, with curl.
# Install: apt install curl jq
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
  "messages": [{"role": "user", "content": "A trip, as JSON."}],
  "response_format": {
    "type": "json_schema",
    "json_schema": {
      "name": "trip",
      "strict": true,
      "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": false
      }
    }
  },
  "structured_outputs": true
}
JSON
}

answer=$(ask) || { printf '%s\n' "$answer" >&2; exit 1; }
jq --raw-output '.choices[0].message.content // .' <<<"$answer"
