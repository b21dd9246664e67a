"""Separate reasoning between tags from the text of an answer while it streams.

If the chat template itself opens the reasoning, the text starts inside it and only the
closing tag is sent. An answer may also *mention* the tags: a closing tag without an
opening one counts if it begins or ends a line or precedes JSON, but not in code. Once
the answer has begun after a tag, further tags are text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MARKS = (
    ("<think>", "</think>"),  # DeepSeek R1, Qwen3 and most others
    ("<thought>", "</thought>"),  # Gemini
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
)
"""Opening and closing tags by model, most of them special tokens of these models."""

_OPENINGS = tuple(mark for mark, _close in MARKS)
_OPENING = {close: mark for mark, close in MARKS}
_CLOSINGS = tuple(close for _, close in MARKS)
_CLOSING = re.compile("|".join(map(re.escape, _CLOSINGS)))
_FIRSTS = re.compile(r"[<\[◁]")
_LONGEST = max(map(len, _CLOSINGS))
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


def has_marks(text: str) -> bool:
    """Return whether a text may hold a tag of reasoning, by its first characters."""
    return _FIRSTS.search(text) is not None


def opens(text: str) -> bool:
    """Return whether a text begins with a tag that opens reasoning."""
    return text.lstrip().startswith(_OPENINGS)


class Part(NamedTuple):
    """Piece of text or of reasoning; ``recast``: all earlier text is reasoning too."""

    text: str = ""
    thought: str = ""
    recast: bool = False


class ThinkingSplitter:
    """Splitter of text into text and reasoning; holds back what may begin a tag."""

    def __init__(self) -> None:
        self._buffer = ""
        self._close = ""  # the closing tag of the current reasoning
        self._begun = False
        self._marked = False
        self._before_tag: list[str] = []  # text before any tag

    def feed(self, text: str) -> Iterator[Part]:
        """Yield the parts that ``text`` settles."""
        self._buffer += text
        return self._parts(last=False)

    def close(self) -> Iterator[Part]:
        """Yield the parts that the end of the answer settles."""
        return self._parts(last=True)

    def _parts(self, *, last: bool) -> Iterator[Part]:
        before = None
        while self._buffer and before != (self._buffer, self._close, self._begun):
            before = self._buffer, self._close, self._begun
            if self._close:
                yield from self._think(last)
            elif not self._begun:
                self._open(last)
            elif self._marked:
                yield Part(self._buffer)
                self._buffer = ""
            else:
                yield from self._say(last)

    def _think(self, last: bool) -> Iterator[Part]:
        thought, mark, rest = self._buffer.partition(self._close)
        if mark:
            self._close, self._buffer = "", rest
        else:
            keep = 0 if last else _begun_mark(thought, (self._close,))
            thought, self._buffer = _cut(thought, keep)
        if thought:
            yield Part(thought=thought)

    def _open(self, last: bool) -> None:
        """Determine whether reasoning opens here or the answer begins."""
        text = self._buffer.lstrip()
        marks = MARKS if not text or _FIRSTS.match(text) else ()
        for mark, close in marks:
            if text.startswith(mark):
                self._buffer, self._close, self._marked = text[len(mark) :], close, True
                return
        if last or not any(mark.startswith(text) for mark, _ in marks):
            self._begun = True
            self._buffer = text if self._marked else self._buffer

    def _say(self, last: bool) -> Iterator[Part]:
        found = _CLOSING.search(self._buffer)
        if found is None:
            keep = 0 if last else _begun_mark(self._buffer, _CLOSINGS)
            text, self._buffer = _cut(self._buffer, keep)
        else:
            text, rest = self._buffer[: found.start()], self._buffer[found.end() :]
            before = "".join(self._before_tag) + text
            counts = self._counts(before, found[0], rest, last=last)
            if counts:
                self._begun, self._marked, self._buffer = False, True, rest
                self._before_tag.clear()
                yield Part(text, recast=True)
                return
            if counts is None:
                self._buffer = self._buffer[found.start() :]
            else:
                text, self._buffer = text + found[0], rest
        if text:
            self._before_tag.append(text)
            yield Part(text)

    @staticmethod
    def _counts(before: str, mark: str, rest: str, *, last: bool) -> bool | None:
        """Return whether a closing tag between two texts counts; None if undecided."""
        line = before.rpartition("\n")[2]
        if line.count("`") % 2 or len(_FENCE.findall(before)) % 2:
            return False
        if _OPENING[mark] in before:
            return False
        after = rest.lstrip(" \t\r")
        if not after:
            return True if last or not line.strip() else None
        return not line.strip() or after[0] in "\n{["


def _cut(text: str, keep: int) -> tuple[str, str]:
    return text[: len(text) - keep], text[len(text) - keep :]


def _begun_mark(text: str, marks: tuple[str, ...]) -> int:
    """Return how many characters at the end of ``text`` may start a tag."""
    for found in _FIRSTS.finditer(text, max(0, len(text) - _LONGEST + 1)):
        if any(mark.startswith(text[found.start() :]) for mark in marks):
            return len(text) - found.start()
    return 0
