"""Sessions that nobody closes: what they hold goes with them."""

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.loopback import Loopback, completion
from wcode_magics.protocol.messages import Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.reply_history import LONGEST, History
from wcode_magics.session.session import Session
from wcode_magics.store import Store

LATE_S = 20.0
MANY = 200
LITTLE = 64 * 2**20


def held() -> tuple[int, int]:
    """Threads and open files, sockets among them, of this process."""
    return threading.active_count(), psutil.Process().num_fds()


def waited(true: Callable[[], bool]) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + LATE_S
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@pytest.fixture
def ask(loopback: Callable[..., Loopback], tmp_path: Path) -> Callable[[], Session]:
    """Ask once, and give the session."""
    server = loopback(completion("x" * 20_000))

    def asked() -> Session:
        store = str(tmp_path / "answers.db")
        session = Session(base_url=server.url, store=store)
        session.ask("hi")
        return session

    return asked


def test_a_session_goes_when_nobody_holds_it(ask):
    """At once, without the collector; its answer is in the store."""
    gc.disable()
    try:
        session = ask()
        there = weakref.ref(session)
        path = session.store.path
        del session
        assert there() is None
    finally:
        gc.enable()
    with Store(path) as store:
        assert waited(lambda: store.count() == 1)


@pytest.mark.skipif(os.name == "nt", reason="counts descriptors")
def test_sessions_that_nobody_closes_leave_nothing(ask):
    """Neither threads nor connections nor memory grow with their number."""
    for _ in range(20):
        ask()
    gc.collect()
    threads, files = held()
    memory = psutil.Process().memory_info().rss
    for _ in range(MANY):
        ask()
    gc.collect()
    assert waited(lambda: held()[0] <= threads + 4 and held()[1] <= files + 8), held()
    assert psutil.Process().memory_info().rss - memory < LITTLE


def test_a_store_outlives_the_session_it_came_from(ask):
    """Who holds a store, a stream or the awaitable methods can go on."""
    store = ask().store
    assert store.count() == 1
    aio = ask().aio
    assert asyncio.run(aio.ask("again")).text
    with ask().stream("streamed") as stream:
        assert "".join(delta.text for delta in stream)


def test_the_newest_replies_are_held(ask):
    """What all of them cost is known all the same; replayed ones cost nothing."""
    session = ask()
    history, request = History(), Request("m", (Message("user", "hi"),))
    for number in range(LONGEST + 3):
        history.append(Reply(str(number), request, "m"))
    assert [reply.text for reply in history[:2]] == ["3", "4"]
    assert len(history) == LONGEST
    spent = session.pool.spent
    assert (spent.answers, spent.tokens) == (1, 15)
    session.ask("hi", replay="read")
    assert (spent.answers, spent.tokens, len(session.history)) == (1, 15, 2)
    spent.add(Reply("x", request, "m", usage=Usage(1, 2), cost=0.5))
    assert (spent.answers, spent.tokens, spent.costs.only) == (2, 18, 0.5)
