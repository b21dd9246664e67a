"""Stop is a pause: nothing more is sent, what came is kept, the cell fails."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import pandas as pd
import pytest

from tests.kernel import kernel
from tests.loopback import Answer, Loopback
from tests.stopping import interrupted, once
from tests.tables.asking import QUIET, echo, texts
from wcode_magics.errors import Stopped
from wcode_magics.sending import run_stop
from wcode_magics.sending.outcome import Tally
from wcode_magics.tables.progress import Bar, wait


def slow(seen) -> Answer:
    """Capitals, after a twentieth of a second."""
    return Answer(echo(seen).pieces, delay=0.05)


@pytest.fixture
def server(serve):
    """A slow server, four at once; what a first run imports is imported."""
    server = serve(slow, concurrency=4)
    texts(1).wcode.ask("warm up", **QUIET)
    server.seen.clear()
    return server


def flying(server: Loopback) -> Callable[[], bool]:
    """Whether a server has seen as many as are sent at once."""
    return lambda: len(server.seen) >= 4


def stopped(call: Callable[[], object], server: Loopback) -> Stopped:
    """The error of a call that is stopped on the way."""
    with pytest.raises(Stopped) as caught, interrupted(flying(server)):
        call()
    return caught.value


def test_stop_is_a_pause(server):
    """Stop raises with what was answered; running again sends the rest alone."""
    error = stopped(lambda: texts(100).wcode.ask("{{ text }}", **QUIET), server)
    done = Counter(error.value["answer_status"])
    assert done["stopped"] > 20
    assert done["ok"] == len(server.seen) >= 4
    assert f"stopped {done['stopped']}" in str(error)
    assert "run it again" in str(error)
    assert "_wcode" not in str(error)
    whole = texts(100).wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 100
    assert whole["answer"].tolist() == [f"ROW {n}" for n in range(100)]


def test_second_stop_leaves_at_once(serve, monkeypatch):
    """A second Stop does not wait for what is in flight."""
    monkeypatch.setattr(run_stop, "GRACE_S", 90)
    server = serve(Answer(hang=True), concurrency=4)
    with (
        pytest.raises(Stopped) as caught,
        interrupted(flying(server), presses=2) as pressed,
    ):
        texts(9).wcode.ask("{{ text }}", **QUIET)
    assert time.monotonic() - pressed[0] < 30
    assert set(caught.value.value["answer_status"]) == {"stopped"}


class Pressed(Bar):
    """A bar that is being drawn when the person presses Stop."""

    def draw(self) -> None:
        """Be interrupted."""
        raise KeyboardInterrupt


def test_stop_while_the_bar_is_drawn():
    """A Stop that comes while the bar is drawn pauses the run like any other."""
    future: Future[str] = Future()

    class Run:
        def stop(self) -> None:
            if not future.done():
                future.set_result("what came")

    told = wait(future, Run(), Pressed(Tally(), 0, shown=False))
    assert told == ("what came", True)


def test_stop_of_a_series(serve):
    """What a stopped series leaves has the new columns alone, as its answers have."""
    server = serve(slow, concurrency=4)
    series = texts(100)["text"]
    error = stopped(lambda: series.wcode.ask("{{ text }}", **QUIET), server)
    names = ["answer", "answer_status", "answer_error"]
    assert list(error.value.columns) == names
    made = asyncio.run(_awaited(series.wcode.aio.ask("{{ text }}", **QUIET)))
    assert list(made.columns) == names


def test_stop_of_an_await_in_a_terminal(server):
    """Where Stop cancels nothing that is awaited, the run is paused all the same."""
    coming = texts(100).wcode.aio.ask("{{ text }}", **QUIET)
    loop, main = asyncio.new_event_loop(), threading.main_thread().ident
    with (
        pytest.raises(asyncio.CancelledError) as caught,
        once(flying(server), lambda: signal.pthread_kill(main, signal.SIGINT)),
    ):
        loop.run_until_complete(_awaited(coming))
    loop.close()
    sent = len(server.seen)
    assert Counter(caught.value.value["answer_status"])["ok"] == sent < 100
    time.sleep(0.3)
    assert len(server.seen) == sent
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def _awaited(coming):
    return await coming


def test_cancelled_while_awaited(server):
    """To cancel what is awaited is to stop it: what is in flight arrives."""

    async def work() -> asyncio.CancelledError:
        run = texts(100).wcode.aio.ask("{{ text }}", **QUIET)
        task = asyncio.create_task(_caught(run))
        while not flying(server)():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
        task.cancel()
        return await task

    error = asyncio.run(work())
    done = Counter(error.value["answer_status"])
    assert done["ok"] == len(server.seen) >= 4
    assert done["stopped"] > 20
    assert "run it again" in str(error)


async def _caught(coming) -> asyncio.CancelledError:
    with pytest.raises(asyncio.CancelledError) as caught:
        await coming
    return caught.value


def test_no_longer_than_a_timeout(server):
    """Python's own timeout stops a run, and is told as a timeout."""

    async def work() -> None:
        async with asyncio.timeout(1.0):
            await texts(500).wcode.aio.ask("{{ text }}", **QUIET)

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    assert 0 < len(server.seen) < 400


CELLS = {
    "call": "made = df.wcode.ask('{{ text }}', progress=False)",
    "await": "made = await df.wcode.aio.ask('{{ text }}', progress=False)",
    "cell": "%%wcode --frame $df --out made\n{{ text }}",
}


@pytest.mark.parametrize("kind", CELLS)
def test_stop_of_a_cell(loopback, kind):
    """In a kernel the cell fails in a line, _wcode is the frame, again goes on."""
    server = loopback(slow)
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_API_KEY": "k"}
    env["WCODE_CONCURRENCY"] = "4"
    with kernel(env) as run:
        run.run("import pandas as pd")
        run.run("df = pd.DataFrame({'text': [f'row {n}' for n in range(150)]})")
        with once(flying(server), run.manager.interrupt_kernel) as pressed:
            ran = run.run(CELLS[kind])
        assert ran.status == "error"
        assert time.monotonic() - pressed[0] < 10
        sent = len(server.seen)
        assert 4 <= sent < 140
        [said] = ["\n".join(o["traceback"]) for o in ran.outputs if "traceback" in o]
        assert "\n" not in said
        assert said.startswith("Stopped. What arrived is kept in _wcode. 150 rows")
        done = run.value("_wcode['answer_status'].value_counts().to_dict()")
        assert eval(done) == {"ok": sent, "stopped": 150 - sent}
        bound = run.value("'made' in globals() and made is _wcode")
        assert bound == str(kind == "cell")
        assert len(server.seen) == sent
        assert run.run(CELLS[kind]).status == "ok"
        right = "made['answer'].tolist() == df.text.str.upper().tolist()"
        assert run.value(right) == "True"
    assert len(server.seen) == 150


class Hurried(Mapping[str, Any]):
    """Names that are read while the person presses Stop."""

    def __getitem__(self, key: str) -> Any:
        raise KeyboardInterrupt

    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("method", ["ask", "preview", "estimate"])
@pytest.mark.parametrize("kind", ["frame", "series"])
def test_stop_before_anything_is_sent_is_one_line(method: str, kind: str) -> None:
    """Wherever it comes, nothing but that it was stopped is told."""
    frame = pd.DataFrame({"a": ["x"]})
    face = frame.wcode if kind == "frame" else frame["a"].wcode
    with pytest.raises(Stopped) as caught:
        getattr(face, method)("{{ x }} {{ a }}", names=Hurried())
    assert str(caught.value) == "Stopped."
