"""Thinking in the text: told apart under any chunking, and never by mistake."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.protocol.thinking import MARKS, ThinkingSplitter

JSON = '{"name": "Anna"}'
APART = {
    "opened": ("<think>\nhm\n</think>\n\nyes", "yes", "hm"),
    "empty": ("<think>\n\n</think>\n\nyes", "yes", ""),
    "not opened": ("Okay ...\n</think>\n\nyes", "yes", "Okay ..."),
    "not opened, in the line": (f"Okay.</think>{JSON}", JSON, "Okay."),
    "not opened, at the line's end": ("Okay.</think>\nyes", "yes", "Okay."),
    "only the closing": ("</think>\n\nyes", "yes", ""),
    "JSON inside": (f'<think>maybe {{"a": 1}}</think>{JSON}', JSON, 'maybe {"a": 1}'),
    "never closed": ("<think>on and on", "", "on and on"),
    "nothing behind": ("on and on\n</think>", "", "on and on"),
    "twice": ("<think>a</think>\n<think>b</think>yes", "yes", "ab"),
    "blanks before": ("\n <think>hm</think> yes", "yes", "hm"),
    "marks in the answer": ("<think>a</think>no </think>\nmore", "no </think>\nmore",
                            "a"),
}  # fmt: skip
TEXTS = [
    "plain",
    "  blank around  ",
    "",
    "<b>bold</b> [link](url) ◁",
    "The `</think>` mark",
    "The mark </think> closes it",
    "```\n</think>\n```\nends it",
    "~~~\n</think>\n~~~",
    "<thinking>a</thinking>\nb",
    "a <think>late</think>",
    "<thin",
    "ends in </thi",
]


def split(text: str, cuts: list[int] | range) -> tuple[str, str]:
    """Text and thinking of a text that comes in pieces."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    splitter, said, thought = ThinkingSplitter(), "", ""
    pieces = [text[a:b] for a, b in pairwise(places)]
    parts = [part for piece in pieces for part in splitter.feed(piece)]
    for part in [*parts, *splitter.close()]:
        said += part.text
        thought += part.thought
        if part.recast:
            said, thought = "", thought + said
    return said, thought.strip()


@pytest.mark.parametrize(("text", "said", "thought"), APART.values(), ids=APART)
def test_thinking_is_no_part_of_the_text(text, said, thought):
    """With both marks, with one, empty, unclosed; whole and letter by letter."""
    for cuts in ([], range(len(text))):
        assert split(text, cuts) == (said, thought)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_thinking_stays_as_it_is(text):
    """An answer may speak of the marks."""
    for cuts in ([], range(len(text))):
        assert split(text, cuts) == (text, "")


@pytest.mark.parametrize(("mark", "close"), MARKS)
def test_every_row_of_the_marks_is_read(mark, close):
    """Each model's own marks work in the same way."""
    assert split(f"{mark}a{close}b", [3]) == ("b", "a")
    assert split(f"a\n{close}\nb", [3]) == ("b", "a")


PIECES = [*(mark for pair in MARKS for mark in pair), "\n", " ", "`", "```", "{", "a"]


@given(st.lists(st.sampled_from(PIECES)).map("".join), st.lists(st.integers(0, 99)))
def test_any_chunking_splits_the_same(text, cuts):
    """Where the network cuts the text does not matter, and nothing but marks goes."""
    assert split(text, cuts) == split(text, [])
