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
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Answer in JSON."},
        ],
        temperature=0.7,
        top_p=0.95,
        seed=42,
        frequency_penalty=-0.5,
        presence_penalty=1.0,
        max_tokens=256,
        stop=["END", "\n\n"],
        verbosity="low",
        logprobs=True,
        top_logprobs=5,
        logit_bias={"0": -100.0, "1": 12.5},
        response_format={"type": "json_object"},
        tools=[
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
        tool_choice={"type": "function", "function": {"name": "forecast"}},
        parallel_tool_calls=False,
        extra_body={
            "top_k": 40,
            "min_p": 0.05,
            "top_a": 0.1,
            "repetition_penalty": 1.1,
            "structured_outputs": False,
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
