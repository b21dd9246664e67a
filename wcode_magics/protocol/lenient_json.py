"""JSON as servers write it: control characters, any depth, halves of characters."""

import json
import math
import re
from functools import partial
from typing import Any

from wcode_magics.runtime.strict_json import decoded

MOST_DEPTH = 64
MOST_BRACKETS = 1_000_000
"""Maximum brackets in a payload that is parsed again after too deep or long values."""
BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def decode(body: str) -> Any:
    """Decode JSON leniently: raw control characters, very long numbers, deep nesting.

    Raises:
        ValueError: the body is not JSON.
    """
    return decoded(body, partial(_lenient, body))


def _lenient(body: str) -> Any:
    body = body.removeprefix("\ufeff")
    try:
        return json.loads(body, strict=False)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        pass  # too many digits, too deep
    shallow = _shallow(body)
    try:
        return json.loads(shallow, strict=False, parse_int=_int)
    except RecursionError as wrong:
        raise ValueError("too deep") from wrong


def clean(text: str) -> str:
    """Make a text encodable: join surrogate pairs, replace lone ones by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _int(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else math.inf


def _shallow(body: str) -> str:
    """Replace values nested deeper than :data:`MOST_DEPTH` by null."""
    if body.count("[") + body.count("{") > MOST_BRACKETS:
        raise ValueError("too deep")
    depth = at = 0
    parts = []
    for found in BRACKETS.finditer(body):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth == MOST_DEPTH + 1:
                parts.append(body[at : found.start()])
        elif sign in "]}":
            depth -= 1
            if depth == MOST_DEPTH:
                parts.append("null")
                at = found.end()
    return "".join([*parts, body[at:]])
