"""Simulated clusters against an endpoint that allows 10,000 requests a minute.

Shares are computed and exchanged by the code that a cluster runs, on time that skips:
messages take 5 ms, answers 200 ms, and each worker always has 64 rows to send. The
endpoint rejects with 429 what exceeds its limit, one second's worth at once; once the
cap is known to the run (``requests_per_minute``), and once it is not, so that each
worker has to learn what it bears.

- ratio: requests answered, by those that the limit allows in that time
- evenness: mean of the requests per worker, squared, by the mean square; 1 is even,
  and 0.95 is the bar
- most in a minute: requests sent in any minute, by the limit
- rejected: part of the requests sent that was rejected
"""

import asyncio
import itertools
import random
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterator

from tests.bench.bars import least
from tests.sending.skipping import Skipping
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.claims import Claims
from wcode_magics.sending.congestion_window import FailureSignal
from wcode_magics.sending.exchange import (
    BorrowedLimits,
    LeaderMessage,
    Link,
    WorkerReport,
)
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.peer import Peer, RunRegistry

WORKERS = (1, 10, 100)
LIMIT = 10_000
SECONDS = 120.0
WARM_S = 30.0
MINUTE_S = 60.0
LATENCY_S = 0.2
MESSAGE_S = 0.005
ROWS = 64
TOKEN = "run"

Clock = Callable[[], float]


def main() -> list[tuple[str, ...]]:
    """One row for each cluster, with and without the cap."""
    return [_row(count, cap=cap) for cap in (True, False) for count in WORKERS]


class _Endpoint:
    """An endpoint that rejects what exceeds its limit."""

    def __init__(self, clock: Clock) -> None:
        self.free, self._clock = float("-inf"), clock
        self.sent: list[float] = []
        self.answered: list[float] = []

    async def ask(self) -> bool:
        """Return whether a request was answered."""
        now = self._clock()
        self.sent.append(now)
        free = max(self.free, now - 1.0)
        accepted = free <= now
        if accepted:
            self.free = free + MINUTE_S / LIMIT
            self.answered.append(now)
        await asyncio.sleep(LATENCY_S if accepted else LATENCY_S / 10)
        return accepted


class _Run:
    """The run that the leader lends the limits of."""

    budget: Budget | None = None

    def __init__(self, clock: Clock, cap: float | None) -> None:
        self.claims = Claims()
        self._limiter = Limiter(clock=clock, requests_per_minute=cap)

    def limits(self) -> Limiter:
        """The limiter of the endpoint."""
        return self._limiter


class _Worker:
    """A worker that always has rows to send."""

    def __init__(self, name: str, clock: Clock, cap: float | None) -> None:
        self.name, self.answered = name, 0
        self._link = Link(clock)
        limiter = Limiter(clock=clock, requests_per_minute=cap)
        self.limits = BorrowedLimits(limiter, self._link, budget=None)
        self.limits.running = 1
        self._link.runs[TOKEN] = self.limits

    async def send(self, message: LeaderMessage) -> WorkerReport:
        """Carry a message there and the report back."""
        await asyncio.sleep(MESSAGE_S)
        report = await self._link.exchange(message)
        await asyncio.sleep(MESSAGE_S)
        return report

    async def work(self, endpoint: _Endpoint, draw: random.Random) -> None:
        """Send one row after the other, each until it is answered."""
        limiter = self.limits.limiter
        while True:
            for failures in itertools.count():
                since = await limiter.acquire()
                if await endpoint.ask():
                    limiter.answered(since)
                    self.answered += 1
                    break
                limiter.failed(since, FailureSignal(crowded=True))
                await asyncio.sleep(min(8.0, 0.5 * 2**failures * draw.uniform(1, 1.5)))


async def _simulate(count: int, cap: float | None) -> tuple[_Endpoint, list[int]]:
    clock, draw = asyncio.get_running_loop().time, random.Random(1)
    endpoint, run = _Endpoint(clock), _Run(clock, cap)
    runs, numbers = RunRegistry({TOKEN: run}.get, clock), itertools.count()
    workers = {f"{n}": _Worker(f"{n}", clock, cap) for n in range(count)}
    peers: dict[str, Peer] = {}

    def settled() -> None:
        for name in runs.due:
            peers[name].wake()

    for name in workers:
        peers[name] = Peer(name, runs, numbers, settled, clock)
    tasks = [
        *(asyncio.create_task(peers[n].lead(one.send)) for n, one in workers.items()),
        *(
            asyncio.create_task(one.work(endpoint, draw))
            for one in workers.values()
            for _ in range(ROWS)
        ),
    ]
    await asyncio.sleep(WARM_S)
    before = [one.answered for one in workers.values()]
    await asyncio.sleep(SECONDS - WARM_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    after = [one.answered for one in workers.values()]
    return endpoint, [b - a for a, b in zip(before, after, strict=True)]


def _row(count: int, *, cap: bool) -> tuple[str, ...]:
    with asyncio.Runner(loop_factory=Skipping) as runner:
        endpoint, parts = runner.run(_simulate(count, LIMIT if cap else None))
    allowed = LIMIT * (SECONDS - WARM_S) / MINUTE_S
    even = statistics.mean(parts) ** 2 / statistics.mean(n * n for n in parts)
    late = [moment for moment in endpoint.sent if moment >= WARM_S]
    accepted = [moment for moment in endpoint.answered if moment >= WARM_S]
    peak = max(_in_a_minute(endpoint.sent)) / LIMIT
    rejected = 1 - len(accepted) / len(late)
    told = f"{count} workers, {'cap set' if cap else '429 alone'}"
    return (
        f"{told}, answered of {LIMIT:,} a minute",
        f"{len(accepted) / allowed:.2f}",
        f"evenness {even:.2f}",
        f"most in a minute {peak:.2f}, rejected {rejected:.3f}; {least(even, 0.95)}",
    )


def _in_a_minute(moments: list[float]) -> Iterator[int]:
    """Yield, for each moment, how many there are in the minute from then on."""
    for place, moment in enumerate(moments):
        yield bisect_left(moments, moment + MINUTE_S) - place
