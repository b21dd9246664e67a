"""The one way to a terminal or a pipe: no control code passes, nothing raises.

A pipe gets a text to the letter, a terminal gets it with its controls drawn. What the
stream's encoding lacks (GBK and cp1252 lack most) is written as an escape, since half
an answer and a traceback would help nobody.
"""

import sys
from typing import TextIO

from wcode_magics.markup import inert


def write(text: str, *, end: str = "\n", exact: bool = False) -> None:
    """Write to standard output at once; ``exact``: a pipe gets it to the letter."""
    _put(sys.stdout, text + end, exact=exact)


def note(text: str) -> None:
    """Write a line to standard error."""
    _put(sys.stderr, f"{text}\n", exact=False)


def writes_all() -> bool:
    """Whether standard output can write every character."""
    return _encoding(sys.stdout).lower().replace("-", "").startswith("utf")


def _put(stream: TextIO | None, text: str, *, exact: bool) -> None:
    if stream is None:  # as under pythonw
        return
    shown = text if exact and not stream.isatty() else inert(text)
    encoding = _encoding(stream)
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
