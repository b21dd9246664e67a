"""How long a run goes on, by what fails and when, and what it leaves.

Each kind of failure begins with the first row, in the middle, with the next part of a
table, or after the endpoint has answered an earlier run. Time is simulated.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from tests.sending.skipping import Skipping
from tests.sending.test_batch import FACTS, answer, ask, status_error
from wcode_magics import errors as e
from wcode_magics.protocol.request import Request
from wcode_magics.sending.batch import Batch
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.retry import Retry

ROWS, GOOD = 300, 60
TAKES_S = 0.05


@dataclass(frozen=True)
class Kind:
    """A failure that every request meets, after so many seconds.

    ``first`` and ``later``: the longest that a run goes on which it meets from the
    start, and after answers; ``ends``: whether it ends a run in the middle.
    """

    error: e.WcodeError
    first: float
    later: float
    ends: bool = True
    after: float = TAKES_S


OUTAGE = 140.0
KINDS = {
    "no such name": Kind(e.ConnectionFailed("no_connection", **FACTS), 12, OUTAGE),
    "refused port": Kind(e.ConnectionFailed("no_connection", **FACTS), 12, OUTAGE),
    "certificate": Kind(e.CertificateError("certificate", url="u"), 1, 1),
    "key refused": Kind(status_error(401, e.AuthenticationError), 1, 1),
    "no credit": Kind(status_error(402, e.CreditError), 1, 1),
    "no credit, as 429": Kind(status_error(429, e.CreditError), 1, 1),
    "forbidden": Kind(status_error(403, e.ForbiddenError), 1, 5, ends=False),
    "unknown model": Kind(status_error(404, e.ModelError), 1, 5, ends=False),
    "no channel": Kind(status_error(503, e.ModelError), 1, 5, ends=False),
    "parameter": Kind(status_error(400, e.RejectedError), 1, 5, ends=False),
    "rate limit": Kind(status_error(429, e.RateLimitError), OUTAGE, OUTAGE),
    "rate limit, an hour": Kind(
        status_error(429, e.RateLimitError, retry_after=3_600.0), 1, 1
    ),
    "server fails": Kind(status_error(500), 25, OUTAGE),
    "overloaded": Kind(status_error(503), 25, OUTAGE),
    "cut": Kind(e.StreamError("connection_cut", **FACTS), 25, OUTAGE),
    "not JSON": Kind(e.AnswerError("answer_not_json", start="<"), 25, OUTAGE),
    "silence": Kind(
        e.TimedOut("timed_out", seconds=120, **FACTS), 125, 245, after=120.0
    ),
}
MOMENTS = ("from the start", "in the middle", "between parts", "between runs")


class Endpoint:
    """Answers until it breaks."""

    def __init__(self, kind: Kind, good: float) -> None:
        self.kind, self.good, self.sent = kind, good, 0

    async def send(self, request: Request):
        """An answer, or the failure."""
        self.sent += 1
        broken = self.sent > self.good
        await asyncio.sleep(self.kind.after if broken else TAKES_S)
        if broken:
            raise self.kind.error
        return replace(answer(request), cost=0.0)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", KINDS)
def test_how_long_a_run_goes_on(name, moment):
    """It ends in the time that is promised, with every answer that came."""
    kind = KINDS[name]
    endpoint = Endpoint(kind, GOOD if moment == "in the middle" else 0)
    with asyncio.Runner(loop_factory=Skipping) as runner:
        clock = runner.get_loop().time
        limits = {"limiter": Limiter(clock=clock), "health": Health(clock)}
        if moment.startswith("between"):
            before = Endpoint(kind, float("inf"))
            batch = Batch(before.send, lambda reply: reply.text, **limits)
            runner.run(batch.run(map(ask, range(50)), 50))
        if moment == "between runs":
            runner.run(asyncio.sleep(1_000))
        begun = clock()
        batch = Batch(endpoint.send, lambda reply: reply.text, **limits)
        outcomes = runner.run(batch.run(map(ask, range(1_000, 1_000 + ROWS)), ROWS))
        took = clock() - begun
    done = Counter(outcome.status for outcome in outcomes)
    assert done["ok"] == endpoint.good
    assert took <= (kind.first if moment == "from the start" else kind.later)
    if kind.ends or moment != "in the middle":
        assert batch.reason is not None
        assert type(batch.reason) is type(kind.error)
        assert done["stopped"] > 0
        assert endpoint.sent - endpoint.good <= 64 * 3
    else:
        assert batch.reason is None
        assert done["stopped"] == 0


@pytest.mark.parametrize(("attempts", "most"), [(5, 5.5), (1, 1)])
def test_few_rows_at_a_refused_port(attempts, most):
    """The promise holds for two rows too, and without retries for none."""
    endpoint = Endpoint(KINDS["refused port"], 0)
    with asyncio.Runner(loop_factory=Skipping) as runner:
        clock = runner.get_loop().time
        limits = {"limiter": Limiter(clock=clock), "health": Health(clock)}
        retry = Retry(attempts=attempts)
        batch = Batch(endpoint.send, lambda reply: reply.text, retry=retry, **limits)
        begun = clock()
        runner.run(batch.run(map(ask, range(2)), 2))
        assert clock() - begun <= most
    assert isinstance(batch.reason, e.ConnectionFailed)
    assert (endpoint.sent <= 2) == (attempts == 1)


DOWN = {
    "refused port": KINDS["refused port"].error,
    "server fails": status_error(500),
    "cut": KINDS["cut"].error,
}


class Outage(Endpoint):
    """Fails for a while."""

    def __init__(self, error: e.WcodeError, clock, seconds: float) -> None:
        super().__init__(Kind(error, 0, 0), float("inf"))
        self.asked = self.flying = self.most = 0
        self._clock, self._seconds = clock, seconds
        self._first = None

    async def send(self, request: Request):
        """The first is answered; then nobody, until it is back."""
        now = self._clock()
        if self.sent:
            self._first = now if self._first is None else self._first
        self.sent += 1
        if self._first is None or now > self._first + self._seconds:
            await asyncio.sleep(TAKES_S)
            return replace(answer(request), cost=0.0)
        late = now > self._first + 1
        self.asked += 1
        self.flying += late
        self.most = max(self.most, self.flying)
        await asyncio.sleep(TAKES_S)
        self.flying -= late
        raise self.kind.error


@pytest.mark.parametrize("name", DOWN)
def test_one_at_a_time_asks_while_the_endpoint_is_down(name):
    """And all go on when it is back: nothing is lost, and little is sent in vain."""
    with asyncio.Runner(loop_factory=Skipping) as runner:
        clock = runner.get_loop().time
        limits = {"limiter": Limiter(clock=clock), "health": Health(clock)}
        endpoint = Outage(DOWN[name], clock, 60.0)
        batch = Batch(endpoint.send, lambda reply: reply.text, **limits)
        begun = clock()
        outcomes = runner.run(batch.run(map(ask, range(ROWS)), ROWS))
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert endpoint.most == 1
    assert endpoint.asked <= 64 + 20
    assert clock() - begun < 75
