# One request to a chat-completions endpoint, with requests.
# Install: pip install requests
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys
import json
from contextlib import suppress

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
    lines.append(line.decode("utf-8-sig", "replace"))
    field, _, data = lines[-1].partition(":")
    ended = ended or data.strip() == "[DONE]"
    if field not in ("data", "error") or data.strip() in ("", "[DONE]"):
        return
    event = None
    with suppress(ValueError, RecursionError):
        event = json.loads(data)
    if field == "error" or not isinstance(event, dict) or event.get("error"):
        sys.exit(data)
    with suppress(LookupError, TypeError, AttributeError):  # no text
        choice = event["choices"][0]
        ended = ended or bool(choice.get("finish_reason") or choice.get("message"))
        text = (choice.get("delta") or choice["message"])["content"]
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
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
            sys.exit(f"{response.status_code} {response.content.decode(errors='replace')}")
        for line in response.iter_lines():
            take(line)
except requests.RequestException as error:
    sys.exit(str(error))

whole = "\n".join(lines).strip()
if not shown and not ended:
    take(f"data:{whole}".encode())  # the server does not stream
ended or sys.exit("the answer was cut off: " + whole.rpartition("\n")[2])
print("" if shown else whole)
