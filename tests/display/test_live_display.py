"""A live answer: drawn often, sent once, small in all."""

import json
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from typing import Any

import pytest

from wcode_magics.display import reply_bundles
from wcode_magics.display.live_display import PLACES, SINGLE_OUTPUT, Live
from wcode_magics.display.progress import Progress
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import HOSTED_URL, Delta, Message
from wcode_magics.protocol.request import Request

RATE = 100
TOKENS = 4_000
SHAPES = {
    "prose": [f"word{n}{'.' if n % 20 == 0 else ''} " for n in range(TOKENS)],
    "paragraphs": [
        f"word{n}" + ("\n\n" if n % 60 == 0 else " ") for n in range(TOKENS)
    ],
    "short": [f"word{n}" + (" " if n % 5 else "\n\n") for n in range(TOKENS)],
    "Chinese": [f"第{n}{'。' if n % 20 == 0 else '，'}" for n in range(TOKENS)],
    "fence": ["```python\n", *(f"x{n} = {n}\n" for n in range(TOKENS))],
    "list": [f"- item {n}\n" for n in range(TOKENS)],
    "table": ["| a | b |\n| - | - |\n", *(f"| {n} | x |\n" for n in range(TOKENS))],
}


class Recorder:
    """A screen that remembers what was sent and when."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, int, dict[str, Any]]] = []

    def clock(self) -> float:
        """The time of this screen."""
        return self.now

    def show(self, bundle: dict[str, Any], place: int) -> None:
        """Remember it."""
        self.sent.append((self.now, place, bundle))

    @property
    def size(self) -> int:
        """Bytes as the notebook's messages have them."""
        sent = [json.dumps(b, ensure_ascii=False) for _now, _place, b in self.sent]
        return sum(len(text.encode()) for text in sent)

    def last(self) -> str:
        """What stands on the screen in the end, from top to bottom."""
        shown = {place: bundle for _now, place, bundle in self.sent}
        page = "\n".join(shown[place]["text/html"] for place in sorted(shown))
        return unescape(re.sub("<[^>]*>", "\n", page))


def bundle(text: str) -> dict[str, Any]:
    """What a notebook gets for a part of an answer."""
    return reply_bundles.growing_bundle(text)


def play(pieces: list[str], *, blocks: bool = True, rate: float = RATE) -> Recorder:
    """Stream pieces at a rate per second and draw the rest at the end."""
    screen = Recorder()
    live = Live(screen, bundle, is_markdown=blocks, clock=screen.clock)
    for piece in pieces:
        screen.now += 1 / rate
        live.add(piece)
    live.draw()
    return screen


@pytest.mark.parametrize("shape", SHAPES)
def test_four_thousand_tokens_are_half_a_megabyte(shape):
    """Total traffic grows with the text, not with its square."""
    screen = play(SHAPES[shape])
    assert screen.size < 550_000
    drawn = sorted({now for now, *_rest in screen.sent})
    assert len(drawn) / screen.now >= 9
    assert max(after - before for before, after in pairwise(drawn)) < 0.2


@pytest.mark.parametrize("shape", SHAPES)
def test_few_outputs_are_sent_at_once(shape):
    """Each has an envelope, so that short blocks are not sent one by one."""
    screen = play(SHAPES[shape])
    assert len(screen.sent) / len({now for now, *_rest in screen.sent}) < 1.5


@pytest.mark.parametrize("shape", SHAPES)
def test_it_grows_in_a_few_outputs(shape):
    """The first is sent anew only when it has nearly doubled."""
    screen = play(SHAPES[shape])
    assert {place for _now, place, _bundle in screen.sent} == {*range(PLACES)}
    sizes = [
        len(bundle["text/html"])
        for _now, place, bundle in screen.sent
        if place == 0 and len(bundle["text/html"]) > 10 * SINGLE_OUTPUT
    ]
    assert all(after > 1.4 * before for before, after in pairwise(sizes))


@pytest.mark.parametrize("word", ["word ", "\ud83d"])
def test_a_short_answer_needs_one_output(word):
    """Nothing empty is left beside it."""
    screen = play([word] * 200)
    assert {place for _now, place, _bundle in screen.sent} == {0}


def test_an_answer_of_ten_megabytes_is_drawn_in_little():
    """What is not laid out is counted instead."""
    screen = play([f"line {n} {'x' * 990}\n\n" for n in range(10_000)], rate=1_000)
    assert screen.size < 3_000_000
    assert "more characters not shown" in screen.last()


@pytest.mark.parametrize("shape", SHAPES)
def test_all_of_the_text_stands_on_the_screen(shape):
    """Read from top to bottom, every piece is there once and in order."""
    shown = play(SHAPES[shape]).last()
    numbers = r"\d+(?= =)|(?<=word)\d+|(?<=第)\d+|(?<=item )\d+|^\d+$"
    told = [int(n) for n in re.findall(numbers, shown, re.MULTILINE)]
    assert told == list(range(TOKENS))


def test_plain_text_is_cut_at_its_lines():
    """Where the text is no Markdown, lines are finished."""
    screen = play([f"line {n}\n" for n in range(TOKENS)], blocks=False)
    assert screen.last().split() == " ".join(f"line {n}" for n in range(TOKENS)).split()
    assert screen.size < 1_000_000


