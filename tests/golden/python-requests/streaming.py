# One request to a chat-completions endpoint, with requests.
# Install: pip install requests
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import json
import os
import sys

import requests

key = os.environ.get("WCODE_API_KEY")
if not key:
    sys.exit("WCODE_API_KEY must hold your key")

body = {
    "model": "qwen/qwen-2.5-7b-instruct",
    "messages": [{"role": "user", "content": "数到三。"}],
    "temperature": 0.0,
    "top_k": 1,
    "stream": True,
}

response = requests.post(
    "https://wcode.net/api/gpt/v1/chat/completions",
    headers={"Authorization": f"Bearer {key}"},
    json=body,
    stream=True,
    timeout=600,
)
if not response.ok:
    sys.exit(f"{response.status_code} {response.text}")

for line in response.iter_lines():
    if not line.startswith(b"data:"):
        continue
    data = line.removeprefix(b"data:").strip()
    if data == b"[DONE]":
        break
    event = json.loads(data)
    if event.get("error"):
        sys.exit(str(event["error"]))
    for choice in event["choices"]:
        print(choice["delta"].get("content") or "", end="", flush=True)
print()
