"""Bytes on the wire for an answer of 4,000 tokens at 100 tokens a second.

The messages are those of the Jupyter protocol, serialised by jupyter_client; the
clock is simulated, so that the forty seconds pass at once and always alike.
"""

import itertools
from typing import Any

from jupyter_client.session import Session as Wire

from tests.bench.bars import least, most
from wcode_magics.display import reply_bundles
from wcode_magics.display.live_display import Live
from wcode_magics.output.mimebundle import Bundle

TOKENS, PER_SECOND = 4000, 100
PROSE = "The answer goes on with some more words, and then it ends. " * 6
SAMPLES = {
    "prose": f"{PROSE}\n\n",
    "short paragraphs": "A paragraph of a few words.\n\n",
    "one list": "- an item of the list with **bold** words in it\n",
    "one code block": "    total = total + value * rate  # of the year\n",
    "one table": "| cell | another cell | 3.14 | yes |\n",
    "Chinese": "回答继续写下去，讲一些别的事情，然后结束。" * 8 + "\n\n",
}
OPENINGS = {
    "one code block": "```python\n",
    "one table": "| a | b | c | d |\n|---|---|---|---|\n",
}


class Counter:
    """A screen that serialises each output's first display and its updates."""

    def __init__(self) -> None:
        self.sent = self.draws = 0
        self._places: set[int] = set()
        self._wire = Wire(key=b"k")
        self._parent = self._wire.msg_header("execute_request")

    def show(self, bundle: Bundle, place: int) -> None:
        """Count the bytes of a display or an update."""
        kind = "update_display_data" if place in self._places else "display_data"
        self._places.add(place)
        transient = {"display_id": f"answer-{place}"}
        content = {"data": bundle, "metadata": {}, "transient": transient}
        self._count(kind, content)
        self.draws += 1

    def _count(self, kind: str, content: dict[str, Any]) -> None:
        message = self._wire.msg(kind, content, parent={"header": self._parent})
        parts = self._wire.serialize(message, ident=b"kernel.iopub")
        self.sent += sum(len(part) for part in parts)


def main() -> list[tuple[str, ...]]:
    """A row for each kind of answer; the floor is the text sent once."""
    return [_row(name) for name in SAMPLES]


def _row(name: str) -> tuple[str, ...]:
    text, screen = measure(name)
    rate = screen.draws / (TOKENS / PER_SECOND)
    bars = most(screen.sent / 1e6, 0.5, " MB"), least(rate, 10, " draws/s")
    return (
        f"iopub of {TOKENS} tokens, {name}, kB",
        f"{screen.sent / 1000:.0f} at {rate:.1f} draws/s",
        f"{len(text.encode()) / 1000:.0f} text",
        "; ".join([f"{screen.sent / len(text.encode()):.0f}", *bars]),
    )


def measure(name: str) -> tuple[str, Counter]:
    """The text that was streamed, and the screen that counted."""
    now = itertools.count(0, 1 / PER_SECOND)
    time = 0.0
    screen = Counter()
    live = Live(screen, reply_bundles.growing_bundle, clock=lambda: time)
    opening = OPENINGS.get(name, "")
    size = 2 if name == "Chinese" else 4
    letters = itertools.chain(opening, itertools.cycle(SAMPLES[name]))
    text = ""
    for _ in range(TOKENS):
        time = next(now)
        token = "".join(itertools.islice(letters, size))
        text += token
        live.add(token)
    live.draw()
    screen.show(reply_bundles.growing_bundle(text), 0)
    return text, screen
