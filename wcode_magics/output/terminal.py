"""The one way to a terminal or a pipe: no control code passes, nothing raises.

A pipe gets a text to the letter, a terminal gets it with its controls drawn. What the
stream's encoding lacks (GBK and cp1252 lack most) is written as an escape, since half
an answer and a traceback would help nobody.
"""

import shutil
import sys
from typing import TextIO

from wcode_magics.output.escaping import inert


def write(text: str, *, end: str = "\n", exact: bool = False) -> None:
    """Write to standard output at once; ``exact``: a pipe gets it to the letter."""
    _put(sys.stdout, text + end, exact=exact)


def note(text: str) -> None:
    """Write a line to standard error."""
    _put(sys.stderr, f"{text}\n", exact=False)


class Status:
    """A line of standard error that changes in its place, and goes.

    A pipe gets it once, and so does a terminal that is narrower.
    """

    def __init__(self) -> None:
        self._line = ""
        self._changes = False

    def show(self, line: str) -> None:
        """Show a line in place of the one before; an empty one ends it."""
        if line == self._line:
            return
        before, self._line = self._line, line
        if not before:
            self._changes = _fits(sys.stderr, line)
        if self._changes:
            blank = " " * _width(before)
            _out(sys.stderr, f"\r{blank}\r{inert(line)}")
        elif not before:
            note(line)


def writes_all() -> bool:
    """Whether standard output can write every character."""
    return _encoding(sys.stdout).lower().replace("-", "").startswith("utf")


def _put(stream: TextIO | None, text: str, *, exact: bool) -> None:
    if stream is None:  # as under pythonw
        return
    _out(stream, text if exact and not stream.isatty() else inert(text))


def _out(stream: TextIO, text: str) -> None:
    encoding = _encoding(stream)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _fits(stream: TextIO | None, line: str) -> bool:
    if stream is None or not stream.isatty():
        return False
    return _width(line) < shutil.get_terminal_size().columns


def _width(line: str) -> int:
    from wcwidth import wcswidth

    return max(int(wcswidth(line)), 0)


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
