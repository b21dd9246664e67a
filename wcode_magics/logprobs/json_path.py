"""Locate a field in the text of a JSON answer.

The answer may be bare or in a fenced block, may contain raw control characters, and may
be truncated: values that are complete are found. Of duplicate names the last one
counts, as in Python's ``json``.
"""

import json
import re
from collections.abc import Iterable

from wcode_magics.errors import AnswerError, UsageError

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\r\n]*")
_FENCE = re.compile(r"^(?:`{3,}|~{3,})[^\n]*\n", re.MULTILINE)
_STEP = re.compile(r'\.?([^.\[\]]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')

Step = str | int


def locate(text: str, path: str) -> tuple[int, int]:
    """Return the characters [start, stop) of the value at ``path``.

    Raises:
        UsageError: ``path`` is not a valid path.
        AnswerError: the text is not JSON, has no such field, or ends inside it.
    """
    fence = _FENCE.search(text)
    at = _skip(text, fence.end() if fence else 0)
    passed = "$"
    for step in parse(path):
        found = (
            _member(text, at, step) if isinstance(step, str) else _item(text, at, step)
        )
        if found is None:
            raise AnswerError("logprobs.no_field", path=path, parent=passed)
        at = found
        passed += f"[{step}]" if isinstance(step, int) else f".{step}"
    try:
        return at, _end(text, at)
    except ValueError as wrong:
        raise AnswerError("logprobs.not_whole", path=path or "$") from wrong


def parse(path: str) -> list[Step]:
    """Parse a path such as ``a.b[0]["c.d"]``; a leading ``$`` is the whole value."""
    if not isinstance(path, str):
        raise UsageError("logprobs.bad_path", given=repr(path))
    steps: list[Step] = []
    rest = path.removeprefix("$")
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None:
            raise UsageError("logprobs.bad_path", given=path)
        name, index, quoted = found.groups()
        steps.append(name or (int(index) if index else json.loads(quoted)))
        at = found.end()
    return steps


def spelled(steps: Iterable[Step]) -> str:
    """Format steps as a path that :func:`parse` reads back, for any names."""
    return "".join(f"[{json.dumps(step)}]" for step in steps)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _end(text: str, at: int) -> int:
    """Return the end of the value that starts at ``at``; raises ValueError if none."""
    return _DECODER.raw_decode(text, at)[1]


def _member(text: str, at: int, name: str) -> int | None:
    """Return the start of the value of the last ``name`` in the object at ``at``."""
    found = None
    following = text[at : at + 1] == "{"
    while following:
        try:
            key, at = _DECODER.raw_decode(text, _skip(text, at + 1))
            at = _skip(text, _skip(text, at) + 1)
            found = at if key == name else found
            at = _skip(text, _end(text, at))
        except ValueError:
            break
        following = text[at : at + 1] == ","
    return found


def _item(text: str, at: int, index: int) -> int | None:
    """Return the start of the value of ``index`` in the array at ``at``."""
    following = text[at : at + 1] == "["
    while following:
        at = _skip(text, at + 1)
        if index == 0:
            return at if text[at : at + 1] not in {"", "]"} else None
        try:
            at = _skip(text, _end(text, at))
        except ValueError:
            break
        index -= 1
        following = text[at : at + 1] == ","
    return None
