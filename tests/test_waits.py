"""A wait that the endpoint asks for is counted, wherever a person looks."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.kernel import Kernel, Shown, kernel
from tests.loopback import Answer, Loopback, Seen, completion, either
from tests.stopping import once
from tests.terminal import IPYTHON, in_terminal
from wcode_magics import Session
from wcode_magics.display import bundles
from wcode_magics.display.live_display import Live
from wcode_magics.errors import RateLimitError
from wcode_magics.output import terminal
from wcode_magics.widgets.ask import AskPage
from wcode_magics.widgets.compare import ComparePage
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.state import PanelState

BUSY = Answer([b'{"error": "slow down"}'], 429, {"Retry-After": "3"})
COUNTED = re.compile(r"sent again in (\d) s")
ASKED = [
    "%wcode --no-stream hi",
    "%wcode hi",
    "%wcode --repeat 2 hi",
    "%wcode --sweep seed=1,2 hi",
    "%wcode --models a,b hi",
]
TERMINAL = re.compile(r"\r *\r([^\r\n]*)")


def busy_at_first(requests: int, text: str = "done") -> Callable[[Seen], Answer]:
    """A server that puts off so many requests, and then answers."""
    left, good = iter(range(requests)), either(text)
    return lambda seen: good(seen) if next(left, None) is None else BUSY


@pytest.fixture(scope="module")
def running() -> Iterator[Kernel]:
    """One kernel for the module."""
    with kernel({**os.environ, "WCODE_API_KEY": "k", "WCODE_LANGUAGE": "en"}) as made:
        yield made


def counts(told: str) -> bool:
    """Whether the seconds became fewer, from 3 on."""
    seconds = [int(found) for found in COUNTED.findall(told)]
    left = list(dict.fromkeys(seconds))
    return left == sorted(left, reverse=True) and left[0] <= 3 and len(left) > 1


def point(made: Kernel, server: Loopback, retries: int = 1) -> None:
    """Make a server the kernel's endpoint."""
    made.run(f"%wcode_config base_url={server.url} retries={retries}")


def said(shown: Shown) -> str:
    """All that a front end was told."""
    return str([message["content"] for message in shown.messages])


@pytest.mark.parametrize("code", ASKED)
def test_a_cell_counts_the_seconds(
    running: Kernel, loopback: Callable[..., Loopback], code: str
) -> None:
    """Streamed, whole, or many at once; nothing of it stays."""
    several = "--no-stream" not in code and code != "%wcode hi"
    point(running, loopback(busy_at_first(1 + several)))
    shown = running.run(code)
    assert counts(said(shown))
    (output,) = shown.outputs
    assert "done" in str(output)
    assert "sent again" not in str(output)


