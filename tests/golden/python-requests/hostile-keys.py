# One request to a chat-completions endpoint, with requests.
# Install: pip install requests
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys

import requests

key = os.environ.get("WCODE_API_KEY")
if not key:
    sys.exit("WCODE_API_KEY must hold your key")

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

response = requests.post(
    "https://wcode.net/api/gpt/v1/chat/completions",
    headers={"Authorization": f"Bearer {key}"},
    json=body,
    timeout=600,
)
if not response.ok:
    sys.exit(f"{response.status_code} {response.text}")

message = response.json()["choices"][0]["message"]
print(message.get("content") or response.text)
