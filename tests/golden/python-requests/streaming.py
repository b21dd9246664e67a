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
    "messages": [{"role": "user", "content": "数到三。"}],
    "temperature": 0.0,
    "top_k": 1,
    "stream": True,
}

sys.stdout.reconfigure(encoding="utf-8")
lines, shown, ended = [], False, False


def take(line):
    global shown, ended
    lines.append(line.removeprefix(b"\xef\xbb\xbf"))
    field, _, data = lines[-1].partition(b":")
    ended = ended or data.strip() == b"[DONE]"
    if field not in (b"data", b"error") or data.strip() in (b"", b"[DONE]"):
        return
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if field == b"error" or not isinstance(event, dict) or event.get("error"):
        sys.exit(data.decode(errors="replace"))
    try:
        choice = event["choices"][0]
        ended = ended or bool(choice.get("finish_reason") or choice.get("message"))
        text = (choice.get("delta") or choice["message"])["content"]
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except (LookupError, TypeError, AttributeError):
        return  # no text
    print(text, end="", flush=True)
    shown = shown or text != ""


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
            take(line)
except requests.RequestException as error:
    sys.exit(str(error))

whole = b"\n".join(lines).strip()
if not shown and not ended:
    take(b"data:" + whole)  # the server does not stream
if not ended:
    last = whole.rpartition(b"\n")[2].decode(errors="replace")
    sys.exit(f"the answer was cut off: {last}")
print("" if shown else whole.decode(errors="replace"))
