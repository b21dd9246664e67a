"""The methods of ``df.wcode`` on a Parquet table of any length."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from wcode_magics.errors import Stopped, UsageError
from wcode_magics.runtime import loop
from wcode_magics.sending.outcome import Tally
from wcode_magics.tables import registration
from wcode_magics.tables.call_records import CALLS
from wcode_magics.tables.columns import columns_of
from wcode_magics.tables.estimate import Forecast
from wcode_magics.tables.missing_values import Floats
from wcode_magics.tables.parquet.columns import (
    TYPES,
    answered,
    answered_schema,
    frame_of,
    index_of,
    request_frame,
)
from wcode_magics.tables.parquet.folder import Folder
from wcode_magics.tables.parquet.manifest import Manifest
from wcode_magics.tables.parquet.pipeline import Chunk, ChunkRun, Outcomes
from wcode_magics.tables.parquet.reader import ParquetSource, local_path
from wcode_magics.tables.parquet.written import ParquetRun, Written
from wcode_magics.tables.progress import Bar, await_, cancelled, print_line, wait
from wcode_magics.tables.retries import RETRIED, again, statuses_of
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of, refuse_announcing
from wcode_magics.tables.table_methods import PREVIEWED, TableMethods

R = TypeVar("R")


@dataclass(frozen=True)
class _AllRows(Rows):
    """All rows of a source, read a chunk at a time."""

    source: ParquetSource | None = None
    size: int = 1
    seen: list[Floats] = field(default_factory=list)

    @property
    def floats(self) -> Floats:
        """Float columns of the chunks read so far."""
        return sum(self.seen, Floats())

    def __len__(self) -> int:
        return 0 if self.source is None else self.source.rows

    def requests(self) -> Iterator[Any]:
        """Yield a request or error per row, as :meth:`Rows.requests`."""
        assert self.source is not None
        numbers = range(_count(self.source.rows, self.size))
        columns = _read_columns(self)
        for _, table in self.source.chunks(self.size, numbers, columns):
            rows = Rows(request_frame(table), self.task, self.names)
            self.seen.append(rows.floats)
            yield from rows.requests()


class _PartedTable(TableMethods[R]):
    """Base of the blocking and awaitable tables: the source and the folder."""

    def __init__(
        self, source: Any, to: str | Path, rows: int, *, overwrite: bool = False
    ) -> None:
        if not isinstance(rows, int) or rows < 1:
            raise UsageError("parquet.rows", given=rows)
        self._source, self._rows = ParquetSource.of(source), rows
        self._folder, self._overwrite = Folder(local_path(to)), overwrite
        self._folder.refuse_file()
        self._source.refuse_target(self._folder.path)
        blank = frame_of(self._source.schema.empty_table())
        getattr(blank, registration.NAME, None)  # sets up the session of df.wcode
        super().__init__(blank)

    def __repr__(self) -> str:
        files = ", ".join(file.name for file in self._source.files[:3])
        more = ", …" if len(self._source.files) > 3 else ""
        return f"<{type(self).__name__}: {files}{more} into {self._folder.path}>"

    def estimate(self, template: str, **options: Any) -> Forecast:
        """Estimate a run over all rows; sends nothing."""
        return self._whole(call_of(self._frame, template, options)).forecast()

    def _whole(self, call: TableRun) -> TableRun:
        refuse_announcing(call.task)
        rows = _AllRows(
            call.rows.frame,
            call.rows.task,
            call.rows.names,
            source=self._source,
            size=self._rows,
        )
        return replace(call, rows=rows)

    def _head(self, template: str, n: int, options: Mapping[str, Any]) -> TableRun:
        """Prepare a run over rows of the first chunk, with short and long prompts."""
        ((_, table),) = self._source.chunks(self._rows, [0])
        call = call_of(request_frame(table), template, options)
        self._refuse_index(call)
        return replace(call, onto=frame_of(table), advice="").sample(n)

    @contextmanager
    def _run_for(self, call: TableRun) -> Iterator[ParquetRun]:
        """Lock the folder and prepare a run over the chunks not written yet."""
        refuse_announcing(call.task)
        self._refuse_index(call)
        self._refuse_missing(call)
        manifest = Manifest.of(call, self._source, self._rows)
        with self._folder.locked():
            self._folder.begin(manifest, overwrite=self._overwrite)
            self._overwrite = False
            numbers = self._numbers
            self._folder = self._folder.of_many(len(numbers))
            done = set(self._folder.numbers())
            missing = [number for number in numbers if number not in done]
            schema = answered_schema(self._source.schema, call.task, manifest.call)

            def write(chunk: Chunk, outcomes: Outcomes) -> None:
                made = answered(chunk.table, call.task, outcomes, schema)
                self._folder.write(chunk.number, made)

            total = self._source.rows
            tally = Tally(done=total - self._rows_of(missing))
            chunk_run = ChunkRun(call, self._chunks(call, missing), write, tally)
            yield self._run(chunk_run, call, total)

    def _chunks(self, call: TableRun, numbers: Sequence[int]) -> Iterator[Chunk]:
        columns = _read_columns(call.rows)
        for number, table in self._source.chunks(self._rows, numbers):
            frame = request_frame(table.select(columns))
            yield Chunk(number, table, replace(call.rows, frame=frame))

    @contextmanager
    def _retrying(
        self, words: Sequence[str], into: str | None, options: Mapping[str, Any]
    ) -> Iterator[ParquetRun]:
        """Lock the folder and prepare a run over rows with these statuses."""
        statuses = statuses_of(words)
        schema, call = self._rebuilt(statuses, into, options)
        folder = self._folder
        with folder.locked():
            status = f"{call.task.into}_status"
            counts = folder.counts(status)
            total = sum(counts[word] for word in statuses)

            def write(chunk: Chunk, outcomes: Outcomes) -> None:
                places = chunk.rows.places
                made = answered(chunk.table, call.task, outcomes, schema, places)
                folder.write(chunk.number, made)

            chunks = self._rewritten_chunks(call, status, statuses)
            chunk_run = ChunkRun(call, chunks, write, Tally(), rewrite=True)
            yield self._run(chunk_run, call, total)

    def _rebuilt(
        self,
        statuses: Sequence[str],
        into: str | None,
        options: Mapping[str, Any],
    ) -> tuple[pa.Schema, TableRun]:
        manifest = self._folder.manifest
        self._folder = self._folder.of_many(len(self._numbers))
        numbers = self._folder.numbers()
        if not numbers:
            raise UsageError("parquet.no_run", folder=self._folder.path)
        schema = self._folder.schema(numbers[0])
        blank = frame_of(schema.empty_table())
        blank.attrs[CALLS] = {manifest.call["into"]: manifest.call}
        call = again(blank, statuses, into, options)
        for one in columns_of(call.task):
            place = schema.get_field_index(one.name)
            if place < 0 or schema.field(place).type != TYPES[one.kind]:
                raise UsageError("parquet.other_columns", name=one.name)
        return schema, call

    def _rewritten_chunks(
        self, call: TableRun, status: str, statuses: Sequence[str]
    ) -> Iterator[Chunk]:
        for number in self._folder.numbers():
            (column,) = self._folder.read(number, [status]).columns
            found = enumerate(column.to_pylist())
            places = [place for place, word in found if word in statuses]
            if places:
                table = self._folder.read(number)
                frame = request_frame(table.select(_read_columns(call.rows)))
                rows = replace(call.rows, frame=frame, places=places)
                yield Chunk(number, table, rows)

    def _run(self, chunk_run: ChunkRun, call: TableRun, total: int) -> ParquetRun:
        bar = Bar(chunk_run.tally, total, shown=call.progress)
        status = f"{call.task.into}_status"
        whole = self._source.rows
        shown = call.progress, call.notes
        return ParquetRun(chunk_run, bar, self._folder, status, whole, *shown)

    @property
    def _numbers(self) -> range:
        """Numbers of all parts."""
        return range(_count(self._source.rows, self._rows))

    def _rows_of(self, numbers: Sequence[int]) -> int:
        size, rows = self._rows, self._source.rows
        return sum(min(size, rows - number * size) for number in numbers)

    def _refuse_index(self, call: TableRun) -> None:
        """Raise UsageError if an answer column has the name of an index column."""
        index = index_of(self._source.schema)
        for one in columns_of(call.task):
            if one.name in index:
                raise UsageError("parquet.index_column", name=one.name)

    def _refuse_missing(self, call: TableRun) -> None:
        if call.arguments["missing"] != "error":
            return
        lacking = 0
        columns = _read_columns(call.rows)
        for _, table in self._source.chunks(self._rows, self._numbers, columns):
            lacking += int(replace(call.rows, frame=request_frame(table)).missing.sum())
        if lacking:
            named = ", ".join(map(str, call.rows.used))
            raise UsageError("frame.missing", rows=lacking, columns=named)


class Parquet(_PartedTable[Written]):
    """A Parquet table and the folder for its answers; ``aio`` has awaitable methods.

    ``ask``, ``classify`` and ``extract`` write parts and return a :class:`Written`.
    """

    @cached_property
    def aio(self) -> "AsyncParquet":
        """The same methods, awaitable."""
        made = AsyncParquet.__new__(AsyncParquet)
        made.__dict__ = vars(self)
        return made

    def preview(  # type: ignore[override]  # returns a DataFrame
        self, template: str, n: int = PREVIEWED, **options: Any
    ) -> pd.DataFrame:
        """Run ``n`` rows of the first part and print an estimate for all rows.

        A later run over all rows replays these and does not pay for them again.
        """
        made = self._head(template, n, options).run()
        print_line(str(self.estimate(template, **options)))
        return made

    def retry(
        self,
        statuses: Sequence[str] = RETRIED,
        *,
        into: str | None = None,
        **options: Any,
    ) -> Written:
        """Resend the rows whose status is one of ``statuses``.

        By default, resends all rows that are neither good nor skipped. Only parts with
        such rows are rewritten. ``options`` override those of the original call.
        """
        with self._retrying(statuses, into, options) as run:
            return _waited(run)

    def _finish(self, call: TableRun) -> Written:
        with self._run_for(call) as run:
            return _waited(run)


class AsyncParquet(_PartedTable[Awaitable[Written]]):
    """``parquet(…).aio``: awaitable methods."""

    async def estimate(  # type: ignore[override]  # reads all parts in a thread
        self, template: str, **options: Any
    ) -> Forecast:
        """Estimate a run, as :meth:`Parquet.estimate`."""
        return await asyncio.to_thread(super().estimate, template, **options)

    async def preview(  # type: ignore[override]
        self, template: str, n: int = PREVIEWED, **options: Any
    ) -> pd.DataFrame:
        """Run a sample of rows, as :meth:`Parquet.preview`."""
        made = await self._head(template, n, options).arun()
        print_line(str(await self.estimate(template, **options)))
        return made

    async def retry(
        self,
        statuses: Sequence[str] = RETRIED,
        *,
        into: str | None = None,
        **options: Any,
    ) -> Written:
        """Resend rows, as :meth:`Parquet.retry`."""
        with self._retrying(statuses, into, options) as run:
            return await _awaited(run)

    async def _finish(self, call: TableRun) -> Written:
        with self._run_for(call) as run:
            return await _awaited(run)


def _read_columns(rows: Rows) -> list[str]:
    """Return the columns that requests use; at least one, to count the rows."""
    return list(rows.used) or list(rows.frame.columns[:1])


def _waited(run: ParquetRun) -> Written:
    future = loop.LoopTask(run.chunk_run.run).future
    _, stopped = wait(future, run.chunk_run, run.bar)
    return run.summarise(stopped=stopped)


async def _awaited(run: ParquetRun) -> Written:
    future = loop.LoopTask(run.chunk_run.run).future
    _, stopped = await await_(future, run.chunk_run, run.bar)
    try:
        return run.summarise(stopped=stopped)
    except Stopped as error:
        raise cancelled(error) from None


def _count(rows: int, size: int) -> int:
    """Return the number of parts; a table without rows has one empty part."""
    return max(1, -(-rows // size))
