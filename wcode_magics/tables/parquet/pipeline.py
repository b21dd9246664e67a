"""Chunks of a table sent one after another through one request pipeline.

A chunk starts when the last request of the previous one is in flight, so that the
network stays busy while that one drains; at most two chunks are active. A chunk is
written when all of its rows are finished, and after those before it. On a retry,
existing chunks are rewritten with the rows that are finished. Requests in flight for
the previous chunk are not sent again by the next: its rows wait for those replies.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from wcode_magics.errors import BudgetError, ReplayError, StoreError, WcodeError
from wcode_magics.protocol.request import Request
from wcode_magics.sending.batch import Ask, Batch
from wcode_magics.sending.outcome import GOOD, Outcome, Tally, is_answered
from wcode_magics.tables.pipeline import RequestLine
from wcode_magics.tables.pipeline import batch as batch_of
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.run import TableRun

UNFINISHED = frozenset({"stopped", "budget"})
"""Statuses of rows that a later run continues with."""

Outcomes = Sequence[Outcome[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the table, and the rows of it to send."""

    number: int
    table: pa.Table
    rows: Rows


class ChunkTurn:
    """Requests of a chunk, those shared with the previous one, and all outcomes."""

    def __init__(self, total: int, before: "ChunkTurn | None") -> None:
        self.outcomes: list[Outcome[tuple[Any, ...]]] = [Outcome("stopped")] * total
        self.exhausted = asyncio.Event()
        self._before = before
        self.places: dict[bytes, int] = {}
        self._left: dict[int, Request] = {}

    def requests(self, requests: Iterable[Ask], positions: list[int]) -> Iterator[Ask]:
        """Yield requests the previous chunk lacks; append their ``positions``."""
        before = {} if self._before is None else self._before.places
        for place, ask in enumerate(requests):
            if isinstance(ask, Request):
                key = _key(ask)
                self.places.setdefault(key, place)
                if key in before:
                    self._left[place] = ask
                    continue
            positions.append(place)
            yield ask
        self.exhausted.set()

    def share(self, tally: Tally) -> dict[int, Request]:
        """Copy outcomes of the previous chunk; return shared requests it left open."""
        before, self._before = self._before, None
        open_ = {}
        for place, request in self._left.items():
            assert before is not None
            found = before.outcomes[before.places[_key(request)]]
            if not _is_answered(found):
                open_[place] = request
                continue
            self.outcomes[place] = found
            tally.done += 1
            tally.repeated += 1
            tally.failed += found.status not in GOOD
        self._left.clear()
        return open_


