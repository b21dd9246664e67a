"""The JSON in what a model said: bare, in a fenced block, or amid prose."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from json import JSONDecoder
from typing import Any, Self

MOST_STARTS = 2_000
"""Brackets of a text that are tried as the beginning of a value."""
_BEGUN = re.compile(r"""\{\s*"(?:\\.|[^"\\])*"\s*:|\[\s*[{\["]""")
"""What begins JSON: where it goes wrong, its parts are not the answer."""
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
MOST_DEPTH = 500
"""Nested lists and objects that are read, the same on every Python."""
_LABELS = ("json", "jsonc", "json5", "jsonl", "")


class Digits(float):
    """A number of an answer that no float holds; ``text`` has all its digits."""

    text: str

    def __new__(cls, text: str) -> Self:
        """The float that is nearest."""
        made = super().__new__(cls, text)
        made.text = text
        return made


def number(text: str) -> float:
    """The float of a JSON number; one that keeps the digits where it would lose any."""
    plain = float(text)
    return plain if Decimal(text) == Decimal(repr(plain)) else Digits(text)


def find_json(text: str, blocks: Sequence[tuple[str, str]]) -> Any:
    """The value that a text says, its fenced ``blocks`` as (language, code).

    The whole text, then a block that is called JSON or nothing, then any other
    block, then the longest object or list in the text.

    Raises:
        ValueError: it says none; the reason is that of the likeliest place.
    """
    if _depth(text) > MOST_DEPTH:
        raise ValueError(f"nested deeper than {MOST_DEPTH} levels")
    reasons = []
    for candidate in _candidates(text, blocks):
        try:
            return _DECODER.decode(candidate)
        except (ValueError, RecursionError) as wrong:
            reasons.append(wrong)
    try:
        return max(_spans(text), key=lambda span: span[0])[1]
    except (ValueError, RecursionError):
        likeliest = reasons[1] if blocks else reasons[0]
        raise ValueError(str(likeliest)) from None


def _depth(text: str) -> int:
    """Return how deep lists and objects are nested; brackets in strings do not count.

    Python's decoders differ in how deep they go, and in what they say beyond.
    """
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return 0
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        mark = found.group()
        depth = max(0, depth + (mark in "[{") - (mark in "]}"))
        deepest = max(deepest, depth)
    return deepest


def _candidates(text: str, blocks: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield text
    named = [code for language, code in blocks if language.lower() in _LABELS]
    yield from named
    yield from (code for language, code in blocks if language.lower() not in _LABELS)


def _spans(text: str) -> Iterator[tuple[int, Any]]:
    """The lengths and values of the outermost objects and lists in a text."""
    at = tried = 0
    while tried < MOST_STARTS:
        starts = [place for place in (text.find(c, at) for c in "{[") if place >= 0]
        if not starts:
            return
        start, tried = min(starts), tried + 1
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            if _BEGUN.match(text, start):
                raise
            at = start + 1
        else:
            yield at - start, value


_DECODER = JSONDecoder(strict=False, parse_float=number)
