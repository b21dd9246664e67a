"""Drawing takes time in proportion to the text, or none: it never freezes a kernel."""

import gc
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wcode_magics.display import (
    bundles,
    markdown,
    markdown_blocks,
    reply_bundles,
    sweep_bundles,
)
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol.messages import Message, ToolCall
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.session.sweep import Sweep, Trial

SIGNS = [
    *("\\(", "\\[", "$", "$$", "$ ", "$x", "\\begin{align}", "[", "![", "[a](", "*"),
    *("*a_ ", "**a ", "_", "~~a ", "`", "``` ", "```\n", "~~~\n", ">", "> ", "- ", "<"),
    *("<a ", "<!--", "<http://a", "&", "[a]: <", "[a]: /u\n", "# ", "|", "|a"),
    "|c\n",
    *("a", " ", "\n", "\t", "'", '"', "\u0301", "\u202e", "\ud800", "\x00", "1. ", "{"),
    *(
        "\\",
        "}",
        "\\\\",
        "$1 ",
        "a\n\n",
        "中",
        "**注：**",
        "`a ",
        "(",
        "---\n",
        "===\n",
    ),
]
LANGUAGES = {
    "java": "a ",
    "perl": "s{",
    "rst": "`a ",
    "html": "<a ",
    "console": "$ a",
    "cpp": "(",
    "ruby": "%w",
    "python": "'",
    "json": "[",
    "bash": "$((",
    "c": "{",
    "csharp": "a<",
}
FORMS = ("markdown", "text", "code", "json", "html", "value")
ASKED = Request("m", (Message("user", "x"),))
SIZE = 30_000


def reply(text: str, **more: Any) -> Reply:
    """An answer of this text."""
    return Reply(text=text, request=ASKED, model="m", finish_reason="stop", **more)


def worked(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of work and the outcome; the best of three, as others share the cache."""
    seconds = []
    for _ in range(3):
        begun = time.thread_time()
        made = call()
        seconds.append(time.thread_time() - begun)
    return min(seconds), made


def size(made: Any) -> int:
    """Characters of an output, all formats together."""
    return sum(len(part or "") for part in made.values())


@pytest.fixture(autouse=True, scope="module")
def warm() -> Iterator[None]:
    """Neither imports nor the garbage of other tests are counted."""
    for form in FORMS:
        reply_bundles.reply_bundle(reply("```python\nx\n```"), form)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("sign", SIGNS, ids=repr)
def test_thirty_thousand_characters_of_any_sign(sign: str) -> None:
    """Whole, growing, and cut: under a second of work each."""
    text = (sign * SIZE)[:SIZE]
    for call in (
        lambda: reply_bundles.reply_bundle(reply(text)),
        lambda: reply_bundles.growing_bundle(text),
        lambda: markdown_blocks.split(text),
        lambda: markdown.neutral(f"{text}"),
    ):
        seconds, _made = worked(call)
        assert seconds < 1


@pytest.mark.parametrize("start", ["[a](", "[a](<", "[a]:", "[a]: <", "] ("])
def test_a_target_behind_any_number_of_spaces(start: str) -> None:
    """The longest text of which sanitized Markdown is made."""
    text = f"{start}{' ' * (markdown.MOST_NEUTRAL - 20)}https://x)"
    seconds, _made = worked(lambda: markdown.neutral(text))
    assert seconds < 1


@pytest.mark.parametrize("sign", ["\\[", "[a](", "`a ", "*", "<", "$"], ids=repr)
def test_just_below_what_is_laid_out(sign: str) -> None:
    """Where every mark is still read it is fast as well."""
    count = markdown.MOST_MARKS // max(1, len(markdown._MARK.findall(sign))) - 1
    seconds, _made = worked(lambda: reply_bundles.reply_bundle(reply(sign * count)))
    assert seconds < 1.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_in_any_language(language: str) -> None:
    """Pygments needs the square of the length for some; the answer does not wait."""
    sign = LANGUAGES[language]
    text = f"```{language}\n{(sign * SIZE)[:SIZE]}\n```"
    for form in ("markdown", "code"):
        seconds, _made = worked(
            lambda form=form: reply_bundles.reply_bundle(reply(text), form)
        )
        assert seconds < 1


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sign", ["x", "$", "<", "```\n", '{"a": '])
def test_ten_megabytes(form: str, sign: str) -> None:
    """Under three seconds of work, and under two megabytes of output, in any form."""
    text = sign * (10_000_000 // len(sign))
    seconds, made = worked(lambda: reply_bundles.reply_bundle(reply(text), form))
    assert seconds < 3
    assert size(made) < 2_000_000
    seconds, made = worked(lambda: reply_bundles.growing_bundle(text))
    assert seconds < 3
    assert size(made) < 2_000_000


VALUES = {
    "objects of a name each": [{f"k{number}": 1} for number in range(2_500)],
    "objects of more and more": [dict.fromkeys(map(str, range(n))) for n in range(200)],
    "numbers": [1] * 10_000,
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_thirty_thousand_characters(name: str) -> None:
    """A table of 2,500 objects had six million cells, and a gigabyte."""
    value = VALUES[name]
    answer = reply(json.dumps(value), parsed=value)
    seconds, made = worked(lambda: reply_bundles.reply_bundle(answer, "value"))
    assert seconds < 1
    assert size(made) < 2_000_000


@pytest.mark.long
def test_a_value_of_ten_megabytes() -> None:
    """It is shown as it was written."""
    value = ["x" * 10] * 700_000
    answer = reply(json.dumps(value), parsed=value)
    seconds, made = worked(lambda: reply_bundles.reply_bundle(answer, "value"))
    assert seconds < 3
    assert size(made) < 2_000_000


def test_what_is_left_out_is_told() -> None:
    """A reader knows that there is more, and where."""
    made = reply_bundles.reply_bundle(reply("word " * 100_000))
    assert "more characters not shown here" in made["text/html"]
    assert "not shown here" in made["text/plain"]
    assert "shown as it was written" in made["text/html"]


def test_long_arguments_tokens_and_sweeps() -> None:
    """Everything else that an answer brings along is bounded too."""
    long = "<$" * 2_500_000
    calls = (ToolCall("1", "f", long),)
    tokens = (TokenLogprob(long, -0.5, None, ()),)
    sweep = Sweep(tuple(Trial({"seed": n}, reply(long)) for n in range(3)))
    for call in (
        lambda: reply_bundles.reply_bundle(reply("x", tool_calls=calls)),
        lambda: reply_bundles.reply_bundle(reply(long, tokens=tokens)),
        lambda: reply_bundles.reply_bundle(reply("x", refusal=long)),
        lambda: bundles.note_bundle(long),
        lambda: bundles.code_bundle(long, "json"),
        lambda: sweep_bundles.bundle(sweep),
    ):
        seconds, made = worked(call)
        assert seconds < 3
        assert size(made) < 2_000_000
