"""Processing of one partition, in the coordinator's process or on a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from traceback import walk_tb
from types import TracebackType
from typing import Any

import dask.dataframe as dd
import pandas as pd
from dask._expr import Expr
from dask._task_spec import Task as Step
from dask.delayed import Delayed

from wcode_magics.errors import UsageError
from wcode_magics.tables.call_records import record_call
from wcode_magics.tables.columns import empty, filled
from wcode_magics.tables.dask.run_settings import RunSettings
from wcode_magics.tables.dask.worker import abort, run_here, watch
from wcode_magics.tables.estimate import Survey, survey
from wcode_magics.tables.partition_run import Cancelled, PartitionRun, send
from wcode_magics.tables.retries import places_of
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.run_builder import refuse_missing
from wcode_magics.tables.task import Task

SLICE = 8192
"""Rows processed at a time, to bound the requests held in memory."""


@dataclass(frozen=True)
class Plan:
    """Callable that adds the answer columns to a partition.

    ``names`` are template values besides those of the row; ``arguments`` are the call
    as recorded in the result's ``attrs``; ``alone`` returns only the answer columns;
    ``statuses`` restricts the run to rows with these statuses; ``keep_going``
    continues even if all rows fail with the same error.

    Raises:
        WcodeError: the error common to all rows of the partition.
    """

    settings: RunSettings
    task: Task
    names: Mapping[str, Any]
    arguments: Mapping[str, Any]
    alone: bool = False
    statuses: tuple[str, ...] = ()
    keep_going: bool = False

    @property
    def __name__(self) -> str:
        """Name of the task in Dask."""
        return "wcode"

    def __dask_tokenize__(self) -> Any:
        return "wcode", self.settings.token

    def __call__(
        self, frame: pd.DataFrame, answers: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Return the partition with its answers; ``answers`` are existing ones.

        Raises:
            UsageError: the index of ``answers`` differs from that of the partition.
        """
        onto = frame.iloc[:, :0] if self.alone else frame
        if answers is not None:
            onto = answers
            if not onto.index.equals(frame.index):
                raise UsageError("frame.no_answers")
        cancelled = watch()
        with run_here(self.settings) as run:
            parts = [
                self._answered(frame.iloc[rows], onto.iloc[rows], run, cancelled)
                for rows in (slice(n, n + SLICE) for n in range(0, len(frame), SLICE))
            ]
        if not parts:
            return self._marked(empty(onto, self.task))
        return self._marked(parts[0] if len(parts) == 1 else pd.concat(parts))

    def survey(self, frame: pd.DataFrame) -> Survey:
        """Count what the partition would send, without sending anything."""
        rows = Rows(frame, self.task, self.names)
        with run_here(self.settings) as run:
            place, fresh = self.settings.resolved.place, self.settings.since > 0
            return survey(rows, run.recorded, place=place, fresh=fresh)

    def _answered(
        self,
        frame: pd.DataFrame,
        onto: pd.DataFrame,
        run: PartitionRun,
        cancelled: Cancelled,
    ) -> pd.DataFrame:
        places = places_of(onto, self.task, self.statuses) if self.statuses else None
        rows = Rows(frame, self.task, self.names, places)
        refuse_missing(rows, self.arguments["missing"])
        requests = list(rows.requests())
        keep_going = self.keep_going
        outcomes = send(
            run, requests, self.task, cancelled, abort=abort, keep_going=keep_going
        )
        return filled(onto, self.task, outcomes, places)

    def _marked(self, made: pd.DataFrame) -> pd.DataFrame:
        record_call(made, self.task.into, self.arguments)
        return made


def runs_in(trace: TracebackType | None) -> bool:
    """Return whether Dask computed a table with answers where a traceback begins."""
    return any(
        holds(value)
        for frame, _line in walk_tb(trace)
        if frame.f_globals.get("__name__") == "dask.base"
        for value in frame.f_locals.values()
    )


def holds(table: Any) -> bool:
    """Return whether computing a Dask table, or several, would send requests."""
    pending, seen = [table], set[int]()
    while pending:
        value = pending.pop()
        if isinstance(value, Plan):
            return True
        if id(value) not in seen:
            seen.add(id(value))
            pending += _inside(value)
    return False


def _inside(value: Any) -> list[Any]:
    """Return the parts of a Dask expression, task or graph."""
    if isinstance(value, dd.DataFrame | dd.Series):
        return [value.expr]
    if isinstance(value, Expr):
        return list(value.operands)
    if isinstance(value, Step):
        return [value.func, *value.args, *value.kwargs.values()]
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    return [value.dask] if isinstance(value, Delayed) else []
