# One request to a chat-completions endpoint, with httpx.
# Install: pip install httpx
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys
import json

import httpx

key = os.environ.get("WCODE_API_KEY") or sys.exit("WCODE_API_KEY must hold your key")

body = {
    "model": "qwen/qwen-2.5-7b-instruct",
    "messages": [
        {
            "role": "system",
            "content": 'quotes \' " ` \'\'\' """ ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings "# "## r#" "### """# \\#(x) R"( )" @"" $@"" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \x00 \x01 \x07 \x08 \x0b \x0c \x1b \x7f \x85 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \xa0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \U000e0041 \U0010ffff\n\\',
        },
        {
            "role": "user",
            "content": 'quotes \' " ` \'\'\' """ ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings "# "## r#" "### """# \\#(x) R"( )" @"" $@"" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \x00 \x01 \x07 \x08 \x0b \x0c \x1b \x7f \x85 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \xa0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \U000e0041 \U0010ffff\n\\',
        },
    ],
    "stop": ["\\", "'", '"'],
}

try:
    response = httpx.post(
        "https://wcode.net/api/gpt/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json=body,
        timeout=600,
    )
except httpx.HTTPError as error:
    sys.exit(str(error))
text = response.content.decode("utf-8-sig", "replace")
try:
    answer = json.loads(text)
except (ValueError, RecursionError):
    answer = None
if response.is_error or not isinstance(answer, dict) or answer.get("error"):
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
