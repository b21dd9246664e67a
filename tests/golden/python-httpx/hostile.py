# One request to a chat-completions endpoint, with httpx.
# Install: pip install httpx
# Run:     python ask.py
# Key:     the environment variable WCODE_API_KEY
import os
import sys

import httpx

key = os.environ.get("WCODE_API_KEY")
if not key:
    sys.exit("WCODE_API_KEY must hold your key")

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

response = httpx.post(
    "https://wcode.net/api/gpt/v1/chat/completions",
    headers={"Authorization": f"Bearer {key}"},
    json=body,
    timeout=600,
)
if response.is_error:
    sys.exit(f"{response.status_code} {response.text}")

message = response.json()["choices"][0]["message"]
print(message.get("content") or response.text)
