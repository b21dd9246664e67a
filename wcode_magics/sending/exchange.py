"""Worker's end of the exchange: reports go to the leader, shares come from it.

The leader sends a message and waits for the report, which comes once the worker has
something to tell, at the latest after :data:`RENEW_S`. A new message ends the wait for
the report to the one before. So messages carry shares, results of calls and news in
both directions, whatever transports them, and any of them may be lost. A leader that
is gone sends no more; :data:`LAPSE_S` later, no request is sent either.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wcode_magics.errors import ClusterError
from wcode_magics.sending.budget import BorrowedBudget, Budget
from wcode_magics.sending.caps import BURST_S
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.shares import LATER_S, Demand, Share

OPERATION = "wcode_exchange"
"""Name under which a worker takes messages."""
RENEW_S = 1.0
CALM_S = 0.02
IDLE_S = 5.0
"""Seconds until a call returns if nothing is running on the worker."""
LAPSE_S = 5.0
GONE_S = 30.0
"""Seconds without a message after which a peer is considered gone."""


@dataclass(frozen=True, slots=True)
class LeaderMessage:
    """Message of the leader: results of calls, as (success, value), and shares by run.

    ``seen`` is the last call of the worker that the leader has received; ``first``:
    none has reached the worker before.
    """

    number: int
    first: bool = False
    seen: int = 0
    results: Mapping[int, tuple[bool, Any]] = field(default_factory=dict)
    shares: Mapping[str, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaderCall:
    """Call of a coroutine of a run; one that is not ``urgent`` waits for its turn."""

    run: str
    name: str
    args: Sequence[Any]
    urgent: bool = True


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """Reply to message ``number``: new calls, by id, and needs.

    ``open``: calls whose result, or whose claims, are still needed; ``stale``: another
    message came meanwhile, whose reply has everything.
    """

    number: int
    calls: Mapping[int, LeaderCall] = field(default_factory=dict)
    open: frozenset[int] = frozenset()
    demands: Mapping[str, Demand] = field(default_factory=dict)
    closing: bool = False
    stale: bool = False


class Link:
    """Link of a worker to one leader; bound to one event loop.

    Args:
        clock: monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.runs: dict[str, BorrowedLimits] = {}
        self.closing = False
        self._calls: dict[int, LeaderCall] = {}
        self._results: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._seen, self._newest = 0, -1
        self._wake, self._next = asyncio.Event(), asyncio.Event()
        self._renewed = self._clock()
        self._guard: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether partitions are running, or calls are pending."""
        return bool(self._calls) or any(run.running for run in self.runs.values())

    @property
    def silence(self) -> float:
        """Seconds since the last message of the leader."""
        return self._clock() - self._renewed

    @property
    def error(self) -> ClusterError | None:
        """The error of a leader that is gone; None as long as it is there."""
        if self.silence <= GONE_S:
            return None
        return ClusterError("cluster.no_leader", seconds=int(GONE_S))

    def wake(self) -> None:
        """Report now rather than in time."""
        self._soon = None
        self._wake.set()

    def wake_soon(self) -> None:
        """Report soon, together with what follows."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(CALM_S, self.wake)

    def close(self) -> None:
        """Report at once that the worker is closing."""
        self.closing = True
        self.wake()

    def guard(self) -> None:
        """Stop sending once shares have lapsed, while partitions are running."""
        if self._guard is None or self._guard.done():
            self._renewed = self._clock()
            self._guard = asyncio.create_task(self._watch())

    async def call(self, call: LeaderCall) -> tuple[int, Any]:
        """Call the leader; return the id of the call and the result.

        The caller passes the id to :meth:`end`.

        Raises:
            ClusterError: the leader is gone.
            WcodeError: the call raised it there.
        """
        self.guard()
        number = next(self._numbers)
        result = asyncio.get_running_loop().create_future()
        self._calls[number], self._results[number] = call, result
        if call.urgent:
            self.wake()
        try:
            return number, await result
        except BaseException:
            self.end(number)
            raise

    def end(self, number: int) -> None:
        """Let the leader forget a call, and release what it claimed."""
        self._calls.pop(number, None)
        self._results.pop(number, None)

    async def exchange(self, message: LeaderMessage) -> WorkerReport:
        """Apply a message, and return a report once there is something to report."""
        self._renewed = self._clock()
        if message.number > self._newest:
            self._apply(message)
        self._next.set()
        self._next = turn = asyncio.Event()
        waits = [asyncio.create_task(one.wait()) for one in (self._wake, turn)]
        renewals = [run.renewal for run in self.runs.values()]
        seconds = min([RENEW_S if self._calls else IDLE_S, *renewals])
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        if turn.is_set():
            return WorkerReport(message.number, stale=True)
        self._wake.clear()
        calls = {n: call for n, call in self._calls.items() if n > self._seen}
        demands = {token: run.demand() for token, run in self.runs.items()}
        open_ = frozenset(self._results)
        return WorkerReport(message.number, calls, open_, demands, self.closing)

    def _apply(self, message: LeaderMessage) -> None:
        self._newest, self._seen = message.number, message.seen
        for number, (good, value) in message.results.items():
            self._calls.pop(number, None)
            self._finish(number, good=good, value=value)
        for token, share in message.shares.items():
            if token in self.runs:
                self.runs[token].borrow(share)

    def _finish(self, number: int, *, good: bool, value: Any) -> None:
        result = self._results.get(number)
        if result is None or result.done():
            return
        if good:
            result.set_result(value)
        else:
            result.set_exception(value)

    async def _watch(self) -> None:
        while self.busy:
            await asyncio.sleep(RENEW_S)
            if self.silence > LAPSE_S:
                for run in self.runs.values():
                    run.expire()
            for number in self._calls if self.error else ():
                self._finish(number, good=False, value=self.error)


