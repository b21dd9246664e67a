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
    {"role": "system", "content": "你是一位严谨的编辑。"},
    {
      "role": "user",
      "content": "请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n"
    }
  ],
  "max_tokens": 8192
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
