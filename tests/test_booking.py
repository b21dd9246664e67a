"""Whatever sends and fails: booked is the truth or more, and within the limit."""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import dask.dataframe as dd
import pandas as pd
import pytest

import wcode_magics
from tests.loopback import DONE, Answer, completion, event, sse, streamed
from tests.stopping import interrupted
from wcode_magics.errors import CreditError, Stopped, WcodeError
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import HOSTED_URL, Usage
from wcode_magics.protocol.models import DEFAULT
from wcode_magics.sending.request_run import Stream
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor as frames
from wcode_magics.widgets.ask import AskPage
from wcode_magics.widgets.compare import ComparePage
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.state import PanelState

pytestmark = [pytest.mark.priced, pytest.mark.slow]

FEW = {"max_tokens": 20}
WAIT_S = 60.0
MORE = 4.4
"""So many times the tokens that were counted, as one endpoint was seen to report."""
ROWS = [f"row {n}" for n in range(12)]


def stream_all(session: Session) -> None:
    """One stream after another, to the end."""
    for n in range(6):
        with suppress(WcodeError):
            list(session.stream(f"stream {n}", **FEW))


def ask_all(session: Session) -> None:
    """One question after another."""
    for n in range(6):
        with suppress(WcodeError):
            session.ask(f"ask {n}", **FEW)


def rows(session: Session) -> None:
    """A table."""
    frames.register(session)
    table = pd.DataFrame({"text": ROWS})
    table.wcode.ask("{{ text }}", progress=False, on_error="continue", **FEW)


def awaited(session: Session) -> None:
    """Questions and streams side by side, for code that awaits."""

    async def one(n: int) -> None:
        with suppress(WcodeError):
            await session.aio.ask(f"awaited {n}", **FEW)
        with suppress(WcodeError):
            async for _delta in session.aio.stream(f"awaited stream {n}", **FEW):
                pass

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, range(6)))

    asyncio.run(all_of_them())


def partitions(session: Session) -> None:
    """A Dask table, on threads that ask side by side."""
    frames.register(session)
    table = dd.from_pandas(pd.DataFrame({"text": ROWS}), npartitions=3)
    table.wcode.ask("{{ text }}", progress=False, **FEW).compute(scheduler="threads")


def files(session: Session) -> None:
    """A Parquet table, in parts."""
    frames.register(session)
    folder = Path(mkdtemp())
    pd.DataFrame({"text": ROWS}).to_parquet(folder / "in.parquet")
    table = wcode_magics.parquet(folder / "in.parquet", to=folder / "out", rows=5)
    table.ask("{{ text }}", progress=False, **FEW)


def page(session: Session) -> None:
    """The panel's page that sends, one answer after another."""
    made = AskPage(PanelState(session, None, Draft("hi", FEW)))
    for _ in range(4):
        made.send()
        assert made._worker.wait(WAIT_S)
    made.close()


def compare(session: Session) -> None:
    """The panel's page that compares."""
    made = comparing(session, "1, 2, 3, 4, 5, 6")
    assert made._worker.wait(WAIT_S)
    made.close()


def comparing(session: Session, seeds: str) -> ComparePage:
    """A comparison of seeds that has begun."""
    made = ComparePage(PanelState(session, None, Draft("hi", FEW)))
    made._dimensions[0]._name.value = "seed"
    made._dimensions[0]._values.value = seeds
    made._start.click()
    return made


