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
            {"role": "system", "content": "你是一位严谨的编辑。"},
            {
                "role": "user",
                "content": "请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n",
            },
        ],
        max_tokens=8192,
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
