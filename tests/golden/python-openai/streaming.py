# One request to a chat-completions endpoint, with OpenAI SDK.
# Install: pip install openai
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys

from openai import APIStatusError, OpenAI

key = os.environ.get("WCODE_API_KEY")
if not key:
    sys.exit("WCODE_API_KEY must hold your key")

client = OpenAI(base_url="https://wcode.net/api/gpt/v1", api_key=key)
try:
    completion = client.chat.completions.create(
        model="qwen/qwen-2.5-7b-instruct",
        messages=[{"role": "user", "content": "数到三。"}],
        temperature=0.0,
        stream=True,
        extra_body={"top_k": 1},
    )
except APIStatusError as error:
    sys.exit(f"{error.status_code} {error.response.text}")

for chunk in completion:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
