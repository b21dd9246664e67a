# One request to a chat-completions endpoint, with requests.
# Install: pip install requests
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys
import json

import requests

key = os.environ.get("WCODE_API_KEY") or sys.exit("WCODE_API_KEY must hold your key")

body = {
    "model": "qwen/qwen-2.5-7b-instruct",
    "messages": [
        {"role": "system", "content": "你是一位严谨的编辑。"},
        {
            "role": "user",
            "content": "请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n",
        },
    ],
    "max_tokens": 8192,
}

try:
    response = requests.post(
        "https://wcode.net/api/gpt/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json=body,
        timeout=600,
    )
except requests.RequestException as error:
    sys.exit(str(error))
text = response.content.decode("utf-8-sig", "replace")
try:
    answer = json.loads(text)
except (ValueError, RecursionError):
    answer = None
if not response.ok or not isinstance(answer, dict) or answer.get("error"):
    sys.exit(f"{response.status_code} {text}")

message = answer
try:
    message = answer["choices"][0]["message"] or answer
    text = message["content"] + ""
except (LookupError, TypeError):
    text = ""
text = text or json.dumps(message, ensure_ascii=False)
sys.stdout.reconfigure(encoding="utf-8")
print(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
