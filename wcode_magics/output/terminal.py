"""Output to a terminal or a pipe that never raises.

No control codes reach a terminal: they are replaced by visible characters. A pipe gets
``exact`` text verbatim. Characters that the stream's encoding lacks (GBK and cp1252
lack most) are written as escapes, rather than ending half an answer in a traceback.
"""

import shutil
import sys
from bisect import bisect_right
from itertools import accumulate
from typing import TextIO

from wcode_magics.output.escaping import inert

_NEVER_FIRST = frozenset("，。、；：？！）」』】》”’…")


def write(text: str, *, end: str = "\n", exact: bool = False) -> None:
    """Write to standard output and flush it; ``exact``: verbatim into a pipe."""
    _put(sys.stdout, text + end, exact=exact)


def note(text: str) -> None:
    """Write a line to standard error."""
    _put(sys.stderr, f"{text}\n", exact=False)


class Status:
    """Status line on standard error that is updated in place and finally erased.

    A pipe, or a terminal too narrow for the line, gets it once.
    """

    def __init__(self) -> None:
        self._line = ""
        self._changes = False

    def show(self, line: str) -> None:
        """Replace the current line; an empty string erases it."""
        if line == self._line:
            return
        before, self._line = self._line, line
        if not before:
            self._changes = width(line) < (_room(sys.stderr) or 0)
        if self._changes:
            blank = " " * width(before)
            _out(sys.stderr, f"\r{blank}\r{inert(line)}")
        elif not before:
            note(line)


def writes_all() -> bool:
    """Return whether standard output can encode every character."""
    return _encoding(sys.stdout).lower().replace("-", "").startswith("utf")


def width(text: str) -> int:
    """Return a text's width in terminal columns; wide (East Asian) ones take two."""
    from wcwidth import wcswidth

    return max(int(wcswidth(text)), 0)


def room() -> int | None:
    """Return the width of the terminal that standard output is, or None."""
    return _room(sys.stdout)


def shortened(text: str, most: int) -> str:
    """Truncate text to ``most`` terminal columns, ending it with an ellipsis."""
    if width(text) <= most:
        return text
    kept = list(accumulate(map(width, text)))
    return f"{text[: bisect_right(kept, most - 1)]}…"


def wrapped(text: str, most: int) -> list[str]:
    """Break text into lines of at most ``most`` terminal columns.

    Lines end at spaces or wide characters; a word that is longer is broken.
    """
    lines, rest = [], text
    while width(rest) > most:
        end = bisect_right(list(accumulate(map(width, rest))), most)
        at = next((at for at in range(end, 0, -1) if _breaks(rest, at)), end)
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*lines, rest]


def _breaks(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if after in _NEVER_FIRST:
        return False
    return " " in (before, after) or width(before) > 1 or width(after) > 1


def _put(stream: TextIO | None, text: str, *, exact: bool) -> None:
    if stream is None:  # under pythonw
        return
    _out(stream, text if exact and not stream.isatty() else inert(text))


def _out(stream: TextIO, text: str) -> None:
    encoding = _encoding(stream)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _room(stream: TextIO | None) -> int | None:
    if stream is None or not stream.isatty():
        return None
    return shutil.get_terminal_size().columns


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
