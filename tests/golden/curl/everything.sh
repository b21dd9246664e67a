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
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Answer in JSON."}
  ],
  "temperature": 0.7,
  "top_p": 0.95,
  "top_k": 40,
  "min_p": 0.05,
  "top_a": 0.1,
  "seed": 42,
  "frequency_penalty": -0.5,
  "presence_penalty": 1.0,
  "repetition_penalty": 1.1,
  "max_tokens": 256,
  "stop": ["END", "\n\n"],
  "verbosity": "low",
  "logprobs": true,
  "top_logprobs": 5,
  "logit_bias": {"0": -100.0, "1": 12.5},
  "response_format": {"type": "json_object"},
  "structured_outputs": false,
  "tools": [
    {
      "type": "function",
      "function": {
        "name": "forecast",
        "description": "The weather of the next days",
        "parameters": {
          "type": "object",
          "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"}
          },
          "required": ["city", "days"],
          "additionalProperties": false
        }
      }
    }
  ],
  "tool_choice": {"type": "function", "function": {"name": "forecast"}},
  "parallel_tool_calls": false
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
