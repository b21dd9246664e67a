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
        messages=[{"role": "user", "content": "Hello"}],
        extra_body={
            "metadata": {
                "__proto__": 1,
                "constructor": {"prototype": 2},
                "0": "zero",
                "": None,
                "\" => ' $x #{x} \x00 \u2028": [
                    True,
                    False,
                    None,
                    [],
                    {},
                    "",
                    0,
                ],
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
        },
    )
except APIStatusError as error:
    sys.exit(f"{error.status_code} {error.response.text}")

print(completion.choices[0].message.content or completion.model_dump_json())
