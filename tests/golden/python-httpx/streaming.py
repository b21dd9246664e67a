# One request to a chat-completions endpoint, with httpx.
# Install: pip install httpx
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import json
import os
import sys

import httpx

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


def show(line):
    data = line.removeprefix(b"data:").strip()
    if data == line or data == b"[DONE]":
        return
    event = json.loads(data)
    if event.get("error"):
        sys.exit(str(event["error"]))
    for choice in event["choices"]:
        print(choice["delta"].get("content") or "", end="", flush=True)


with httpx.stream(
    "POST",
    "https://wcode.net/api/gpt/v1/chat/completions",
    headers={"Authorization": f"Bearer {key}"},
    json=body,
    timeout=600,
) as response:
    if response.is_error:
        sys.exit(f"{response.status_code} {response.read().decode()}")
    rest = b""
    for chunk in response.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            show(line)
print()
