# One request to a chat-completions endpoint, with httpx.
# Install: pip install httpx
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys

import httpx

key = os.environ.get("WCODE_API_KEY")
if not key:
    sys.exit("WCODE_API_KEY must hold your key")

body = {
    "model": "qwen/qwen-2.5-7b-instruct",
    "messages": [{"role": "user", "content": "你好"}],
}

response = httpx.post(
    "https://wcode.net/api/gpt/v1/chat/completions",
    headers={"Authorization": f"Bearer {key}"},
    json=body,
    timeout=600,
)
if response.is_error:
    sys.exit(f"{response.status_code} {response.text}")

message = response.json()["choices"][0]["message"]
print(message.get("content") or response.text)
