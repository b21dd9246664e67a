"""Live display of a streaming answer, without resending all of it on each update.

A notebook front end can only replace a whole output. So a long answer is spread over
five outputs: the last one has the current block, redrawn ten times per second, and the
one before has finished blocks. Since an update has an envelope of 600 bytes, short
finished blocks stay with the current one until there are some hundred bytes of them. An
output is merged into the previous one when it has grown to a fraction of that one's
length. Redrawing the full text for each of 4,000
tokens sends about 50 MB; this sends half of one. A short answer uses one output
only. At the end the first output has the whole answer; the others are empty and take no
space on the page.
"""

import time
from collections.abc import Callable
from typing import Protocol

from wcode_magics.display import markdown, markdown_blocks
from wcode_magics.display.markdown import MOST
from wcode_magics.display.markdown_blocks import TAIL_LIMIT
from wcode_magics.output.escaping import faint
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.protocol.messages import Delta
from wcode_magics.text import say

REDRAW_S = 0.1
FOOT_S = 1.0
"""Seconds after which the foot is drawn without new text."""
SINGLE_OUTPUT = 1_000
"""Maximum bytes of an answer drawn in a single output."""
HELD = 250
"""Maximum bytes of finished blocks that are redrawn with the current one."""
SHARES = (1.0, 1.0, 0.5)
"""Fraction of an output's length at which the next output is merged into it."""
PLACES = len(SHARES) + 2
THOUGHT = 2_000
"""Characters at the end of the reasoning that are shown, folded, while it grows."""
EMPTY = bundle("", "")


class Screen(Protocol):
    """Output target: the outputs of a cell or panel, or a recorder in a test."""

    def show(self, bundle: Bundle, place: int) -> None:
        """Replace the output at ``place`` (0-based) with a bundle."""


class Live:
    """Live display that redraws at most once every :data:`REDRAW_S` seconds.

    Args:
        screen: output target.
        bundle: returns the output for a part of the text.
        is_markdown: split the text at Markdown blocks instead of lines.
        foot: returns a line to show below the text while it grows.
        first: seconds before the first redraw. An answer that is whole by then is
            drawn once, which suits front ends that cannot update an output.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        screen: Screen,
        bundle: Callable[[str], Bundle],
        *,
        is_markdown: bool = True,
        foot: Callable[[], str] = str,
        first: float = REDRAW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen = screen
        self._bundle = bundle
        self._split = (
            markdown_blocks.split if is_markdown else markdown_blocks.split_lines
        )
        self._foot = foot
        self._clock = clock
        self._tail = ""
        self._finished = [""] * (PLACES - 1)
        self._undrawn = self._length = self._thought = 0
        self._overlay: Bundle = EMPTY
        self._thoughts = ""
        self._shown: dict[int, tuple[str, str]] = {}
        self._due = clock() + first
        self._fresh = False
        self._last_draw = 0.0

    def take(self, delta: Delta) -> None:
        """Add one stream event; until text arrives, reasoning is shown as a count."""
        if delta.recast:
            self._thought += self._length
            self._thoughts = ("".join(self._finished) + self._tail)[-THOUGHT:]
            self._restart()
        self._thought += len(delta.reasoning or "")
        self._thoughts = (self._thoughts + (delta.reasoning or ""))[-THOUGHT:]
        self._fresh = self._fresh or bool(delta.reasoning)
        self.add(delta.text)

    def add(self, text: str) -> None:
        """Add text, and draw if due."""
        self._tail += text
        self._length += len(text)
        self._fresh = self._fresh or bool(text)
        if self._clock() >= self._due:
            self.draw()

    def hold(self, bundle: Bundle) -> None:
        """Show a bundle over the first output; :data:`EMPTY` restores the output."""
        if bundle == self._overlay:
            return
        self._overlay = bundle
        if bundle == EMPTY and 0 in self._shown:
            bundle = self._rendered(*self._shown[0])
        self._screen.show(bundle, 0)

    @property
    def is_silent(self) -> bool:
        """Whether nothing has arrived yet."""
        return not self._length and not self._thought

    @property
    def until_redraw(self) -> float:
        """Seconds until the next redraw is due."""
        return max(0.0, self._due - self._clock())

    def draw(self) -> None:
        """Draw what was added since the last redraw; without text, the foot alone."""
        now = self._clock()
        self._due = now + REDRAW_S
        if self.is_silent or not (self._fresh or now - self._last_draw >= FOOT_S):
            return
        self._fresh, self._last_draw = False, now
        foot = self._foot()
        if self._thought and not self._length:
            self._put(0, say("ui.thinking", count=f"{self._thought:,}"), foot)
            return
        finished = ""
        if _size(self._tail) > HELD:
            finished, self._tail = self._split(self._tail)
        parts = self._finished
        if sum(map(len, parts)) > MOST:
            self._undrawn += len(finished)
            finished = ""
        parts[-1] += finished
        alone = parts[-1] + self._tail
        if len(self._shown) <= 1 and _size(alone) <= SINGLE_OUTPUT:
            self._put(0, alone, foot)
            return
        for place, share in reversed([*enumerate(SHARES)]):
            least = TAIL_LIMIT if place else SINGLE_OUTPUT
            if len(parts[place + 1]) > max(least, share * len(parts[place])):
                parts[place] += parts[place + 1]
                parts[place + 1] = ""
        for place, text in enumerate(parts):
            self._put(place, text)
        left = say("ui.left_out", count=f"{self._undrawn:,}") if self._undrawn else ""
        self._put(PLACES - 1, f"{left}\n\n{self._tail}" if left else self._tail, foot)

    def _restart(self) -> None:
        """Clear everything shown, which turned out not to be the answer."""
        self._tail, self._length, self._undrawn = "", 0, 0
        self._finished = [""] * (PLACES - 1)
        for place in list(self._shown):
            self._put(place, "")

    def _put(self, place: int, text: str, foot: str = "") -> None:
        if self._shown.get(place, ("", "")) != (text, foot):
            self._shown[place] = text, foot
            self._screen.show(self._rendered(text, foot), place)
        elif place not in self._shown:
            self._shown[place] = "", ""
            self._screen.show(EMPTY, place)

    def _rendered(self, text: str, foot: str) -> Bundle:
        shown = self._bundle(text) if text else EMPTY
        if self._thoughts and not self._length and text:
            shown = bundle(markdown.folded(text, self._thoughts), text)
        if not foot:
            return shown
        line = faint(foot)
        return {**shown, "text/html": f"{shown['text/html']}{line}"}


def _size(text: str) -> int:
    """Return the bytes of a text, which may have half a character at its end."""
    return len(text.encode(errors="surrogatepass"))
