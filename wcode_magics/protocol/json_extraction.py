"""Extract JSON from an answer: bare, in a fenced block, or within prose.

:func:`parsed` reads JSON that people write and files hold.
"""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from typing import Any, Self

from wcode_magics.protocol.lenient_json import BRACKETS
from wcode_magics.text import say

MOST_STARTS = 2_000
"""Maximum brackets that are tried as the start of a value."""
_BEGUN = re.compile(r"""\{\s*"(?:\\.|[^"\\])*"\s*:|\[\s*[{\["]""")
"""Certain start of JSON: if it is malformed, its parts are not tried as answers."""
MOST_DEPTH = 500
"""Maximum nesting that is parsed, the same on every Python version."""
_HIGH, _LOW = (rf"\\u[dD][{half}][\da-fA-F]{{2}}" for half in ("89abAB", "c-fC-F"))
_ESCAPE = re.compile(rf"\\\\|{_HIGH}{_LOW}|(?P<lone>{_HIGH}|{_LOW})")
NEAR = 20
"""Characters of a faulty text that are quoted."""
_LABELS = ("json", "jsonc", "json5", "jsonl", "")


class Digits(float):
    """Number of which a float would lose digits; ``text`` has all of them."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Create the nearest float."""
        made = super().__new__(cls, text)
        made.text = text
        return made


def number(text: str) -> float:
    """Convert a JSON number to float, or to :class:`Digits` if digits would be lost."""
    plain = float(text)
    try:
        exact = Decimal(text)
    except InvalidOperation:  # an exponent of 19 digits and more
        return plain
    return plain if exact == Decimal(repr(plain)) else Digits(text)


def find_json(
    text: str, blocks: Sequence[tuple[str, str]], lang: str | None = None
) -> Any:
    """Return the JSON value in a text; ``blocks`` are its (language, code) blocks.

    Tries the whole text, then blocks labelled JSON or unlabelled, then other blocks,
    then the longest object or array in the text. Lone surrogates, which no file and no
    request can carry, are read as U+FFFD.

    Raises:
        ValueError: there is none; the reason is that of the likeliest candidate, in
            the language ``lang``, or the user's.
    """
    text = _encodable(text)
    blocks = [(language, _encodable(code)) for language, code in blocks]
    _refuse_deep(text, lang)
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
        raise ValueError(where_invalid(likeliest, lang)) from None


def parsed(text: str) -> Any:
    """Return the value of a JSON text; raises ValueError, also if nested too deep."""
    _refuse_deep(text)
    return json.loads(text)


def end_of_value(text: str, at: int) -> int:
    """Return where the JSON value that begins at ``at`` ends; raises ValueError."""
    _refuse_deep(text[at:])
    return json.JSONDecoder().raw_decode(text, at)[1]


def _refuse_deep(text: str, lang: str | None = None) -> None:
    if _depth(text) > MOST_DEPTH:
        raise ValueError(say("json.deep", lang, most=MOST_DEPTH))


def where_invalid(wrong: Exception, lang: str | None = None) -> str:
    """Return where a text is not JSON, in the same words on every Python version."""
    if not isinstance(wrong, JSONDecodeError):
        return str(wrong)
    near = " ".join(wrong.doc[wrong.pos :][:NEAR].split())
    key = "json.ends" if not near else "json.quote" if near[0] == "'" else "json.wrong"
    return say(key, lang, line=wrong.lineno, column=wrong.colno, near=near)


def _depth(text: str) -> int:
    """Return the nesting depth of arrays and objects, ignoring brackets in strings.

    Python's decoders differ in their depth limit and in the error beyond it.
    """
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return 0
    depth = deepest = 0
    for found in BRACKETS.finditer(text):
        mark = found.group()
        depth = max(0, depth + (mark in "[{") - (mark in "]}"))
        deepest = max(deepest, depth)
    return deepest


def _encodable(text: str) -> str:
    """Replace escapes of lone surrogates by that of U+FFFD."""
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(lambda m: r"\ufffd" if m["lone"] else m[0], text)


def _candidates(text: str, blocks: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield text
    named = [code for language, code in blocks if language.lower() in _LABELS]
    yield from named
    yield from (code for language, code in blocks if language.lower() not in _LABELS)


def _spans(text: str) -> Iterator[tuple[int, Any]]:
    """Yield length and value of the outermost objects and arrays in a text."""
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
