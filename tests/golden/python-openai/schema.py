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
        messages=[{"role": "user", "content": "A trip, as JSON."}],
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": "trip",
                "strict": True,
                "schema": {
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
        extra_body={"structured_outputs": True},
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