def test_the_next_cell_tells_what_the_last_one_left(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """Nothing is sent before the named time, though another cell asked for it."""
    server = loopback(BUSY, completion("done"))
    point(running, server, retries=0)
    assert "slow down" in str(running.run("%wcode --no-stream hi").outputs)
    shown = running.run("%wcode --no-stream hi")
    assert counts(said(shown))
    assert "done" in str(shown.outputs)


def test_a_continued_answer_stays_in_sight(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """What was there before the wait stands there again after it."""
    cut = completion("begun ", finish_reason="length")
    point(running, loopback(cut, BUSY, either("done")))
    running.run("%wcode --no-stream hi")
    shown = running.run("%wcode --continue")
    assert counts(said(shown))
    (output,) = shown.outputs
    assert "begun done" in str(output)


def test_stop_ends_a_wait(running: Kernel, loopback: Callable[..., Loopback]) -> None:
    """At once, in a cell that is answered whole as in one that streams."""
    for code in ASKED[:3]:
        point(running, loopback(busy_at_first(9)))
        seen: list[Shown] = []
        with once(
            lambda seen=seen: bool(seen) and bool(COUNTED.search(said(seen[-1]))),
            running.manager.interrupt_kernel,
        ):
            shown = running.run(code, on_output=seen.append)
        assert shown.status == "error"
        assert "Stopped" in str(shown.outputs)
        assert "sent again" not in str(shown.outputs)


LOAD = "%load_ext wcode_magics\n"
COMMAND = ["-m", "wcode_magics"]


@pytest.mark.parametrize(
    "words",
    [
        [*COMMAND, "--no-stream", "hi"],
        [*COMMAND, "hi"],
        [*COMMAND, "--sweep", "seed=1,2", "hi"],
        [*COMMAND, "--json", "hi"],
        [*IPYTHON, f"{LOAD}%wcode --no-stream hi"],
        [*IPYTHON, f"{LOAD}%wcode hi"],
        [*IPYTHON, f"{LOAD}%wcode --sweep seed=1,2 hi"],
    ],
    ids=lambda words: words[-1].removeprefix(LOAD) if "-c" in words else words[-2],
)
def test_a_terminal_counts_in_place(
    loopback: Callable[..., Loopback], words: list[str]
) -> None:
    """Each second over the one before, and nothing of it in the end."""
    answer = '{"a": 1}' if "--json" in words else "done"
    requests = 2 if "--sweep" in str(words) else 1
    written = in_terminal(words, loopback(busy_at_first(requests, answer)))
    *lines, last = TERMINAL.findall(written)
    assert counts("".join(lines)), written
    assert "sent again" not in last
    assert answer in written.rpartition("Ctrl+C")[2]


def test_a_pipe_gets_the_line_once(capfd: pytest.CaptureFixture[str]) -> None:
    """A log is not filled with seconds."""
    status = terminal.Status()
    for seconds in (2.0, 1.9, 1.0, 0.5, 0.0, 1.0):
        status.show(bundles.wait_line(seconds))
    lines = capfd.readouterr().err.splitlines()
    assert [COUNTED.findall(line) for line in lines] == [["2"], ["1"]]


def test_a_script_may_watch(loopback: Callable[..., Loopback]) -> None:
    """Seconds that become fewer, and 0 in the end; what it raises costs no answer."""
    told: list[float] = []

    def watch(seconds: float) -> None:
        told.append(seconds)
        raise ValueError

    server = loopback(busy_at_first(1))
    with Session(base_url=server.url, retries=1) as session, suppress(ValueError):
        session.ask("hi", watch=watch)
    waited = [seconds for seconds in told if seconds]
    assert waited == sorted(waited, reverse=True)
    assert 1 < waited[0] <= 3
    assert told[-1] == 0
    assert session.last.text == "done"


def test_what_is_sent_meanwhile_is_no_wait(loopback: Callable[..., Loopback]) -> None:
    """Of several requests the wait is told only where all of them wait."""
    told: list[float] = []

    def answer(seen: Seen) -> Answer:
        first = len([one for one in server.seen if one.body["seed"] == 1]) == 1
        if seen.body["seed"] == 1 and first:
            return Answer([b"{}"], 429, {"Retry-After": "1.5"})
        return Answer(completion("done").pieces, until=lambda: len(server.seen) == 3)

    server = loopback(answer)
    with Session(base_url=server.url, retries=1) as session:
        swept = session.sweep("hi", {"seed": [1, 2]}, watch=told.append)
    assert [trial.text for trial in swept.trials] == ["done", "done"]
    assert set(told) == {0.0}


class Shows:
    """A screen that keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, bundle: dict[str, str], place: int) -> None:
        """Keep it."""
        self.shown.append(f"{place} {bundle['text/plain']}")


def test_a_held_line_gives_its_place_back() -> None:
    """To what stood there, or to nothing."""
    screen = Shows()
    live = Live(screen, bundles.text_bundle, clock=iter([0.0, 1.0, 2.0, 3.0]).__next__)
    live.add("text")
    for seconds in (0.0, 2.0, 1.9, 0.2, 0.0):
        live.hold(bundles.wait_bundle(seconds))
    wait = f"0 {bundles.wait_line(2)}"
    assert screen.shown == ["0 text", wait, "0 text"]


@pytest.mark.parametrize("page", [AskPage, ComparePage])
def test_a_panel_counts_too(loopback: Callable[..., Loopback], page: type) -> None:
    """On the page that asks, and on each card of a comparison."""
    server = loopback(busy_at_first(1 if page is AskPage else 2))
    seen: list[str] = []
    with Session(base_url=server.url, retries=1) as session:
        made = page(PanelState(session, None, Draft("hi", {})))
        if page is AskPage:
            block = made.answer.screen._blocks[0]
            block.observe(lambda change: seen.append(change["new"]), "value")
            made.send()
        else:
            made._dimensions[0]._name.value = "seed"
            made._dimensions[0]._values.value = "1, 2"
            made._grid.observe(
                lambda change: [
                    box.children[0].observe(
                        lambda change: seen.append(change["new"]), "value"
                    )
                    for box in change["new"]
                    if "wcode-card" in box._dom_classes
                ],
                "children",
            )
            made._send()
        assert made._worker.wait(20)
        made.close()
    assert counts("".join(seen))
    assert session.last.text == "done"


def test_without_another_try_nothing_is_counted(
    loopback: Callable[..., Loopback],
) -> None:
    """The error comes at once."""
    told: list[float] = []
    server = loopback(BUSY)
    with (
        Session(base_url=server.url, retries=0) as session,
        pytest.raises(RateLimitError),
    ):
        session.ask("hi", watch=told.append)
    assert set(told) == {0.0}
