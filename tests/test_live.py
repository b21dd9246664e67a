"""A live answer: drawn often, sent once, small in all."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from wcode_magics import markdown
from wcode_magics.live import Live

RATE = 100
TOKENS = 4_000
SHAPES = {
    "prose": [f"word{n}{'.' if n % 20 == 0 else ''} " for n in range(TOKENS)],
    "paragraphs": [
        f"word{n}" + ("\n\n" if n % 60 == 0 else " ") for n in range(TOKENS)
    ],
    "Chinese": [f"第{n}{'。' if n % 20 == 0 else '，'}" for n in range(TOKENS)],
    "fence": ["```python\n", *(f"x{n} = {n}\n" for n in range(TOKENS))],
    "list": [f"- item {n}\n" for n in range(TOKENS)],
    "table": ["| a | b |\n| - | - |\n", *(f"| {n} | x |\n" for n in range(TOKENS))],
}


class Recorder:
    """A screen that remembers what was sent and when."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str, dict[str, Any], bool]] = []
        self.cleared = 0

    def clock(self) -> float:
        """The time of this screen."""
        return self.now

    def show(self, bundle: dict[str, Any], name: str, *, again: bool) -> None:
        """Remember it."""
        self.sent.append((self.now, name, bundle, again))

    def clear(self) -> None:
        """Remember that all was cleared."""
        self.cleared += 1

    @property
    def size(self) -> int:
        """Bytes as the notebook's messages have them."""
        return sum(len(json.dumps(bundle)) for _now, _name, bundle, _again in self.sent)

    def last(self) -> dict[str, str]:
        """What stands under each name in the end."""
        return {name: bundle["text/plain"] for _now, name, bundle, _again in self.sent}


def bundle(text: str) -> dict[str, Any]:
    """What a notebook gets for a part of an answer."""
    return {"text/html": markdown.html(text), "text/plain": text}


def play(pieces: list[str], *, blocks: bool = True, rate: float = RATE) -> Recorder:
    """Stream pieces at a rate per second and draw the rest at the end."""
    screen = Recorder()
    live = Live(screen, bundle, blocks=blocks, clock=screen.clock)
    for piece in pieces:
        screen.now += 1 / rate
        live.add(piece)
    live.draw()
    live.finish()
    return screen


@pytest.mark.parametrize("shape", SHAPES)
def test_four_thousand_tokens_are_less_than_a_megabyte(shape):
    """Total traffic grows with the text, not with its square."""
    screen = play(SHAPES[shape])
    assert screen.size < 1_000_000
    drawn = sorted({now for now, *_rest in screen.sent})
    assert len(drawn) / screen.now >= 8
    assert max(after - before for before, after in pairwise(drawn)) < 0.2


@pytest.mark.parametrize("shape", SHAPES)
def test_finished_blocks_are_sent_once(shape):
    """No output is touched again after the next one was begun."""
    screen = play(SHAPES[shape])
    names = [name for _now, name, _bundle, _again in screen.sent]
    begun = list(dict.fromkeys(names))
    assert names == sorted(names, key=begun.index)
    fresh = [name for _now, name, _bundle, again in screen.sent if not again]
    assert fresh == begun
    assert screen.cleared == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_all_of_the_text_stands_on_the_screen(shape):
    """Read from top to bottom, every piece is there once and in order."""
    shown = "\n".join(play(SHAPES[shape]).last().values())
    numbers = r"\d+(?= =)|(?<=word)\d+|(?<=第)\d+|(?<=item )\d+|(?<=^\| )\d+"
    told = [int(n) for n in re.findall(numbers, shown, re.MULTILINE)]
    assert told == list(range(TOKENS))


def test_plain_text_is_cut_at_its_lines():
    """Where the text is no Markdown, lines are finished."""
    screen = play([f"line {n}\n" for n in range(TOKENS)], blocks=False)
    assert "".join(screen.last().values()) == "".join(
        f"line {n}\n" for n in range(TOKENS)
    )
    assert screen.size < 1_000_000


def test_a_slow_answer_is_drawn_piece_by_piece():
    """Nothing waits for a next piece that may never come."""
    screen = play(["a ", "b ", "c "], rate=2)
    assert [b["text/plain"] for _now, _name, b, _again in screen.sent] == [
        "a ",
        "a b ",
        "a b c ",
    ]


def test_nothing_new_is_not_drawn():
    """A silent server costs no traffic, and an empty answer no output."""
    screen = Recorder()
    live = Live(screen, bundle, clock=screen.clock)
    for _ in range(10):
        screen.now += 1
        live.add("")
    live.finish()
    assert screen.sent == []
    assert screen.cleared == 0
    live.add("x")
    for _ in range(10):
        screen.now += 1
        live.draw()
    assert len(screen.sent) == 1


def test_patience_lasts_until_the_next_drawing():
    """The caller knows how long it may wait for more."""
    screen = Recorder()
    live = Live(screen, bundle, clock=screen.clock)
    first = live.patience
    assert 0 < first <= 0.125
    screen.now += first
    assert live.patience == pytest.approx(0)
    screen.now += 5
    assert live.patience == 0
