"""Run many requests concurrently; each becomes an outcome: a reply or an error.

Outcomes keep the order of the requests. Workers pull from one iterator, so a million
requests never become a million tasks. A failure affects only its own request, unless
all others would fail too (a rejected key, no credit, a store that cannot write): such
an error stops the run, as the user can. Replies already received are kept when a run
stops.
"""

import asyncio
import copy
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError
from wcode_magics.protocol.messages import HOSTED_URL
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.attempt import Attempts, BudgetLike, Limits
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.outcome import (
    GOOD,
    ErrorOutcome,
    Outcome,
    Tally,
    ending_of,
    status_of,
)
from wcode_magics.sending.recorded_replies import RecordedReplies
from wcode_magics.sending.retry import Retry
from wcode_magics.sending.row_budget import RowBudget, RowTries
from wcode_magics.sending.row_outcomes import Readings, Replies
from wcode_magics.sending.run_ending import Causes
from wcode_magics.sending.run_stop import RunStop

T = TypeVar("T")
Ask = Request | WcodeError | None
Job = tuple[int, Request, Replies, RowTries]
"""A row: its place, its request, the replies it has, and what it has used."""

LOOKUP = 64
"""Requests looked up at once: few, as objects that die young cost least."""
TURN = 512
"""Rows settled in one turn of the event loop, about 10 ms."""


