# One request to a chat-completions endpoint, with OpenAI SDK.
# Install: pip install openai
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys

from openai import APIStatusError, OpenAI

key = os.environ.get("WCODE_API_KEY") or sys.exit("WCODE_API_KEY must hold your key")

sys.stdout.reconfigure(encoding="utf-8", errors="replace")
client = OpenAI(base_url="https://wcode.net/api/gpt/v1", api_key=key)
chunks, texts, ends = [], [], []
try:
    completion = client.chat.completions.create(
        model="qwen/qwen-2.5-7b-instruct",
        messages=[{"role": "user", "content": "数到三。"}],
        temperature=0.0,
        stream=True,
        extra_body={"top_k": 1},
    )
    for chunk in completion:
        chunks.append(chunk)
        for choice in chunk.choices or []:
            texts.append(choice.delta.content or "")
            print(texts[-1], end="", flush=True)
            ends.append(choice.finish_reason)
except APIStatusError as error:
    sys.exit(f"{error.status_code} {error.response.text}")
except Exception as error:
    sys.exit(f"{error} {getattr(error, 'body', None) or ''}" or repr(error))
client.close()
if not any(ends):
    sys.exit(f"the answer was cut off: {chunks[-1:]}")
print("" if any(texts) else "\n".join(one.to_json(indent=None) for one in chunks))
