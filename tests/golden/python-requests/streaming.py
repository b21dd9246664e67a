# One request to a chat-completions endpoint, with requests.
# Install: pip install requests
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys
import json

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

sys.stdout.reconfigure(encoding="utf-8")
lines, texts, ends = [], [], []


def show(data, *, failed=False):
    try:
        event = json.loads(data)
    except ValueError:
        event = None
    if failed or not isinstance(event, dict) or event.get("error"):
        sys.exit(data.decode(errors="replace") or "the answer is empty")
    for choice in event.get("choices") or []:
        content = (choice.get("delta") or choice.get("message") or {}).get("content")
        if content and isinstance(content, str):
            text = content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            print(text, end="", flush=True)
            texts.append(text)
        ends.append(choice.get("finish_reason") or "message" in choice)


try:
    with requests.post(
        "https://wcode.net/api/gpt/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json=body,
        stream=True,
        timeout=600,
    ) as response:
        if not response.ok:
            sys.exit(f"{response.status_code} {response.content.decode()}")
        for line in response.iter_lines():
            lines.append(line.removeprefix(b"\xef\xbb\xbf"))
            field, _, data = lines[-1].partition(b":")
            if data.strip() == b"[DONE]":
                ends.append(data)
                break
            if field in (b"data", b"error") and data.strip():
                show(data.strip(), failed=field == b"error")
except requests.RequestException as error:
    sys.exit(str(error))

whole = b"\n".join(lines)
if not texts and not any(ends):
    show(whole)  # the server does not stream
if not any(ends):
    sys.exit("the answer was cut off")
print("" if texts else whole.decode(errors="replace"))