FACES = {
    "ask": ask_all,
    "stream": stream_all,
    "repeat": lambda session: session.repeat("hello", 12, **FEW),
    "sweep": lambda session: session.sweep("hello", {"seed": range(12)}, **FEW),
    "tools": lambda session: session.run_tools("hello", [add], rounds=9, **FEW),
    "rows": rows,
    "aio": awaited,
    "dask": partitions,
    "parquet": files,
    "page": page,
    "compare": compare,
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Billing:
    """Answers, fails, cuts, calls tools; ``truth`` in ¥ is what it bills."""

    def __init__(self, seed: int, *, tools: bool) -> None:
        self.truth = 0.0
        self._dice = random.Random(seed)
        self._tools = tools

    def __call__(self, seen) -> Answer:
        """What comes of one request."""
        roll = self._dice.random()
        if roll < 0.2:
            status = self._dice.choice([429, 500, 503])
            body = json.dumps({"error": {"message": "no"}}).encode()
            return Answer([body], status=status, headers={"Retry-After": "0"})
        self.truth += models.cost(DEFAULT, Usage(10, 5), HOSTED_URL)
        if roll < 0.3:
            raise ConnectionResetError
        if roll < 0.4 and seen.body.get("stream"):
            half = [event({"content": "Half"})]
            return Answer(half, kind="text/event-stream", cut=True)
        if seen.body.get("stream"):
            return streamed("Hello", " there")
        if self._tools:
            function = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
            call = {"id": "c", "type": "function", "function": function}
            said = {"role": "assistant", "content": None, "tool_calls": [call]}
            return completion(message=said, finish_reason="tool_calls")
        return completion()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("face", FACES)
def test_booked_is_the_truth_or_more_and_within_the_limit(loopback, face, seed):
    """Over every face, fault and concurrency, with and without room."""
    dice = random.Random(seed)
    billing = Billing(seed, tools=face == "tools")
    with Session(
        base_url=loopback(billing).url,
        budget=dice.choice([0.0002, 0.0006, 0.01]),
        concurrency=dice.choice([1, 4, 64]),
        retries=2,
    ) as session:
        with suppress(WcodeError):
            FACES[face](session)
        budget = session.budgets.of("CNY")
        assert billing.truth <= budget.spent * 1.000001
        assert budget.spent <= budget.limit * 1.000001
        assert budget.aside == pytest.approx(0)


@pytest.mark.parametrize("face", ["repeat", "sweep", "tools"])
def test_a_cells_own_budget_holds_over_all_it_sends(loopback, face):
    """``budget=`` of a call is one for its runs, rounds and tries."""
    billing = Billing(1, tools=face == "tools")
    given = {"budget": 0.0002, **FEW}
    calls = {
        "repeat": lambda session: session.repeat("hello", 12, **given),
        "sweep": lambda session: session.sweep("hello", {"seed": range(12)}, **given),
        "tools": lambda session: session.run_tools("hello", [add], rounds=9, **given),
    }
    with Session(base_url=loopback(billing).url, retries=3) as session:
        with suppress(WcodeError):
            calls[face](session)
        assert (
            billing.truth
            <= session.budgets.of("CNY").spent
            <= given["budget"] * 1.000001
        )


class Reporting:
    """Counts :data:`MORE` times the worst case, from some request on."""

    def __init__(self, after: int, *, tools: bool) -> None:
        self.flying = self.most = 0
        self._left = after
        self._tools = tools

    def __call__(self, seen) -> Answer:
        """An answer and its usage."""
        self._left -= 1
        many = MORE if self._left < 0 else 1
        usage = {"prompt_tokens": int(45 * many), "completion_tokens": int(20 * many)}
        if seen.body.get("stream"):
            told = sse({"choices": [], "usage": usage})
            pieces = [event({"content": "Hello"}), event({}, "stop"), told, DONE]
            return Answer(pieces, kind="text/event-stream")
        function = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
        call = {"id": "c", "type": "function", "function": function}
        said = {"role": "assistant", "content": "Hello"}
        said |= {"tool_calls": [call]} if self._tools else {}
        choice = {"index": 0, "message": said, "finish_reason": "stop"}
        return Answer([json.dumps({"choices": [choice], "usage": usage}).encode()])


@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize("face", FACES)
def test_more_tokens_than_counted_cost_no_more_than_what_was_in_flight(
    loopback, face, after
):
    """From the first request that tells them on, the worst case is as much greater."""
    server = loopback(Reporting(after, tools=face == "tools"))
    dear = models.cost(DEFAULT, Usage(int(45 * MORE), int(20 * MORE)), HOSTED_URL)
    with Session(base_url=server.url, budget=8 * dear, concurrency=4) as session:
        with suppress(WcodeError):
            FACES[face](session)
        budget = session.budgets.of("CNY")
        flying = 0 if after == 0 else server.most
        assert server.seen
        assert budget.spent <= budget.limit + flying * dear + dear
        assert budget.aside == pytest.approx(0)


def endless() -> Answer:
    """A stream that goes on until somebody hangs up."""
    pieces = [event({"content": "w "})] * 5_000
    return Answer(pieces, kind="text/event-stream", pause=0.01)


class Counting(Session):
    """Counts the streams that it opens; cannot open the one numbered ``bad``."""

    bad, begun = 0, 0

    def stream(self, prompt, **given) -> Stream:
        """As a session does."""
        self.begun += 1
        if self.begun == self.bad:
            raise RuntimeError("no")
        return super().stream(prompt, **given)


@pytest.mark.parametrize("way", ["stop", "close", "a card that cannot be sent"])
def test_a_comparison_leaves_no_stream_open(loopback, way):
    """However it ends: nothing is paid for that nobody reads."""
    server = loopback(lambda _seen: endless())
    with Counting(base_url=server.url) as session:
        session.bad = 3 if way.startswith("a card") else 0
        made = comparing(session, "1, 2, 3")
        assert waited(lambda: server.flying == 3 or session.bad)
        if way == "stop":
            made._stop.click()
        elif way == "close":
            made.close()
        assert made._worker.wait(WAIT_S)
        assert waited(lambda: server.flying == 0)
        assert session.begun == 3


def waited(true) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + WAIT_S
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(true())


def test_the_money_of_a_stopped_table_is_that_of_its_day(loopback, tmp_path):
    """Session, budget and store agree about what was paid when Stop comes."""
    server = loopback(replace(completion(), delay=0.05))
    where = {"base_url": server.url, "store": str(tmp_path / "a.db")}
    with Session(**where, concurrency=2) as session:
        frames.register(session)
        table = pd.DataFrame({"text": [f"row {n}" for n in range(60)]})
        enough = interrupted(lambda: len(server.seen) > 8)
        with enough, pytest.raises(Stopped) as caught:
            table.wcode.ask("{{ text }}", progress=False, details=True, **FEW)
        made = caught.value.value
        day = session.store.usage()
        spent = session.budgets.of("CNY").spent
    assert 0 < sum(made["answer_status"] == "ok") < 60
    assert sum(row["cost"] for row in day) == pytest.approx(spent)
    assert made["answer_cost"].sum() == pytest.approx(spent)


def test_rows_that_were_cut_are_kept_where_credit_ends(loopback):
    """Twenty rows that are truncated and paid, then 402: the table has them."""
    cut = completion("Half of it", finish_reason="length")
    poor = Answer([b'{"error": {"message": "Insufficient Balance"}}'], status=402)
    server = loopback(lambda _seen: cut if len(server.seen) <= 20 else poor)
    with Session(base_url=server.url, concurrency=1) as session:
        frames.register(session)
        table = pd.DataFrame({"text": [f"row {n}" for n in range(100)]})
        with pytest.raises(CreditError) as caught:
            table.wcode.ask("{{ text }}", progress=False, **FEW)
    made = caught.value.value
    statuses = made["answer_status"].value_counts()
    assert (statuses["truncated"], statuses["http_4xx"]) == (20, 1)
    assert made["answer"][:20].tolist() == ["Half of it"] * 20
    assert "truncated 20" in str(caught.value)
