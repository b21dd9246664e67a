"""JSON wherever a model puts it."""

import json
import math
import pickle
import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.test_reply import reply as a_reply
from wcode_magics.errors import AnswerError
from wcode_magics.protocol.json_extraction import (
    MOST_DEPTH,
    Digits,
    end_of_value,
    find_json,
    parsed,
)

J = '{"name":"Anna","tags":["a","b"]}'
VALUE = json.loads(J)
PROSE = {
    "bare": J,
    "spaces": f"\n\n {J} \n",
    "before": f"Here is the JSON:\n{J}",
    "after": f"{J}\n\nLet me know!",
    "around": f"Sure! {J} Done.",
    "fenced": f"Sure!\n```json\n{J}\n```\nDone.",
    "fence without a name": f"```\n{J}\n```",
    "second fence": f"```python\nprint(1)\n```\n```json\n{J}\n```",
    "fence of another name": f"Run:\n```javascript\n{J}\n```",
    "python before": f"```python\nx = [1]\n```\n{J}",
    "citations": f"As [1] and [2, 3] say {{so}}: {J} [4]",
    "braces in prose": f"Use {{name}} and {{ }} as in {J}.",
    "a list": f"The answer is [{J}, {J}]",
    "capitals": f"```JSON\n{J}\n```",
    "chinese": f"好的，结果如下：{J}。希望有帮助！",
}


@pytest.mark.parametrize("way", PROSE)
def test_the_value_is_found(way):
    """Bare, fenced under any name, or amid prose."""
    assert a_reply(PROSE[way]).json == ([VALUE] * 2 if way == "a list" else VALUE)


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain words", "[see note]", "{x}", '{"a": [1, 2], "b": {"c"'),
        *('{"a": 1, b: [1, 2]}', '[{"a": 1}, {"b"', 'It is {"a": {"b": 1}, "c'),
        *('```json\n{"a": [1],\n```', '["a", ["b"], '),
    ],
)
def test_a_part_of_broken_json_is_not_the_answer(text):
    """What was cut off or goes wrong is an error, though a part of it would do."""
    with pytest.raises(AnswerError) as caught:
        _ = a_reply(text).json
    assert "\n" not in str(caught.value)


@given(st.text(alphabet='{}[]":,a1 \n`'))
def test_any_text_is_a_value_or_an_error(text):
    """Nothing else comes of reading."""
    with suppress(AnswerError):
        json.dumps(a_reply(text).json)


@pytest.mark.parametrize(
    "text", ["[" * 30_000, '{"a":' * 9_000, "{" * 30_000, "[1" * 9_000]
)
def test_brackets_without_end_are_soon_given_up(text):
    """Neither depth nor number of brackets takes long."""
    begun = time.monotonic()
    with pytest.raises(AnswerError):
        _ = a_reply(text).json
    assert time.monotonic() - begun < 10


def test_numbers_keep_their_digits():
    """A float that loses none is a float; another knows how it was written."""
    plain, long = a_reply("[0.1, 0.10000000000000000555]").json
    assert type(plain) is float
    assert isinstance(long, Digits)
    assert (long, long.text) == (0.1, "0.10000000000000000555")
    assert pickle.loads(pickle.dumps(long)).text == long.text


def test_a_refusal_is_told_as_one():
    """Not as an answer that is no JSON."""
    with pytest.raises(AnswerError, match="refused: I cannot") as caught:
        _ = a_reply("", refusal="I cannot help with that").json
    assert caught.value.key == "refused"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_bounded_in_our_words(opening):
    """Up to 500 levels are read, deeper ones refused alike on each Python."""
    closing = "]" if opening == "[" else "}"
    for deep in (499, 500):
        assert find_json(opening * deep + "1" + closing * deep, [])
    for text in (opening * 501 + "1" + closing * 501, opening * 9_000):
        with pytest.raises(ValueError, match="nested deeper than 500 levels"):
            find_json(text, [])


def test_brackets_in_strings_are_no_depth():
    """A text full of brackets is one value."""
    assert find_json('["' + "[" * 2_000 + '"]', []) == ["[" * 2_000]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\ud800b"', "a\ufffdb"),
        (r'["\udc00", "\uDBFF"]', ["\ufffd", "\ufffd"]),
        (r'"\ud83d\ude42"', "🙂"),
        (r'"\ud83d\ud83d\ude42"', "\ufffd🙂"),
        (r'"\\ud800"', r"\ud800"),
        (r'{"\ud800": 1}', {"\ufffd": 1}),
    ],
)
def test_lone_surrogates_are_replaced(text, value):
    """A value can be validated, saved and sent whatever half characters come."""
    assert find_json(text, []) == value
    assert find_json(f"So: {text}", [("json", text)]) == value


def test_an_escape_that_is_none_stays_an_error():
    """Only the escapes of surrogates are replaced."""
    with pytest.raises(ValueError, match="near ud8xx"):
        find_json(r'"\ud8xx"', [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{'a': 1}", "invalid at line 1, column 2, near 'a': 1}; JSON needs double"),
        ('{"a" 1}', "invalid at line 1, column 6, near 1}"),
        ('{"a": 1,\n}', "invalid at line"),
        ('{"a": 1', "it ends too early, at line 1, column 8"),
        ("", "it ends too early, at line 1, column 1"),
        ("hello", "invalid at line 1, column 1, near hello"),
    ],
)
def test_a_fault_is_told_in_our_words(text, reason):
    """Python's own differ from version to version and are English alone."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        find_json(text, [])


def test_a_fault_is_told_in_chinese(monkeypatch):
    """Nothing of it is English."""
    monkeypatch.setenv("WCODE_LANGUAGE", "zh")
    with pytest.raises(
        ValueError, match="第 1 行第 2 列有误：'a': 1}（JSON 用双引号）"
    ):
        find_json("{'a': 1}", [])


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 20_000, "{", "1 2", ""])
def test_what_is_written_by_hand_is_json_or_a_value_error(text):
    """At any depth, on every version of Python."""
    with pytest.raises(ValueError, match=r"deep|line"):
        parsed(text)
    deepest = "[" * MOST_DEPTH + "]" * MOST_DEPTH
    assert json.dumps(parsed(deepest)) == deepest
    assert end_of_value(f"x={deepest} y", 2) == 2 + 2 * MOST_DEPTH
    with pytest.raises(ValueError, match="deep"):
        end_of_value(f"x=[{deepest}] y", 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e999", math.inf), (f"-1e{'9' * 30}", -math.inf), (f"1e-{'9' * 30}", 0.0)],
)
def test_a_number_of_any_exponent_is_read(text, value):
    """No decimal has an exponent of 19 digits."""
    assert find_json(f"[{text}]", []) == [value]
