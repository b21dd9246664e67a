"""Token counts: exact where the vocabulary is, honest estimates elsewhere."""

import json
import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.protocol import token_counts
from wcode_magics.protocol.messages import HOSTED_URL, Message
from wcode_magics.protocol.request import Request

QWEN = "qwen/qwen-2.5-7b-instruct"
TEXTS = {
    "chinese": "物流很快，包装也仔细，就是屏幕左上角有一个亮点，客服说可以换货，"
    "可我实在不想再等一个星期了。总体来说对得起这个价格。",
    "english": "Delivery was quick and the box was fine, but there is a bright pixel "
    "in the upper left corner; support offered to swap it and I do not want to wait.",
    "code": "def mean(values):\n    total = 0.0\n    for value in values:\n"
    "        total += value\n    return total / len(values) if values else None\n",
    "mixed": "请把 total_price 改成 float64, 精确到 0.01 (e.g. 3.14) — 谢谢！",
}
needs_vocabulary = pytest.mark.skipif(
    not token_counts.count("").exact, reason="the extra `tokens` is not installed"
)


def ask(*messages: Message, **more) -> Request:
    """A request to a Qwen."""
    return Request(more.pop("model", QWEN), messages, more)


@needs_vocabulary
def test_known_counts():
    """Words of the template and of everyday language have their known ids."""
    assert token_counts.encode_words("你好") == [108386]
    assert token_counts.encode_words("system") == [8948, 1849]
    assert token_counts.count("You are a helpful assistant.") == token_counts.Count(
        6, exact=True
    )


@needs_vocabulary
def test_composed_characters():
    """Text counts as its NFC form, as the model's tokenizer has it."""
    assert token_counts.count("e\u0301") == token_counts.count("\u00e9")


@needs_vocabulary
@pytest.mark.parametrize("name", TEXTS)
def test_estimate_is_near(name):
    """The estimate is within a quarter of the vocabulary's count."""
    exact = token_counts.count(TEXTS[name]).tokens
    assert abs(token_counts.estimate(TEXTS[name]).tokens / exact - 1) < 0.25


@needs_vocabulary
def test_template():
    """A request counts its chat template, with the default system prompt."""
    system = Message("system", "You are a helpful assistant.")
    user = Message("user", "你好")
    assert token_counts.count_request(
        ask(system, user), HOSTED_URL
    ) == token_counts.Count((5 + 6) + (5 + 1) + 3, exact=True)
    default = token_counts.count_request(ask(user), HOSTED_URL).tokens
    assert default == (5 + 16) + (5 + 1) + 3


def test_not_exact_for_others():
    """For tools, other models and other endpoints, a count is an estimate.

    The default model's name at another server is no proof of its tokenizer.
    """
    user = Message("user", "hello")
    tool = {"type": "function", "function": {"name": "f"}}
    assert token_counts.count_request(ask(user), HOSTED_URL).exact
    assert not token_counts.count_request(ask(user, model="other"), HOSTED_URL).exact
    with_tool = token_counts.count_request(ask(user, tools=[tool]), HOSTED_URL)
    assert not with_tool.exact
    assert not token_counts.count_request(ask(user)).exact
    assert not token_counts.count_request(ask(user), "http://127.0.0.1:8000/v1").exact
    assert not token_counts.count_request(ask(user, model="qwen3:8b"), HOSTED_URL).exact
    assert with_tool.tokens > token_counts.count_request(ask(user)).tokens


def test_margin():
    """An estimate reserves more than it says, an exact count just itself."""
    assert token_counts.Count(100, exact=True).most == 100
    assert token_counts.Count(100, exact=False).most > 125
    both = token_counts.Count(1, exact=True) + token_counts.Count(2, exact=False)
    assert both == token_counts.Count(3, exact=False)


def test_without_the_extra():
    """Without the extra all is estimated, and ids are refused with the remedy."""
    script = """
import sys
sys.modules["tiktoken"] = None
import importlib.util as u
found = u.find_spec
u.find_spec = lambda name, *a: None if name == "tiktoken" else found(name, *a)
from wcode_magics.protocol import token_counts as tokens
from wcode_magics.errors import SettingError
print(tokens.count("hello world").exact)
try:
    tokens.encode_words("yes")
except SettingError as error:
    print("wcode-magics[tokens]" in str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


@needs_vocabulary
def test_dashscope_is_not_imported():
    """Counting reads the vocabulary without importing the package it lies in."""
    script = (
        "import json, sys; from wcode_magics.protocol import token_counts; "
        "token_counts.count('x'); "
        "print(json.dumps([n for n in sys.modules if n.startswith('dashscope')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("text", ["", "\ud83d", "\x00", "𝕏", "\u202e", " \n\t " * 50])
def test_any_text(text):
    """Any text has a count, also one that UTF-8 cannot carry."""
    assert token_counts.count(text).tokens >= 0
    assert token_counts.estimate(text).tokens >= 0


@needs_vocabulary
@pytest.mark.parametrize("one", [" ", "x", "\n", ".", "漢", "😀", "\t", "1"])
def test_a_long_run_of_one_character_is_counted(one):
    """The tokenizer panics on some of these, and takes hours for others."""
    assert 0 < token_counts.count(one * 100_000).tokens <= 300_000


@needs_vocabulary
def test_a_long_text_counts_as_the_whole():
    """It is counted in pieces, which are cut where a token ends anyway."""
    text = "It's 你好，世界 123 foo_bar café;\n\n  x²y Ⅷ I'LL 日本語。 " * 500
    whole = len(token_counts._vocabulary().encode_ordinary(text))
    assert len(text) > 10 * token_counts.PIECE
    assert token_counts.count(text) == token_counts.Count(whole, exact=True)


@pytest.mark.parametrize("one", [" ", "\n", "\t ", "\xa0", "x", "1", ".", "漢", "a  "])
def test_a_long_run_is_estimated_at_once(one):
    """A prompt of a million blanks stopped every request of the kernel for hours."""
    start = time.process_time()
    assert token_counts.estimate(one * (1_000_000 // len(one))).tokens >= 0
    assert time.process_time() - start < 3


@given(st.text(alphabet=" \n\t\rab", max_size=30))
def test_blanks_with_a_line_end_count_once(text):
    """One for each run of blanks that has a line's end, wherever it stands there."""
    runs = len(re.findall(r"\s*\n\s*", text))
    pattern, weight = token_counts._WEIGHTS[7]
    assert (len(pattern.findall(text)), weight) == (runs, 1.0)


def test_an_endless_text_is_estimated_by_its_beginning():
    """64 MB take no longer than one: the loop that sends waits for it."""
    short = token_counts.estimate("some words " * 10_000).tokens
    assert token_counts.estimate("some words " * 1_000_000).tokens == pytest.approx(
        100 * short, rel=0.01
    )
