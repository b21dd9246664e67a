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
            {
                "role": "system",
                "content": 'quotes \' " ` \'\'\' """ ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings "# "## r#" "### """# \\#(x) R"( )" @"" $@"" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \x00 \x01 \x07 \x08 \x0b \x0c \x1b \x7f \x85 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \xa0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \U000e0041 \U0010ffff\n\\',
            },
            {
                "role": "user",
                "content": 'quotes \' " ` \'\'\' """ ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings "# "## r#" "### """# \\#(x) R"( )" @"" $@"" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \x00 \x01 \x07 \x08 \x0b \x0c \x1b \x7f \x85 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \xa0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \U000e0041 \U0010ffff\n\\',
            },
        ],
        stop=["\\", "'", '"'],
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
