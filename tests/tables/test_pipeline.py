"""Rows through a session: replayed, sent once, within budget and limits."""

import asyncio
import heapq
import time
from collections import Counter

import pandas as pd
import pytest

from tests.loopback import Answer
from tests.tables.asking import QUIET, echo, texts
from wcode_magics.errors import AuthenticationError, BudgetError, ReplayError
from wcode_magics.sending.limiter import Limiter
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor as frames
from wcode_magics.tables import run


def test_identical_prompts_and_second_runs_are_free(serve):
    """Equal rows are sent once; another run sends only what is missing, and says so."""
    server = serve()
    df = pd.DataFrame({"text": ["a", "b", "a", "a"]})
    df.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 2
    more = pd.DataFrame({"text": ["c", "a", "b"]})
    made = more.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 3
    assert made["answer_status"].tolist() == ["ok", "replayed", "replayed"]
    df.wcode.ask("{{ text }}", fresh=True, **QUIET)
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    "change", [{"temperature": 1}, {"model": "m"}, {"system": "s"}]
)
def test_another_request_is_another_answer(serve, change):
    """Another parameter, model or instruction is not replayed from the first."""
    server = serve()
    texts(2).wcode.ask("{{ text }}", **QUIET)
    texts(2).wcode.ask("{{ text }}", **change, **QUIET)
    assert len(server.seen) == 4


def test_replay_only(serve, tmp_path):
    """WCODE_REPLAY=only: recorded rows without a server, others are an error."""
    store = tmp_path / "project.db"
    serve(store=str(store))
    texts(3).wcode.ask("{{ text }}", **QUIET)
    with Session(store=str(store), replay="only") as offline:
        frames.register(offline)
        made = texts(3).wcode.ask("{{ text }}", **QUIET)
        assert set(made["answer_status"]) == {"replayed"}
        with pytest.raises(ReplayError) as caught:
            texts(4).wcode.ask("{{ text }}", **QUIET)
    assert "“row 3”" in str(caught.value)
    assert "Nearest is “row " in str(caught.value)


@pytest.mark.priced
def test_budget(serve):
    """A budget stops before it is overrun; the rest is told and can go on."""
    server = serve(concurrency=2)
    options = {"max_tokens": 5, "budget": 0.0005, **QUIET}
    made = texts(60).wcode.ask("{{ text }}", **options)
    done = Counter(made["answer_status"])
    assert set(done) == {"ok", "budget"}
    assert 0 < done["ok"] < 60
    assert len(server.seen) == done["ok"]
    again = made.wcode.retry(["budget"], **{**options, "budget": 1})
    assert set(again["answer_status"]) == {"ok"}


@pytest.mark.priced
def test_budget_below_one_row(serve):
    """A budget that no row fits is an error before anything is sent."""
    server = serve()
    with pytest.raises(BudgetError):
        texts(3).wcode.ask("{{ text }}", budget=1e-9, **QUIET)
    assert not server.seen


def test_a_refused_key_is_an_error(serve):
    """What befalls all rows is raised, after one flight at most."""
    server = serve(Answer([b'{"error": "bad key"}'], status=401), concurrency=4)
    with pytest.raises(AuthenticationError):
        texts(100).wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) <= 8


def limiter_of(session: Session) -> Limiter:
    """What the endpoint of a session bears."""
    resolved = session.settings.resolve({})
    return session.pool.limiter(session.endpoint(resolved), resolved)


def test_two_frames_at_once_share_one_limiter(serve):
    """Two runs at the same time do not exceed the concurrency together."""
    flying = []

    def script(seen) -> Answer:
        flying.append(limiter.flying)
        return Answer(echo(seen).pieces, delay=0.01)

    serve(script, concurrency=5)
    session = run.session()
    limiter = limiter_of(session)

    async def both() -> None:
        calls = (texts(40).wcode.aio.ask(f"{k}{{{{ text }}}}", **QUIET) for k in "ab")
        await asyncio.gather(*calls)

    asyncio.run(both())
    assert len(flying) == 80
    assert max(flying) == 5


def test_an_endpoint_that_is_too_slow_for_a_flight(serve):
    """One that queues is sent what it can answer in time, not everything again."""
    free = [0.0] * 4

    def queueing(seen) -> Answer:
        now = time.monotonic()
        start = max(now, heapq.heappop(free))
        heapq.heappush(free, start + 0.2)
        return Answer(echo(seen).pieces, delay=start + 0.2 - now)

    serve(queueing, timeout=2)
    made = texts(200).wcode.ask("{{ text }}", **QUIET)
    assert (made["answer_status"] == "ok").mean() > 0.7