class ChunkRun:
    """One run over many chunks.

    Args:
        call: the run's settings; its budget applies to all chunks together.
        chunks: the chunks, read lazily in another thread.
        write: writes a chunk with its outcomes, also in another thread.
        tally: progress over all chunks.
        rewrite: the chunks are rewritten, and unfinished rows keep their values.
    """

    def __init__(
        self,
        call: TableRun,
        chunks: Iterator[Chunk],
        write: Callable[[Chunk, Outcomes], None],
        tally: Tally,
        *,
        rewrite: bool = False,
    ) -> None:
        self.tally = tally
        self.reason: WcodeError | None = None
        self.stopped = False
        self._call = call
        self._line = RequestLine.of(call.session, call.resolved, call.budget)
        self._store = call.session.pool.store(call.resolved)
        self._chunks, self._write, self._rewrite = chunks, write, rewrite
        self._batches: list[Batch[tuple[Any, ...]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = self._any_answered = False

    async def run(self) -> None:
        """Send all chunks, or as many as possible.

        Raises:
            WcodeError: the error common to all rows, if none was answered; or a chunk
                cannot be read or written.
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
        is_fatal = not self._any_answered or isinstance(self.reason, ReplayError)
        if self.reason is not None and is_fatal:
            raise self.reason

    @property
    def unwritten(self) -> int:
        """Number of paid replies that are only in memory."""
        return self._store.waiting

    def stop(self) -> None:
        """Start no more chunks and pause active ones; a second call abandons these.

        May be called from any thread.
        """
        if self._loop is None:
            self._stop()
            return
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self.stopped = self._stopping = True
        for batch in self._batches:
            batch.stop()

    def _halt(self, reason: WcodeError | None) -> None:
        self._stopping = True
        self.reason = self.reason or reason
        for batch in self._batches:
            batch.pause()

    async def _all(self) -> None:
        before: asyncio.Task[None] | None = None
        turn: ChunkTurn | None = None
        while not self._stopping:
            chunk = await self._next(before)
            if chunk is None:
                break
            turn = ChunkTurn(len(chunk.rows), turn)
            task = asyncio.create_task(self._one(chunk, turn, before))
            self._tasks = [task] if before is None else [before, task]
            await turn.exhausted.wait()
            if before is not None:
                await before
            before = task
        if before is not None:
            await before

    async def _next(self, before: asyncio.Task[None] | None) -> Chunk | None:
        """Read the next chunk; on failure, first await the previous chunk."""
        try:
            return await asyncio.to_thread(next, self._chunks, None)
        except WcodeError:
            if before is not None:
                await before
            raise

    async def _one(
        self, chunk: Chunk, turn: ChunkTurn, before: asyncio.Task[None] | None
    ) -> None:
        positions: list[int] = []
        requests = turn.requests(chunk.rows.requests(), positions)
        try:
            failed = await self._outcomes(turn, requests, positions, len(chunk.rows))
        finally:
            turn.exhausted.set()
        if before is not None:
            await asyncio.wait({before})
        left = turn.share(self.tally)
        if left and not self._stopping:
            places, some = list(left), iter(left.values())
            failed = await self._outcomes(turn, some, places, len(left)) or failed
        await self._end(chunk, turn.outcomes, failed=failed)

    async def _end(self, chunk: Chunk, outcomes: Outcomes, *, failed: bool) -> None:
        """Write the chunk, or on a retry its finished rows.

        ``failed``: the run failed as a whole, so only rows with a reply are finished.
        """
        has_end = _is_answered if failed else _is_finished
        ended = [n for n, outcome in enumerate(outcomes) if has_end(outcome)]
        if len(ended) < len(outcomes) and self._rewrite:
            chunk, outcomes = _some(chunk, outcomes, ended)
        elif len(ended) < len(outcomes):
            return
        if outcomes or not self._rewrite:
            await self._written(chunk, outcomes)

    async def _written(self, chunk: Chunk, outcomes: Outcomes) -> None:
        try:
            await asyncio.to_thread(self._write, chunk, outcomes)
        except StoreError:
            self._stopping = True
            raise

    async def _outcomes(
        self,
        turn: ChunkTurn,
        requests: Iterator[Ask],
        places: Sequence[int],
        total: int,
    ) -> bool:
        """Send; return whether the run failed. ``places`` may grow while sending."""
        keep_going = self._call.keep_going
        task, tally = self._call.task, self.tally
        batch = batch_of(self._line, task, keep_going=keep_going, tally=tally)
        self._batches.append(batch)
        try:
            outcomes = await batch.run(requests, total)
        finally:
            self._batches.remove(batch)
        for place, outcome in zip(places, outcomes, strict=False):
            turn.outcomes[place] = outcome
        self._note_end(outcomes, batch)
        return batch.reason is not None

    def _note_end(self, outcomes: Outcomes, batch: Batch[tuple[Any, ...]]) -> None:
        statuses = {outcome.status for outcome in outcomes}
        self._any_answered = self._any_answered or any(map(is_answered, outcomes))
        if batch.reason is not None:
            self._halt(batch.reason)
        elif "budget" in statuses:
            self._stopping = True
            errors = (o.error for o in outcomes if isinstance(o.error, BudgetError))
            self.reason = self.reason or next(errors, None)


def _key(request: Request) -> bytes:
    return bytes.fromhex(request.hash)[:16]


def _is_finished(outcome: Outcome[Any]) -> bool:
    return outcome.status not in UNFINISHED


def _is_answered(outcome: Outcome[Any]) -> bool:
    """Return whether an outcome belongs to its row, not to a failure of the run."""
    if outcome.error is not None:
        return outcome.error.reply is not None
    return _is_finished(outcome)


def _some(
    chunk: Chunk, outcomes: Outcomes, ended: Sequence[int]
) -> tuple[Chunk, Outcomes]:
    """Restrict an existing chunk and its outcomes to the finished rows."""
    places = chunk.rows.places or ()
    rows = replace(chunk.rows, places=[places[n] for n in ended])
    return replace(chunk, rows=rows), [outcomes[n] for n in ended]
