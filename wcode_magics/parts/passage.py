"""Chunk after chunk through one line of requests.

The next chunk begins when the last request of the one before is on its way, so that
the network is busy while that one drains; never are there more than two. A chunk is
written when all of its rows have their end, and after those before it. One that is
there already, and asked again, is written without the rows that have none.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from wcode_magics.errors import BudgetError, ReplayError, StoreError, WcodeError
from wcode_magics.flow.batch import Ask, Batch
from wcode_magics.flow.outcome import GOOD, Outcome, Tally
from wcode_magics.frames.call import Call
from wcode_magics.frames.many import Line
from wcode_magics.frames.many import batch as batch_of
from wcode_magics.frames.rows import Rows

UNFINISHED = frozenset({"stopped", "budget"})
"""Statuses of rows that a later run goes on with."""

Outcomes = Sequence[Outcome[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a table, and those of them to ask."""

    number: int
    table: pa.Table
    rows: Rows


class Passage:
    """One run over many chunks.

    Args:
        call: how each is asked; its budget is that of all together.
        chunks: read as they are needed, in another thread.
        write: puts a chunk with its outcomes where it belongs, likewise.
        tally: where the run stands, over all chunks.
        again: the chunks are there, so that rows without an end keep what they have.
    """

    def __init__(
        self,
        call: Call,
        chunks: Iterator[Chunk],
        write: Callable[[Chunk, Outcomes], None],
        tally: Tally,
        *,
        again: bool = False,
    ) -> None:
        self.tally = tally
        self.reason: WcodeError | None = None
        self.stopped = False
        self._call = call
        self._line = Line.of(call.session, call.resolved, call.budget)
        self._store = call.session.ledger.store(call.resolved)
        self._chunks, self._write, self._again = chunks, write, again
        self._alive: list[Batch[tuple[Any, ...]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = self._good = False

    async def run(self) -> None:
        """Ask all chunks, or as many as can be.

        Raises:
            WcodeError: what befell all rows, if none was answered; or a chunk cannot
                be read or written.
        """
        self._loop = asyncio.get_running_loop()
        try:
            await self._all()
        except Exception:
            self._halt(None)
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise
        except BaseException:
            for task in self._tasks:
                task.cancel()
            raise
        try:
            await asyncio.to_thread(self._store.flush)
        except StoreError as error:
            self.reason = self.reason or error
        vain = not self._good or isinstance(self.reason, ReplayError)
        if self.reason is not None and vain:
            raise self.reason

    def stop(self) -> None:
        """Begin no chunk more and pause the others; a second call leaves at once.

        May be called from any thread.
        """
        if self._loop is None:
            self._stop()
            return
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self.stopped = self._over = True
        for batch in self._alive:
            batch.stop()

    def _halt(self, reason: WcodeError | None) -> None:
        self._over = True
        self.reason = self.reason or reason
        for batch in self._alive:
            batch.pause()

    async def _all(self) -> None:
        before: asyncio.Task[None] | None = None
        while not self._over:
            chunk = await self._next(before)
            if chunk is None:
                break
            taken = asyncio.Event()
            task = asyncio.create_task(self._one(chunk, taken, before))
            self._tasks = [task] if before is None else [before, task]
            await taken.wait()
            if before is not None:
                await before
            before = task
        if before is not None:
            await before

    async def _next(self, before: asyncio.Task[None] | None) -> Chunk | None:
        """The next chunk; where it cannot be read, what flies comes home first."""
        try:
            return await asyncio.to_thread(next, self._chunks, None)
        except WcodeError:
            if before is not None:
                await before
            raise

    async def _one(
        self, chunk: Chunk, taken: asyncio.Event, before: asyncio.Task[None] | None
    ) -> None:
        try:
            outcomes, ended = await self._outcomes(chunk, taken)
        finally:
            taken.set()
        if before is not None:
            await asyncio.wait({before})
        if len(ended) < len(outcomes) and self._again:
            chunk, outcomes = _some(chunk, outcomes, ended)
        elif len(ended) < len(outcomes):
            return
        if outcomes or not self._again:
            await self._written(chunk, outcomes)

    async def _written(self, chunk: Chunk, outcomes: Outcomes) -> None:
        try:
            await asyncio.to_thread(self._write, chunk, outcomes)
        except StoreError:
            self._over = True
            raise

    async def _outcomes(
        self, chunk: Chunk, taken: asyncio.Event
    ) -> tuple[Outcomes, list[int]]:
        """What became of the rows, and which of them have their end."""
        batch = batch_of(self._line, self._call.task)
        batch.tally = self.tally
        self._alive.append(batch)
        try:
            asks = _until(chunk.rows.asks(), taken)
            outcomes = await batch.run(asks, len(chunk.rows))
        finally:
            self._alive.remove(batch)
        return outcomes, self._judge(outcomes, batch)

    def _judge(self, outcomes: Outcomes, batch: Batch[tuple[Any, ...]]) -> list[int]:
        statuses = {outcome.status for outcome in outcomes}
        self._good = self._good or bool(statuses & GOOD)
        if batch.reason is not None:
            self._halt(batch.reason)
            return [n for n, outcome in enumerate(outcomes) if _is_answered(outcome)]
        if "budget" in statuses:
            self._over = True
            errors = (o.error for o in outcomes if isinstance(o.error, BudgetError))
            self.reason = self.reason or next(errors, None)
        return [n for n, o in enumerate(outcomes) if o.status not in UNFINISHED]


def _is_answered(outcome: Outcome[Any]) -> bool:
    """Whether it is a row's own, where something befell all of them."""
    if outcome.error is not None:
        return outcome.error.reply is not None
    return outcome.status not in UNFINISHED


def _some(
    chunk: Chunk, outcomes: Outcomes, ended: Sequence[int]
) -> tuple[Chunk, Outcomes]:
    """A chunk that is there already, with those of its rows that have their end."""
    places = chunk.rows.places or ()
    rows = replace(chunk.rows, places=[places[n] for n in ended])
    return replace(chunk, rows=rows), [outcomes[n] for n in ended]


def _until(asks: Iterable[Ask], taken: asyncio.Event) -> Iterator[Ask]:
    yield from asks
    taken.set()