class BorrowedLimits:
    """Limiter and budget of a run on a worker, which follow its share.

    ``running`` is the number of its partitions; without any it needs no share.
    """

    def __init__(self, limiter: Limiter, link: Link, *, budget: bool | None) -> None:
        self.limiter, self.link, self.running = limiter, link, 0
        self.budget: Budget | None = None
        if budget is not None:
            self.budget = BorrowedBudget(self._watch) if budget else Budget()
        self._share, self._reported = Share(), Demand()
        limiter.borrow(self._share)
        limiter.watch = self._watch

    @property
    def renewal(self) -> float:
        """Seconds until the share is renewed: half the time in which sends lapse."""
        if not self.running:
            return IDLE_S
        return RENEW_S if math.isinf(self._share.sends) else BURST_S / 2

    def demand(self) -> Demand:
        """Return what the run uses and could use."""
        demand = self.limiter.demand
        if not self.running:
            demand = replace(demand, wants=0)
        if self.budget is not None:
            demand = replace(
                demand,
                wants=min(demand.wants + self.budget.waiting, self.limiter.most),
                spent=self.budget.spent,
                unsure=self.budget.unsure,
                aside=self.budget.aside,
                short=self.budget.short,
                excess=self.budget.excess,
            )
        self._reported = demand
        return demand

    def borrow(self, share: Share) -> None:
        """Send within a share from now on; a smaller one is confirmed soon."""
        if share.permits < self._share.permits:
            self.link.wake_soon()
        if share.money > self._share.money:
            self._reported = replace(self._reported, short=0.0)
        self._share = share
        self.limiter.borrow(share)
        if isinstance(self.budget, BorrowedBudget):
            self.budget.borrow(share.money, share.excess, share.error)

    def expire(self) -> None:
        """Send nothing more until the next share."""
        self.borrow(replace(self._share, permits=0))

    def _watch(self) -> None:
        """Report what the leader does not know yet, a pause at once."""
        reported, permits = self._reported, self._share.permits
        if self.limiter.paused > reported.paused + LATER_S:
            self.link.wake()
        short = self.budget is not None and self.budget.short > reported.short == 0
        if short or reported.wants <= permits or reported.flying > permits:
            self.link.wake_soon()


_links: dict[tuple[str, str], Link] = {}


def link_to(leader: str, worker: str) -> Link:
    """Return the link of a worker in this process; forgets leaders that are gone."""
    for name, link in list(_links.items()):
        if link.silence > GONE_S and not link.runs:
            _links.pop(name, None)
    return _links.setdefault((leader, worker), Link())


def links_of(worker: str) -> list[Link]:
    """Return all links of a worker in this process."""
    return [link for (_leader, here), link in list(_links.items()) if here == worker]
