"""The one background loop: interrupts, hang-ups and callers of every kind."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import AsyncGenerator

import pytest

from tests.kernel import kernel
from tests.loopback import Answer, Loopback, event
from tests.stopping import once
from tests.telling import told
from wcode_magics.errors import UsageError
from wcode_magics.runtime import loop, loop_stream
from wcode_magics.session.session import Session

SLOW = Answer([event({"content": "x"})] * 400, kind="text/event-stream", pause=0.05)
CALLS = {
    "ask": (Answer(hang=True), "session.ask('hi')"),
    "stream": (SLOW, "[print(delta.text, flush=True) for delta in stream]"),
    "get": (SLOW, "[print(stream.get(9).text, flush=True) for _ in range(400)]"),
    "aio": (SLOW, "asyncio.run(listen())"),
}
SCRIPT = """
import asyncio, sys
from wcode_magics import Session

session = Session(base_url=sys.argv[1], retries=0)
stream = session.stream("hi") if "stream" in sys.argv[2] else None

async def listen():
    async for delta in session.aio.stream("hi"):
        print(delta.text, flush=True)

try:
    {call}
except KeyboardInterrupt:
    if stream is not None:
        stream.close()
    last = session.last
    print("interrupted", last and last.interrupted, last and len(last.text) > 0)
