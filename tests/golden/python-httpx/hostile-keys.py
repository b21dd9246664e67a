# One request to a chat-completions endpoint, with httpx.
# Install: pip install httpx
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys
import json

import httpx

key = os.environ.get("WCODE_API_KEY") or sys.exit("WCODE_API_KEY must hold your key")

body = {
    "model": "qwen/qwen-2.5-7b-instruct",
    "messages": [{"role": "user", "content": "Hello"}],
    "metadata": {
        "__proto__": 1,
        "constructor": {"prototype": 2},
        "0": "zero",
        "": None,
        "\" => ' $x #{x} \x00 \u2028": [True, False, None, [], {}, "", 0],
        "numbers": [
            0,
            -1,
            9007199254740993,
            18446744073709551616,
            -1180591620717411303424,
            1e-07,
            1.5e300,
            0.1,
            -2.5,
        ],
    },
}

try:
    response = httpx.post(
        "https://wcode.net/api/gpt/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json=body,
        timeout=600,
    )
except httpx.HTTPError as error:
    sys.exit(str(error))
text = response.content.decode("utf-8-sig", "replace")
try:
    answer = json.loads(text)
except (ValueError, RecursionError):
    answer = None
if response.is_error or not isinstance(answer, dict) or answer.get("error"):
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
