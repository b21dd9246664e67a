"""An answer that grows on the screen, without sending it again and again.

A notebook's front end can only replace a whole output. So the answer is laid out as a
column of outputs: finished Markdown blocks keep theirs and are never sent again; only
the last, growing one is replaced, a few times a second. At the end all of them give
way to one output. Redrawing everything for each of 4,000 tokens sends about 50 MB;
this sends well under 1 MB. In a terminal the text is written as it comes.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from wcode_magics import markdown

REDRAW_S = 0.11


class Screen(Protocol):
    """Where outputs go: the notebook's display system, or a recorder in a test."""

    def show(self, bundle: dict[str, Any], name: str, *, again: bool) -> None:
        """Show an output under a name; ``again`` replaces the one of that name."""

    def clear(self) -> None:
        """Let all outputs give way to the next one."""


class Live:
    """Takes the answer's pieces, draws at most once in :data:`REDRAW_S` seconds.

    Args:
        screen: where to draw.
        bundle: makes the output for a part of the text.
        blocks: whether the text is Markdown, cut at its blocks; else at lines.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        screen: Screen,
        bundle: Callable[[str], dict[str, Any]],
        *,
        blocks: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen = screen
        self._bundle = bundle
        self._split = markdown.split if blocks else _split_lines
        self._clock = clock
        self._tail = ""
        self._drawn = ""
        self._outputs = 0
        self._shown = False
        self._due = clock() + REDRAW_S

    def add(self, text: str) -> None:
        """Take a piece of text and draw if it is time."""
        self._tail += text
        if self._clock() >= self._due:
            self.draw()

    @property
    def patience(self) -> float:
        """Seconds until the next drawing is due."""
        return max(0.0, self._due - self._clock())

    def draw(self) -> None:
        """Draw what has come since the last time."""
        self._due = self._clock() + REDRAW_S
        if self._tail == self._drawn:
            return
        finished, self._tail = self._split(self._tail)
        if finished:
            self._put(finished)
            self._outputs += 1
            self._shown = False
        if self._tail:
            self._put(self._tail)
        self._drawn = self._tail

    def finish(self) -> None:
        """Let what was drawn give way to the next output."""
        if self._outputs or self._shown:
            self._screen.clear()

    def _put(self, text: str) -> None:
        name = f"block-{self._outputs}"
        again, self._shown = self._shown, True
        self._screen.show(self._bundle(text), name, again=again)


def _split_lines(text: str) -> tuple[str, str]:
    at = text.rfind("\n") + 1 if len(text) > markdown.TAIL_LIMIT else 0
    return text[:at], text[at:]