"""


@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_hangs_up(loopback, name):
    """Stop gets through at once, the server sees it, and the part is kept."""
    answer, call = CALLS[name]
    server = loopback(answer)
    code = textwrap.dedent(SCRIPT).replace("{call}", call)
    with subprocess.Popen(
        [sys.executable, "-c", code, server.url, call],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "WCODE_LANGUAGE": "en"},
    ) as process:
        try:
            wait_for(lambda: bool(server.seen), 60)
            if name != "ask":
                assert process.stdout.readline() == "x\n"
            process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            assert server.hung_up.wait(10)
            said, _none = process.communicate(timeout=60)
            assert time.monotonic() - begun < 15  # the whole stream takes 20 s
        finally:
            process.kill()
    kept = "None None" if name == "ask" else "True True"
    assert said.splitlines()[-1] == f"interrupted {kept}"
    assert process.returncode == 0


def wait_for(happened, seconds: float = 10) -> None:
    """Wait until something happened."""
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.01)
    assert happened()


async def double(number: int) -> int:
    """A coroutine with a result."""
    await asyncio.sleep(0)
    return 2 * number


async def fail() -> None:
    """A coroutine with an error."""
    await asyncio.sleep(0)
    raise LookupError("x")


async def timeout() -> None:
    """A coroutine whose error looks like that of a wait."""
    await asyncio.sleep(0)
    raise TimeoutError("mine")


async def count(end: int) -> AsyncGenerator[int, None]:
    """A stream of numbers that fails where ``end`` is negative."""
    for number in range(abs(end)):
        await asyncio.sleep(0)
        yield number
    if end < 0:
        raise LookupError("x")


def test_results_and_errors_come_back():
    """What the coroutine gives or raises, the caller gets."""
    assert loop.run(double, 2) == 4
    with pytest.raises(LookupError):
        loop.run(fail)
    with pytest.raises(TimeoutError, match="mine"):
        loop.run(timeout)


def test_results_and_errors_come_back_to_a_running_loop():
    """The same for a caller that awaits."""

    async def main():
        assert await loop.arun(double, 2) == 4
        with pytest.raises(LookupError):
            await loop.arun(fail)
        numbers = [n async for n in loop_stream.aiterate(lambda: count(3))]
        assert numbers == [0, 1, 2]
        with pytest.raises(LookupError):
            _none = [n async for n in loop_stream.aiterate(lambda: count(-2))]

    asyncio.run(main())


def test_a_flow_is_read_with_patience_or_to_its_end():
    """``get`` gives None when nothing came; iteration ends and fails as the stream."""
    assert list(loop_stream.LoopStream(lambda: count(3))) == [0, 1, 2]
    flow = loop_stream.LoopStream(lambda: count(-1))
    assert next(flow) == 0
    with pytest.raises(LookupError):
        next(flow)
    assert flow.over
    assert list(flow) == []

    async def never() -> AsyncGenerator[int, None]:
        await asyncio.sleep(60)
        yield 0

    waiting = loop_stream.LoopStream(never)
    assert waiting.get(0) is None
    assert not waiting.over
    waiting.close()


def test_closing_waits_until_the_stream_has_cleaned_up():
    """After ``close`` nothing of the stream is still at work."""
    steps = []

    async def tidy() -> AsyncGenerator[int, None]:
        try:
            yield 0
            await asyncio.sleep(60)
        finally:
            time.sleep(0.1)  # noqa: ASYNC251 - cancelled, it may not await
            steps.append("clean")

    flow = loop_stream.LoopStream(tidy)
    assert next(flow) == 0
    flow.close()
    assert steps == ["clean"]


def test_threads_share_the_loop():
    """Many threads may ask at once; all run on one thread."""
    seen: set[str] = set()

    async def name() -> None:
        await asyncio.sleep(0.01)
        seen.add(threading.current_thread().name)

    threads = [threading.Thread(target=loop.run, args=(name,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"wcode"}


def test_a_process_with_an_open_session_ends(loopback):
    """Nobody has to close anything before the interpreter leaves."""
    server: Loopback = loopback()
    code = (
        "import sys; from wcode_magics import Session;"
        "session = Session(base_url=sys.argv[1]); print(session.ask('hi'))"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, server.url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (run.stdout.strip(), run.stderr, run.returncode) == ("Hello.", "", 0)


FORK = """
import os, sys
import pandas as pd
from wcode_magics import Session
from wcode_magics.tables import accessor as frame
session = Session(base_url=sys.argv[1], api_key="k", store=sys.argv[2])
frame.register(session)
session.ask("before")
child = os.fork()
print(session.ask(f"from {'child' if not child else 'parent'}"), flush=True)
df = pd.DataFrame({"n": [1, 2, 3]})
made = df.wcode.ask(f"{bool(child)} {{{{ n }}}}", progress=False)
assert set(made["answer_status"]) == {"ok"}
session.store.flush()
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert session.store.count() == 9
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_goes_on(loopback, tmp_path):
    """A child has connections, a loop and a store of its own, and ends by itself."""
    server = loopback()
    run = subprocess.run(
        [sys.executable, "-c", FORK, server.url, str(tmp_path / "answers.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout.split(), run.returncode) == (["Hello."] * 2, 0), run.stderr


def test_cancelling_the_awaiting_task_hangs_up(loopback):
    """A task that is cancelled in somebody's loop closes its connection."""
    server = loopback(Answer(hang=True))

    async def main():
        with Session(base_url=server.url) as session:
            asking = asyncio.create_task(session.aio.ask("hi"))
            await asyncio.to_thread(wait_for, lambda: bool(server.seen))
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await asyncio.to_thread(server.hung_up.wait, 10)

    asyncio.run(main())


def test_stop_wakes_a_loop_that_sleeps(loopback):
    """An interrupted kernel stops what its cell awaits, though nothing else happens."""
    server = loopback(Answer(hang=True))
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_API_KEY": "k"}
    with kernel(env) as run:
        run.run("import wcode_magics")
        asked = "await wcode_magics.Session().aio.ask('hi')"
        with once(lambda: bool(server.seen), run.manager.interrupt_kernel) as pressed:
            ran = run.run(asked)
        assert ran.status == "error"
        assert time.monotonic() - pressed[0] < 20
        assert server.hung_up.wait(10)


class Panic(BaseException):
    """As a library in another language raises it."""


@pytest.mark.parametrize("wrong", [SystemExit(3), KeyboardInterrupt(), Panic("x")])
def test_what_a_task_raises_ends_that_task_alone(wrong):
    """Be it ``sys.exit()`` in a tool: its own caller is told, others go on."""

    async def slow() -> str:
        await asyncio.sleep(0.2)
        return "done"

    async def leave() -> None:
        await asyncio.sleep(0)
        raise wrong

    async def leave_inside() -> None:
        await asyncio.gather(leave(), return_exceptions=False)

    async def broken() -> AsyncGenerator[int, None]:
        await leave()
        yield 0

    other = loop.LoopTask(slow)
    for call in (leave, leave_inside):
        with pytest.raises(UsageError, match=type(wrong).__name__):
            loop.run(call)
    with pytest.raises(UsageError, match=type(wrong).__name__):
        list(loop_stream.LoopStream(broken))
    assert other.wait() == "done"
    assert loop.run(double, 2) == 4


def test_a_loop_that_other_code_stops_turns_on():
    """A stopped loop goes on, and one whose callback leaves does and says so."""

    async def stop() -> None:
        await asyncio.sleep(0)
        asyncio.get_running_loop().stop()

    async def leave() -> None:
        def callback() -> None:
            raise SystemExit(5)

        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0.01)

    loop.run(stop)
    assert loop.run(double, 2) == 4
    with told(r"SystemExit\(5\)"):
        loop.run(leave)
    assert loop.run(double, 2) == 4


CLOSED = """
import asyncio
from wcode_magics.runtime import loop as portal
from wcode_magics.errors import UsageError
from wcode_magics.errors import UsageError

async def close():
    loop = asyncio.get_running_loop()
    loop._closed, loop._default_executor = True, None
    loop.call_soon = None
    await asyncio.Future()

async def one():
    return 1

try:
    portal.run(close)
except UsageError as error:
    print(error.key)
print(portal.run(one))
"""


def test_a_closed_loop_is_started_anew():
    """What was under way fails, the next request has a loop, and it is said."""
    run = subprocess.run(
        [sys.executable, "-c", CLOSED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "WCODE_LANGUAGE": "en"},
    )
    assert run.stdout.split() == ["loop_broken", "1"], run.stderr
    assert "a new loop was started" in run.stderr


def test_a_result_is_freed_without_the_collector():
    """A table's million outcomes do not wait in a cycle for the next collection."""

    async def made() -> Result:
        return Result()

    gc.disable()
    try:
        held = weakref.ref(loop.run(made))
        wait_for(lambda: held() is None)
    finally:
        gc.enable()


class Result:
    """Something that a weak reference can follow."""
