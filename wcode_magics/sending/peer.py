"""Leader's end of the exchange: calls, claims and loans of each worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

from wcode_magics.errors import ClusterError
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.claims import Claims
from wcode_magics.sending.exchange import (
    CALM_S,
    GONE_S,
    LeaderCall,
    LeaderMessage,
    WorkerReport,
)
from wcode_magics.sending.lender import Lender
from wcode_magics.sending.limiter import Limiter

Send = Callable[[LeaderMessage], Awaitable[WorkerReport | None]]
"""Sends a message and returns the report; None if none came.

Raises ConnectionError if the worker is gone.
"""


class Run(Protocol):
    """A run whose limits are lent; its coroutines are what workers may call."""

    @property
    def limits(self) -> Callable[[], Limiter]: ...  # noqa: D102

    @property
    def budget(self) -> Budget | None: ...  # noqa: D102

    @property
    def claims(self) -> Claims: ...  # noqa: D102


RunOf = Callable[[str], Run | None]
"""Returns the run of a token, or None if it is no longer known."""


class RunRegistry:
    """The runs of a leader, and a lender for each limiter in use.

    Args:
        run: returns the run of a token.
        clock: monotonic clock in seconds, that of the limiters.
    """

    def __init__(self, run: RunOf, clock: Callable[[], float] = time.monotonic) -> None:
        self.run, self._clock = run, clock
        self._lenders: dict[Limiter, Lender] = {}

    def of(self, run: Run) -> Lender:
        """Return the lender of a run, with the caps of this run applied."""
        limiter = run.limits()
        return self._lenders.setdefault(limiter, Lender(limiter, self._clock))

    @property
    def due(self) -> set[str]:
        """Workers whose shares should be renewed now."""
        self._lenders = {key: one for key, one in self._lenders.items() if one.lends}
        lenders = self._lenders.values()
        return {who[0] for one in lenders for who in one.due}  # type: ignore[index]


class Peer:
    """State of the exchange with one worker; bound to one event loop.

    Args:
        worker: name of the worker.
        runs: the runs of the leader.
        numbers: numbers of messages, ever larger ones.
        settled: called when loans have changed.
        clock: monotonic clock in seconds.
    """

    def __init__(
        self,
        worker: str,
        runs: RunRegistry,
        numbers: Iterator[int],
        settled: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._worker, self._runs = worker, runs
        self._numbers, self._settled = numbers, settled
        self._last_report = self._clock()
        self._first, self._seen, self._newest = True, 0, -1
        self._woken = asyncio.Event()
        self._tasks: dict[int, tuple[Run | None, asyncio.Task[Any]]] = {}
        self._delivered: dict[int, int] = {}
        self._lenders: dict[str, Lender] = {}

    def wake(self) -> None:
        """Send the next message now rather than after the report that is due."""
        self._woken.set()

    async def lead(self, send: Send) -> None:
        """Exchange messages until the worker leaves, or is silent for GONE_S."""
        sent: set[asyncio.Task[bool]] = set()
        try:
            while self._clock() - self._last_report < GONE_S:
                if self._woken.is_set() or not sent:
                    self._woken.clear()
                    sent.add(asyncio.create_task(self._exchange(send)))
                woken = asyncio.create_task(self._woken.wait())
                done, _ = await asyncio.wait(
                    {*sent, woken}, return_when=asyncio.FIRST_COMPLETED
                )
                woken.cancel()
                if False in [one.result() for one in done - {woken}]:
                    return
                sent -= done
                await asyncio.sleep(CALM_S / 4)  # wakes come in groups
        finally:
            for one in sent:
                one.cancel()
            self.close()
            self._settled()

    async def _exchange(self, send: Send) -> bool:
        message = self.message(next(self._numbers))
        try:
            report = await send(message)
        except ConnectionError:
            return False
        if report is None:
            self._delivered = {
                n: m for n, m in self._delivered.items() if m != message.number
            }
            return True
        self._first = False
        self.take(report)
        self._settled()
        return not report.closing

    def message(self, number: int) -> LeaderMessage:
        """Return message ``number`` to the worker."""
        done = {n: task for n, (_run, task) in self._tasks.items() if task.done()}
        results = {n: _result(done[n]) for n in done.keys() - self._delivered.keys()}
        self._delivered |= dict.fromkeys(results, number)
        shares = {
            token: lender.share((self._worker, token), number)
            for token, lender in self._lenders.items()
        }
        return LeaderMessage(number, self._first, self._seen, results, shares)

    def take(self, report: WorkerReport) -> None:
        """Take a report: start its calls, and settle its loans."""
        self._last_report = self._clock()
        if report.stale or report.number < self._newest:
            return
        self._newest = report.number
        for number, call in report.calls.items():
            if number > self._seen:
                self._seen = number
                self._start(number, call)
        for number in self._tasks.keys() - report.open:
            self._end(number)
        for token, demand in report.demands.items():
            run = self._runs.run(token)
            if run is not None:
                lender = self._lenders[token] = self._runs.of(run)
                who = self._worker, token
                lender.report(who, report.number, demand, run.budget)
        kept = () if report.closing else report.demands
        for token in self._lenders.keys() - kept:
            self._lenders.pop(token).reclaim((self._worker, token), lost=False)

    def close(self) -> None:
        """Take back all that a lost worker held."""
        for number in list(self._tasks):
            self._end(number)
        for token, lender in self._lenders.items():
            lender.reclaim((self._worker, token), lost=True)
        self._lenders.clear()

    def _start(self, number: int, call: LeaderCall) -> None:
        run = self._runs.run(call.run)
        work = _no_run() if run is None else getattr(run, call.name)(*call.args)
        task = asyncio.create_task(work)
        self._tasks[number] = run, task
        if call.urgent:
            task.add_done_callback(lambda _task: self.wake())

    def _end(self, number: int) -> None:
        run, task = self._tasks.pop(number)
        self._delivered.pop(number, None)
        task.cancel()
        if run is not None:
            task.add_done_callback(lambda task: _release(run, task))


def _release(run: Run, task: "asyncio.Task[Any]") -> None:
    """Release what a call has claimed; other results hold no claims."""
    if not task.cancelled() and task.exception() is None:
        result = task.result()
        if isinstance(result, tuple):
            run.claims.release(result[0])


async def _no_run() -> None:
    raise ClusterError("cluster.lost")


def _result(task: "asyncio.Task[Any]") -> tuple[bool, Any]:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    return (True, task.result()) if error is None else (False, error)
