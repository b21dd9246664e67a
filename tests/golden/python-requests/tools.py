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
    "messages": [{"role": "user", "content": "Weather in Kraków?"}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "forecast",
                "description": "The weather of the next days",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string"},
                        "days": {"type": "integer"},
                    },
                    "required": ["city", "days"],
                    "additionalProperties": False,
                },
            },
        },
        {
            "type": "function",
            "function": {
                "name": "ping",
                "parameters": {"type": "object", "properties": {}},
            },
        },
    ],
    "tool_choice": "auto",
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
