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
        {
            "role": "user",
            "content": [
                {
                    "type": "image_url",
                    "image_url": {
                        "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC",
                    },
                },
                {"type": "text", "text": "One,"},
                {
                    "type": "image_url",
                    "image_url": {
                        "url": "https://example.com/b.png?x=$1&y='{2}'",
                    },
                },
                {"type": "text", "text": " two."},
            ],
        },
    ],
    "max_tokens": 9,
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
