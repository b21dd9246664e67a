"""A shared run as seen by the threads that compute its partitions."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from wcode_magics.errors import BudgetError, WcodeError
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.batch import Ask, Batch
from wcode_magics.sending.limiter import MOST
from wcode_magics.sending.outcome import GOOD, Outcome
from wcode_magics.store.row import replayed
from wcode_magics.tables.coordinated_run import CoordinatedRun
from wcode_magics.tables.pipeline import RequestLine, batch
from wcode_magics.tables.run import common_error
from wcode_magics.tables.task import Task
from wcode_magics.tables.worker_journal import Recalled

Cancelled = Callable[[], bool]

TICK_S = 0.2
LAST_S = 10.0
"""Seconds to bring replies home after a partition has failed."""


class PartitionRun(ABC):
    """A run that claims requests before it sends them.

    Args:
        place: endpoint to match in the store; None (any) if nothing may be sent.
        since: replies recorded before are ignored (Unix time, s).
        sends: whether requests may be sent.
    """

    def __init__(self, place: str | None, since: float, *, sends: bool) -> None:
        self.place, self.since, self.sends = place, since, sends

    @abstractmethod
    async def call(self, name: str, *args: Any) -> tuple[Any, Any]:
        """Call the coordinated run; return what :meth:`end` takes, and the result."""

    @abstractmethod
    async def end(self, call: Any) -> None:
        """Release what a call has claimed."""

    @abstractmethod
    def line(self, known: Mapping[str, bytes]) -> RequestLine:
        """Return the pipeline of the requests whose recorded replies are known."""

    @abstractmethod
    async def keep(self) -> None:
        """Bring all replies into the store of the coordinated run."""

    @abstractmethod
    def leave(self) -> None:
        """Let another partition begin, since this one only awaits its last replies."""

    @property
    def error(self) -> WcodeError | None:
        """The error that ends the run, if any."""
        return None

    @contextmanager
    def claimed(
        self, requests: Sequence[Request], *, wait: bool
    ) -> Iterator[tuple[RequestLine, set[str]]]:
        """Yield a pipeline, and the hashes of the requests claimed for it.

        New replies are in the store of the coordinated run on exit.

        Raises:
            ReplayError: nothing may be sent, and a request was not recorded.
            StoreError: a store cannot be read or written.
        """
        hashes = [request.hash for request in requests]
        claim: Any = loop.run(self.call, "claim", hashes, wait, self.place, self.since)
        call, (taken, found) = claim
        try:
            known = dict(found)
            new = [one for one in requests if one.hash in taken - known.keys()]
            for request in () if self.sends else new:
                self.ask("refuse", request)
            if new:
                self.ask("announce", "lazy")
            with self._storing():
                yield self.line(known), taken
        finally:
            loop.run(self.end, call)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(WcodeError, TimeoutError):
                loop.run(asyncio.wait_for, self.keep(), LAST_S)
            raise
        loop.run(self.keep)

    def recorded(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """Return recorded replies to these requests, by hash."""
        by_hash = {request.hash: request for request in requests}
        found = self.ask("recall", list(by_hash), self.place)
        return {name: replayed(by_hash[name], data) for name, data in found}

    def ask(self, name: str, *args: Any) -> Any:
        """Call the coordinated run for a result that claims nothing."""
        return loop.run(self.aask, name, *args)

    async def aask(self, name: str, *args: Any) -> Any:
        """Await the result of :meth:`ask`."""
        call, result = await self.call(name, *args)
        await self.end(call)
        return result


class LocalRun(PartitionRun):
    """A run in the process that leads it, whose session sends the requests."""

    def __init__(
        self, run: CoordinatedRun, line: RequestLine, since: float, *, sends: bool
    ) -> None:
        super().__init__(line.place, since, sends=sends)
        self._run, self._line = run, line

    async def call(self, name: str, *args: Any) -> tuple[Any, Any]:
        """Call the coordinated run."""
        result = await getattr(self._run, name)(*args)
        return (result[0] if name == "claim" else ()), result

    async def end(self, call: Any) -> None:
        """Release claims."""
        self._run.claims.release(call)

    def line(self, known: Mapping[str, bytes]) -> RequestLine:
        """Return the session's pipeline."""
        return replace(self._line, store=Recalled(self._run.store, known, self.since))

    async def keep(self) -> None:
        """Commit what was answered."""
        await asyncio.to_thread(self._run.store.flush)

    def leave(self) -> None:
        """Do nothing: the partitions of this process share its limits anyway."""


def send(
    run: PartitionRun,
    asks: Sequence[Ask],
    task: Task,
    cancelled: Cancelled,
    *,
    abort: Callable[[], NoReturn],
    keep_going: bool,
) -> list[Outcome[Any]]:
    """Send the unclaimed requests; wait for those in flight and replay them.

    ``abort`` raises the error of a cancelled partition.

    Raises:
        WcodeError: the error common to all rows, or to all from some row on. Budget
            errors are not raised: they are recorded row by row.
        ClusterError: the leader does not respond.
    """
    outcomes: list[Outcome[Any]] = [Outcome("stopped")] * len(asks)
    left = list(enumerate(asks))
    wait = False
    while left:
        requests = [ask for _, ask in left if isinstance(ask, Request)]
        with run.claimed(requests, wait=wait) as (line, taken):
            claimed = [(i, ask) for i, ask in left if _is_claimed(ask, taken)]
            sender = batch(line, task, keep_going=keep_going)
            done = _sent(sender, [ask for _, ask in claimed], run, cancelled)
            if done is None:
                abort()
        for (place, _ask), outcome in zip(claimed, done, strict=True):
            outcomes[place] = outcome
        left = [(i, ask) for i, ask in left if not _is_claimed(ask, taken)]
        wait = True
    if any(one.unconfirmed and one.status in GOOD for one in outcomes):
        run.ask("announce", "lazy_unconfirmed")
    return outcomes


def _sent(
    sender: Batch[Any], requests: list[Ask], run: PartitionRun, cancelled: Cancelled
) -> list[Outcome[Any]] | None:
    """Send the requests and return their outcomes; None once cancelled."""
    future = loop.LoopTask(sender.run, requests, len(requests)).future
    stopped = False
    try:
        while not future.done():
            with suppress(FutureTimeoutError):
                future.exception(TICK_S)
            if len(requests) - sender.tally.done <= MOST:
                run.leave()
            if not stopped and (cancelled() or run.error):
                stopped = True
                sender.stop()
    finally:
        if not future.done():
            sender.stop()
    outcomes = future.result()
    if stopped:
        if (error := run.error) is not None:
            raise error
        return None
    reason = sender.reason or common_error(outcomes, sender)
    if reason is not None and not isinstance(reason, BudgetError):
        raise reason
    return outcomes


def _is_claimed(ask: Ask, taken: set[str]) -> bool:
    return not isinstance(ask, Request) or ask.hash in taken


@dataclass(frozen=True, slots=True)
class WorkerLine(RequestLine):
    """Pipeline of a led process, which looks up replies in the leader's store, too."""

    run: PartitionRun

    async def find(self, request: Request) -> Reply | None:
        """Look in the journal, then in the leader's store."""
        found, run = self.recall([request]).get(request.hash), self.run
        if found is not None:
            return found
        for _, data in await run.aask("recall", [request.hash], run.place, run.since):
            return replayed(request, data)
        if not run.sends:
            await run.aask("refuse", request)
        return None
