"""What is done to each partition of a table, wherever it lies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from wcode_magics import portal
from wcode_magics.cluster.lease import Lease
from wcode_magics.cluster.post import at_work
from wcode_magics.errors import BudgetError, ClusterError
from wcode_magics.flow.batch import Ask, Batch
from wcode_magics.flow.outcome import Outcome
from wcode_magics.frames.call import places_of, refuse_missing, vain
from wcode_magics.frames.filled import empty, filled
from wcode_magics.frames.forecast import Survey, survey
from wcode_magics.frames.many import Line, batch
from wcode_magics.frames.rows import Rows
from wcode_magics.frames.task import Task
from wcode_magics.reply import Reply
from wcode_magics.request import Request

SLICE = 8192
"""Rows whose requests are held at once."""
TICK_S = 0.2


@dataclass(frozen=True)
class Plan:
    """Called with a partition, returns it with its answers.

    ``names`` are values for the templates besides the row's; ``missing`` is the
    policy for rows that lack a value; ``statuses``: ask only rows with these.

    Raises:
        WcodeError: what befell all rows of the partition.
    """

    lease: Lease
    task: Task
    names: Mapping[str, Any]
    missing: str = "skip"
    fresh: bool = False
    statuses: tuple[str, ...] = ()

    @property
    def __name__(self) -> str:
        """What Dask calls the task."""
        return "wcode"

    def __dask_tokenize__(self) -> Any:
        return "wcode", self.lease.token

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The partition with its answers."""
        with self._way() as way:
            parts = [
                self._answered(frame.iloc[start : start + SLICE], way)
                for start in range(0, len(frame), SLICE)
            ]
        if not parts:
            return empty(frame, self.task)
        return parts[0] if len(parts) == 1 else pd.concat(parts)

    def survey(self, frame: pd.DataFrame) -> Survey:
        """What the partition would send; nothing is sent."""
        rows = Rows(frame, self.task, self.names)
        with self._way() as way:
            return survey(rows, way.recall)

    @contextmanager
    def _way(self) -> Iterator["_Way"]:
        line = self.lease.line()
        if line is not None:
            yield _Way(lambda _asks: nullcontext(line), line.recall, lambda: False)
            return
        with at_work(self.lease) as (post, cancelled):
            lines = partial(post.recalled, fresh=self.fresh)
            yield _Way(lines, post.recorded, cancelled)

    def _answered(self, frame: pd.DataFrame, way: "_Way") -> pd.DataFrame:
        rows = Rows(frame, self.task, self.names, self._places(frame))
        refuse_missing(rows, self.missing)
        asks = list(rows.asks())
        with way.line([ask for ask in asks if isinstance(ask, Request)]) as line:
            run = batch(line, self.task, fresh=self.fresh)
            outcomes = way.wait(run, asks)
        if isinstance(run.reason, ClusterError):
            raise run.reason
        reason = vain(outcomes, run)
        if reason is not None and not isinstance(reason, BudgetError):
            raise reason
        return filled(frame, self.task, outcomes, rows.places)

    def _places(self, frame: pd.DataFrame) -> list[int] | None:
        return places_of(frame, self.task, self.statuses) if self.statuses else None


@dataclass(frozen=True)
class _Way:
    """How requests go from here, and whether anybody still wants the answers."""

    line: Callable[[Sequence[Request]], AbstractContextManager[Line]]
    recall: Callable[[Sequence[Request]], Mapping[str, Reply]]
    cancelled: Callable[[], bool]

    def wait(self, run: Batch[Any], asks: list[Ask]) -> list[Outcome[Any]]:
        """The outcomes; where the task is cancelled, the run is paused and left."""
        future = portal.Task(run.run, asks, len(asks)).future
        stopped = False
        while True:
            try:
                outcomes = future.result(TICK_S)
                break
            except FutureTimeoutError:
                if future.done():
                    raise
                if not stopped and self.cancelled():
                    stopped = True
                    run.stop()
        if stopped:
            from distributed import Reschedule

            raise Reschedule
        return outcomes
