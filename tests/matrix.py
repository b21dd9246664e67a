"""The requests that every export is made of, compared and run with."""

from dataclasses import dataclass

from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.parameters import NAMES
from wcode_magics.protocol.request import Request
from wcode_magics.snippets import TARGETS

MODEL = "qwen/qwen-2.5-7b-instruct"
BASE_URL = "https://wcode.net/api/gpt/v1"


@dataclass(frozen=True)
class Case:
    """A request, and whether its program streams."""

    request: Request
    stream: bool = False


def _ask(*texts, system=None, extra=None, **params):
    first = (Message("system", system),) if system else ()
    turns = tuple(Message("user", text) for text in texts)
    return Request(MODEL, first + turns, params, extra or {})


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
FORECAST = {
    "type": "function",
    "function": {
        "name": "forecast",
        "description": "The weather of the next days",
        "parameters": SCHEMA,
    },
}
PING = {
    "type": "function",
    "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}},
}
EVERYTHING = {
    "temperature": 0.7,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.05,
    "top_a": 0.1,
    "seed": 42,
    "frequency_penalty": -0.5,
    "presence_penalty": 1.0,
    "repetition_penalty": 1.1,
    "max_tokens": 256,
    "stop": ["END", "\n\n"],
    "verbosity": "low",
    "logprobs": True,
    "top_logprobs": 5,
    "logit_bias": {"0": -100, "1": 12.5},
    "response_format": {"type": "json_object"},
    "structured_outputs": False,
    "tools": [FORECAST],
    "tool_choice": {"type": "function", "function": {"name": "forecast"}},
    "parallel_tool_calls": False,
}
assert set(EVERYTHING) == set(NAMES)

CHINESE = (
    "请阅读下面的说明，然后用三句话概括：\n"
    "模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n"
    "　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n"
)

HOSTILE = (
    """quotes ' " ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\n"""
    "fill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\n"
    'raw strings "# "## r#" "### """# \\#(x) R"( )" @"" $@"" `` EOF JSON\n'
    "JSON\n"
    "comments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\n"
    "ends C:\\new\\table\\user \\\n"
    "control \x00 \x01 \x07 \x08 \x0b \x0c \x1b \x7f \x85 \r \t end\n"
    "invisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\n"
    "scripts 你好，世界 Ελληνικά العربية 🙂 👩‍👩‍👧 𝔘 \U000e0041 \U0010ffff\n"
    "\\"
)
HOSTILE_KEYS = {
    "__proto__": 1,
    "constructor": {"prototype": 2},
    "0": "zero",
    "": None,
    "\" => ' $x #{x} \x00 \u2028": [True, False, None, [], {}, "", 0],
    "numbers": [0, -1, 2**53 + 1, 2**64, -(2**70), 1e-7, 1.5e300, 0.1, -2.5],
}

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49"
    "444154789c63d008b8030001f80155d2ba35370000000049454e44ae426082"
)
SEEN = (
    ImagePart(data=PIXEL, kind="image/png", width=1, height=1),
    ImagePart(url="https://example.com/b.png?x=$1&y='{2}'", at=4),
)

CASES = {
    "minimal": Case(_ask("你好")),
    "everything": Case(_ask("Answer in JSON.", system="Be brief.", **EVERYTHING)),
    "tools": Case(
        _ask("Weather in Kraków?", tools=[FORECAST, PING], tool_choice="auto")
    ),
    "schema": Case(
        _ask(
            "A trip, as JSON.",
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "trip", "strict": True, "schema": SCHEMA},
            },
            structured_outputs=True,
        )
    ),
    "chinese": Case(_ask(CHINESE * 3, system="你是一位严谨的编辑。", max_tokens=8192)),
    "hostile": Case(_ask(HOSTILE, system=HOSTILE, stop=["\\", "'", '"'])),
    "hostile-keys": Case(_ask("Hello", extra={"metadata": HOSTILE_KEYS})),
    "images": Case(
        Request(MODEL, (Message("user", "One, two.", images=SEEN),), {"max_tokens": 9})
    ),
    "streaming": Case(_ask("数到三。", temperature=0.0, top_k=1), stream=True),
}
LONG = _ask('长文 "quoted" \\ $x `y` 🙂\n' * 8000)
"""A prompt of some 64 K tokens (0.3 MB), too long for a golden file."""


def same(read, sent):
    """Whether the JSON data is what was sent, keys in any order.

    Unlike ``==`` it tells booleans from 0 and 1. Where a fraction was sent the same
    double is asked for: JavaScript writes 5.2e16 as an integer.
    """
    if isinstance(sent, dict) and isinstance(read, dict):
        return sent.keys() == read.keys() and all(
            same(read[key], sent[key]) for key in sent
        )
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(same, read, sent))
    if isinstance(sent, float) and type(read) is int:
        return float(read) == sent
    return isinstance(sent, bool) == isinstance(read, bool) and read == sent


def pairs():
    """All (target, name of a case) that make a program."""
    return [(target, name) for target in TARGETS for name, case in CASES.items()]