class Batch(Generic[T]):
    """One run of many requests.

    Args:
        send: sends one request and returns its reply; raises WcodeError, does not
            retry.
        read: converts the replies of a row to the value kept; raises WcodeError if
            they do not have the requested form.
        limiter: limiter of the endpoint.
        recorded: recorded replies, which are not sent again; None: there are none.
        keep: stores a reply; raises StoreError.
        mend: builds a repair request, sent once, from an unreadable reply and its
            error; None disables repair.
        ending: returns the status of a row from its replies.
        follow: returns the requests that a row needs after its replies, () once it
            is complete; None: one request a row.
        defer: returns whether such requests wait until all rows have come so far;
            ``announce`` is then told how many rows and requests wait, once.
        budget: spending limit.
        row_budget: returns the budget of a row alone, given its first request.
        retry: retry policy.
        health: health of the endpoint.
        timeout: seconds to wait for an answer, starting when the requests ahead in
            the server's queue can have been processed; None if ``send`` enforces its
            own timeout.
        url: endpoint whose prices apply.
        keep_going: continue even if rows fail alike and none succeeds.
        tally: progress, shared with other runs; None: its own.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Reply]],
        read: Callable[..., T],
        *,
        limiter: Limiter,
        recorded: RecordedReplies | None = None,
        keep: Callable[[Reply], None] | None = None,
        mend: Callable[[Reply, WcodeError], Request] | None = None,
        ending: Callable[..., str] = ending_of,
        remark: Callable[..., WcodeError | None] = lambda *_row: None,
        follow: Callable[..., Sequence[Request]] | None = None,
        defer: Callable[[Sequence[Request]], bool] | None = None,
        announce: Callable[[int, int], None] | None = None,
        budget: BudgetLike | None = None,
        row_budget: Callable[[Request], RowBudget] | None = None,
        retry: Retry | None = None,
        health: Health | None = None,
        timeout: float | None = None,
        url: str = HOSTED_URL,
        keep_going: bool = False,
        tally: Tally | None = None,
    ) -> None:
        self.tally = tally or Tally()
        self.reason: WcodeError | None = None
        self._send = send
        self._readings = Readings(read, ending, remark, self.tally)
        self._limits = Limits(
            limiter, health or Health(), budget, retry or Retry(), url
        )
        self._timeout, self._url = timeout, url
        self._causes = Causes(keep_going=keep_going)
        self._recorded, self._keep = recorded or RecordedReplies(lambda _: {}), keep
        self._mend, self._follow = mend, follow
        self._defer, self._announce = defer, announce
        self._row_budget = row_budget
        self._deferred: list[tuple[Job, int]] = []
        self._outcomes: list[Outcome[T]] = []
        self._first: dict[bytes, int] = {}
        self._repeats: dict[int, list[int]] = {}
        self._stop = RunStop()
        self._broke: WcodeError | None = None

    async def run(self, asks: Iterable[Ask], total: int) -> list[Outcome[T]]:
        """Return the outcomes, in the order of the requests.

        Args:
            asks: requests; None for a skipped row, an error for a row whose request
                could not be built. Consumed lazily.
            total: number of items in ``asks``.
        """
        self._stop.bind()
        self.tally.total = total
        self._outcomes = [Outcome("stopped")] * total
        await self._all(self._jobs(asks), total)
        deferred, self._defer = self._deferred, None
        if deferred and not self._stop.pausing:
            if self._announce is not None:
                self._announce(len(deferred), sum(count for _, count in deferred))
            await self._all((job for job, _ in deferred), len(deferred))
        for (_, _, _, row), _count in deferred:
            row.release()
        self._readings.cut_alike(self._outcomes)
        return self._outcomes

    async def _all(self, jobs: Iterator[Job | None], total: int) -> None:
        count = range(min(self._limits.limiter.most, total))
        workers = [asyncio.create_task(self._work(jobs)) for _ in count]
        try:
            await self._stop.until_done(set(workers))
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def pause(self) -> None:
        """Stop sending; what is in flight has a few seconds to be answered."""
        self._stop.pause()

    def stop(self) -> None:
        """Pause the run; a second call stops it immediately. Thread-safe."""
        self._stop.stop()

    def _halt(self, reason: WcodeError) -> None:
        self.reason = self.reason or reason
        self._stop.pause()

    def _jobs(self, asks: Iterable[Ask]) -> Iterator[Job | None]:
        """Yield the jobs; None at intervals, to yield control to the event loop.

        Rows that recorded replies complete are settled here, some each turn.
        """
        places, settled = enumerate(asks), 0
        while chunk := list(itertools.islice(places, LOOKUP)):
            fresh = self._fresh(chunk)
            found = self._recalled([request for _, request in fresh])
            settled += len(chunk)
            if len(found) == len(fresh) and settled >= TURN:
                settled = 0
                yield from _until_next_turn()
            for place, request in fresh:
                if self._stop.pausing:
                    return
                known = found.get(request.hash)
                outcome = None if known is None else self._replayed(known)
                if outcome is not None:
                    self._settle(place, outcome)
                else:
                    yield place, request, (known,) if known else (), RowTries()
            if self._stop.pausing:
                return

    def _replayed(self, recorded: Reply) -> Outcome[T] | None:
        """Return the outcome of a row that needs only this reply; None if it may not.

        The reply is of a model that cannot have changed, and it can be read.
        """
        if self._recorded.may_be_outdated(recorded):
            return None
        try:
            needs_more = self._follow is not None and self._follow(recorded)
        except WcodeError:
            return None
        return None if needs_more else self._readings.replayed(recorded)

    def _fresh(self, chunk: Iterable[tuple[int, Ask]]) -> list[tuple[int, Request]]:
        """Return the requests that are new in this run; settle the other rows."""
        fresh = []
        for place, ask in chunk:
            if isinstance(ask, Request):
                key = bytes.fromhex(ask.hash)[:16]
                first = self._first.setdefault(key, place)
                if first == place:
                    fresh.append((place, ask))
                else:
                    self._repeat(place, first)
            elif ask is None:
                self._settle(place, Outcome("skipped"))
            else:
                self._settle(place, ErrorOutcome(status_of(ask), error=ask))
        return fresh

    def _repeat(self, place: int, first: int) -> None:
        self.tally.repeated += 1
        outcome = self._outcomes[first]
        if first in self._repeats or outcome.status == "stopped":
            self._repeats.setdefault(first, []).append(place)
        else:
            self._settle(place, outcome)

    def _recalled(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        try:
            return self._recorded.recall(requests) if requests else {}
        except e.StoreError as error:
            self._halt(error)
            return {}

    async def _work(self, jobs: Iterator[Job | None]) -> None:
        for job in jobs:
            if job is None or self._stop.pausing:
                await asyncio.sleep(0)
                continue
            place, request, known, row = job
            if len(known) == 1 and await self._recorded.is_outdated(known[0]):
                known = ()
            outcome = await self._outcome(place, request, known, row)
            if outcome is not None:
                self._settle(place, outcome)

    def _settle(self, place: int, outcome: Outcome[T]) -> None:
        self._outcomes[place] = outcome
        self._causes.good += outcome.status in GOOD
        tally = self.tally
        tally.done += 1
        tally.skipped += outcome.status == "skipped"
        tally.failed += outcome.status not in GOOD and outcome.status != "skipped"
        for repeat in self._repeats.pop(place, ()):
            self._settle(repeat, outcome)

    async def _outcome(
        self, place: int, request: Request, known: Replies, row: RowTries
    ) -> Outcome[T] | None:
        """Return the outcome of a row; None if it waits for the others."""
        if self._row_budget is not None:
            row.budget = row.budget or self._row_budget(request)
        outcome: Outcome[T] | None = Outcome("stopped")
        try:
            outcome = await self._followed(place, request, known, row)
        finally:
            if outcome is not None:
                row.release()
        return outcome

    async def _followed(
        self, place: int, request: Request, known: Replies, row: RowTries
    ) -> Outcome[T] | None:
        try:
            replies = known or (await self._sent(request, row),)
            while self._follow is not None:
                asked = self._follow(*replies)
                if not asked:
                    break
                if self._defer is not None and self._defer(asked):
                    if row.budget is not None:
                        await row.budget.defer(self._limits.place)
                    self._deferred.append(((place, request, replies, row), len(asked)))
                    return None
                for one in asked:
                    if self._stop.pausing:
                        return Outcome("stopped")
                    replies = (*replies, await self._answer(one, row))
            return await self._read(replies, row)
        except WcodeError as error:
            if isinstance(error, e.BudgetError):
                self._broke = error
            if self._causes.end(error, self._limits, self.tally):
                self._halt(error)
            return ErrorOutcome(status_of(error), error=error)

    async def _answer(self, request: Request, row: RowTries) -> Reply:
        """Return the recorded reply to a request made during the run, or send it."""
        return await self._recorded.find(request) or await self._sent(request, row)

    async def _read(self, replies: Replies, row: RowTries) -> Outcome[T]:
        readings = self._readings
        readings.count(replies)
        try:
            value = readings.value(replies)
        except WcodeError as error:
            ending = readings.ending(*replies)
            if ending not in GOOD:
                return ErrorOutcome(ending, error=error)
            if self._mend is None or self._stop.pausing:
                raise
            replies = (await self._answer(self._mend(replies[-1], error), row),)
            value = readings.value(replies)
        return readings.outcome(replies, value)

    async def _sent(self, request: Request, row: RowTries) -> Reply:
        row.begin()
        own = row.budget
        attempts = Attempts(
            request,
            self._limits if own is None else replace(self._limits, budget=own),
            row,
            timeout=self._timeout,
            url=self._url,
            stopping=lambda: self._stop.pausing,
        )
        async for attempt in attempts:
            if self._broke is not None and not (own and own.promises):
                raise copy.copy(self._broke)
            async with attempt:
                with self._stop.in_flight:
                    attempt.reply = reply = await self._send(request)
                self._book(reply)
                return reply
        raise AssertionError

    def _book(self, reply: Reply) -> None:
        self._causes.served += 1
        self.tally.costs.add(reply.cost, reply.currency)
        if self._keep is not None:
            try:
                self._keep(reply)
            except e.StoreError as error:
                self._halt(error)


def _until_next_turn() -> Iterator[None]:
    """Yield None, to however many workers, until the event loop has turned."""
    turned: list[bool] = []
    asyncio.get_running_loop().call_soon(turned.append, True)
    while not turned:
        yield None
