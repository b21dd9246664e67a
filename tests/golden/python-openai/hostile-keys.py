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
    if completion.to_dict(warnings=False).get("error"):
        sys.exit(completion.to_json(indent=None))
    message = completion.choices[0].message if completion.choices else completion
    text = getattr(message, "content", None)
except APIStatusError as error:
    sys.exit(f"{error.status_code} {error.response.text}")
except Exception as error:
    sys.exit(f"{error} {getattr(error, 'body', None) or ''}" or repr(error))
client.close()
if not text or not isinstance(text, str):
    text = getattr(message, "to_json", completion.to_json)(indent=None, warnings=False)
print(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