def test_a_slow_answer_is_drawn_piece_by_piece():
    """Nothing waits for a next piece that may never come."""
    screen = play(["a ", "b ", "c "], rate=2)
    shown = [b["text/html"] for _now, _place, b in screen.sent]
    assert shown == [f"<p>{text}</p>\n" for text in ("a", "a b", "a b c")]


def test_nothing_new_is_not_drawn():
    """A silent server costs no traffic, and an empty answer no output."""
    screen = Recorder()
    live = Live(screen, bundle, clock=screen.clock)
    for _ in range(10):
        screen.now += 1
        live.add("")
    assert screen.sent == []
    live.add("x")
    for _ in range(10):
        screen.now += 1
        live.draw()
    assert len(screen.sent) == 1


def test_patience_lasts_until_the_next_drawing():
    """The caller knows how long it may wait for more."""
    screen = Recorder()
    live = Live(screen, bundle, clock=screen.clock)
    first = live.until_redraw
    assert 0 < first <= 0.125
    screen.now += first
    assert live.until_redraw == pytest.approx(0)
    screen.now += 5
    assert live.until_redraw == 0


def test_thinking_is_counted_until_the_answer_begins():
    """Who waits sees that the model thinks; what it thinks is there to unfold."""
    screen = Recorder()
    live = Live(screen, bundle, clock=screen.clock)
    for thought in ("one ", "two ", "three"):
        screen.now += 1
        live.take(Delta(reasoning=thought))
    assert "13 characters" in screen.last()
    folded = screen.sent[-1][2]
    assert re.search(r"<details><summary[^>]*>.*</summary>.*three", folded["text/html"])
    assert "three" not in folded["text/plain"]
    screen.now += 1
    live.take(Delta(reasoning="<b>" * 5_000))
    assert len(screen.sent[-1][2]["text/html"]) < 20_000
    screen.now += 1
    live.take(Delta("answer"))
    assert screen.last().split() == ["answer"]


@pytest.mark.parametrize("long", [10, 10 * SINGLE_OUTPUT])
def test_text_that_was_thinking_is_taken_back(long):
    """A template opened the thinking: only its end tells that it was no answer."""
    screen = Recorder()
    live = Live(screen, bundle, clock=screen.clock)
    screen.now += 1
    live.take(Delta("thought\n\n" * long))
    assert "thought" in screen.last()
    screen.now += 1
    live.take(Delta("answer", recast=True))
    live.draw()
    assert screen.last().split() == ["answer"]


def test_the_foot_stands_below_what_grows():
    """It is drawn with the text, each second without, and never above any text."""
    screen = Recorder()
    told = iter(f"foot {n}" for n in range(10_000))
    live = Live(screen, bundle, foot=lambda: next(told), clock=screen.clock)
    screen.now += 1
    live.add("")
    assert screen.sent == []
    live.add("begun ")
    for _ in range(4):
        screen.now += 0.4
        live.take(Delta())
    assert [b["text/html"].count("foot") for _now, _place, b in screen.sent] == [1, 1]
    for number in range(3_000):
        screen.now += 0.01
        live.add(f"word{number} " + ("" if number % 20 else "\n\n"))
    live.draw()
    shown = screen.last()
    assert shown.count("foot") == 1
    assert shown.split()[-2] == "foot"
    assert screen.size < 1_000_000


REQUEST = Request("qwen/qwen-2.5-7b-instruct", (Message("user", "Say something"),))


def test_progress_tells_tokens_rate_price_and_how_to_stop():
    """Estimates are marked; listed tokens are counted; unknown prices left out."""
    now = 0.0
    counted = Progress(REQUEST, HOSTED_URL, clock=lambda: now)
    assert counted.line() == ""
    counted.take(Delta("word " * 30))
    now = 2.0
    counted.take(Delta(reasoning="more " * 30))
    told = r"▍ ≈(\d+) tokens so far · (\d+) per second · ≈¥0\.0\d+ · ■ stops it"
    tokens, rate = map(int, re.fullmatch(told, counted.line()).groups())
    assert 50 <= tokens <= 70
    assert rate == pytest.approx(tokens / 2, abs=1)
    listed = Progress(REQUEST, "", clock=lambda: now)
    listed.take(Delta("a b", tokens=(TokenLogprob("a", -1), TokenLogprob(" b", -1))))
    assert listed.line() == "▍ 2 tokens so far · ■ stops it"
    long = Progress(REQUEST, "")
    for _ in range(500):
        long.take(Delta("word word "))
    assert long.tokens == pytest.approx(1_000, rel=0.1)


def test_what_was_stopped_has_estimates_in_its_footer():
    """Nobody told its usage, so tokens and price are marked as estimates."""
    cut = replace(Assembly(REQUEST).reply(base_url=HOSTED_URL), text="word " * 20)
    told = reply_bundles.footer(replace(cut, interrupted=True))
    assert re.search(r"≈\d+ → ≈\d\d tokens · ≈¥0\.0\d+", told)
    assert "≈" not in reply_bundles.footer(replace(cut, finish_reason="stop"))
