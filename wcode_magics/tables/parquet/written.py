"""Outcome of a run over a Parquet table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wcode_magics.errors import BudgetError, WcodeError
from wcode_magics.protocol.models import Costs
from wcode_magics.tables.parquet.folder import Folder
from wcode_magics.tables.parquet.pipeline import ChunkRun
from wcode_magics.tables.progress import Bar, print_line
from wcode_magics.tables.run import halted
from wcode_magics.text import say


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """Content of a folder after a run; ``str()`` gives it as one line.

    ``rows`` of ``total`` rows are written, counted by status in ``statuses``. The run
    replayed ``replayed`` replies and paid ``costs``; ``sandbox``: the sandbox
    answered. An unfinished run was ``stopped``, or ``reason`` is its error. ``notes``
    are remarks on the task and its template.
    """

    folder: Path
    rows: int
    total: int
    statuses: Mapping[str, int]
    replayed: int
    sandbox: bool
    costs: Costs
    stopped: bool
    reason: WcodeError | None
    notes: tuple[str, ...] = ()

    @property
    def cost(self) -> float | None:
        """Total cost of the run, or None if it has several currencies."""
        return self.costs.only

    def __repr__(self) -> str:
        return f"<Written: {self.rows} of {self.total} rows in {self.folder}>"

    def __str__(self) -> str:
        rows, total = f"{self.rows:,}", f"{self.total:,}"
        parts = [say("parquet.summary", rows=rows, total=total, folder=self.folder)]
        parts += [
            f"{say(f'statuses.{word}')} {n:,}"
            for word, n in sorted(self.statuses.items())
        ]
        if self.sandbox:
            parts.append(say("frame.summary_sandbox"))
        if self.replayed:
            parts.append(say("frame.summary_replayed", rows=f"{self.replayed:,}"))
        parts.append(str(self.costs))
        if self.reason is not None:
            parts.append(str(self.reason))
        elif self.stopped:
            parts.append(say("frame.summary_stopped"))
        return " · ".join([*parts, *self.notes])


@dataclass(frozen=True)
class ParquetRun:
    """A prepared run, with its progress bar and the data of its summary."""

    chunk_run: ChunkRun
    bar: Bar
    folder: Folder
    status: str
    total: int
    shown: bool
    notes: tuple[str, ...]

    def summarise(self, *, stopped: bool) -> Written:
        """Summarise the run and report it.

        Raises:
            Stopped: the user stopped it; ``value`` is the summary.
            WcodeError: the error that ended it, with the same ``value``.
        """
        statuses = self.folder.counts(self.status)
        chunk_run = self.chunk_run
        written = Written(
            self.folder.path,
            statuses.total(),
            self.total,
            dict(statuses),
            chunk_run.tally.replayed,
            chunk_run.tally.sandbox > 0,
            chunk_run.tally.costs,
            chunk_run.stopped,
            chunk_run.reason,
            self.notes,
        )
        reason = None if stopped else chunk_run.reason
        if stopped or not isinstance(reason, BudgetError | None):
            line = str(replace(written, reason=None))
            left = chunk_run.unwritten
            raise halted(written, line, reason, unwritten=left) from chunk_run.reason
        if self.shown:
            print_line(str(written))
        return written
