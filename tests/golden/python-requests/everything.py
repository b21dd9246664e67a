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
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Answer in JSON."},
    ],
    "temperature": 0.7,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.05,
    "top_a": 0.1,
    "seed": 42,
    "frequency_penalty": -0.5,
    "presence_penalty": 1.0,
    "repetition_penalty": 1.1,
    "max_tokens": 256,
    "stop": ["END", "\n\n"],
    "verbosity": "low",
    "logprobs": True,
    "top_logprobs": 5,
    "logit_bias": {"0": -100.0, "1": 12.5},
    "response_format": {"type": "json_object"},
    "structured_outputs": False,
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
    ],
    "tool_choice": {"type": "function", "function": {"name": "forecast"}},
    "parallel_tool_calls": False,
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
