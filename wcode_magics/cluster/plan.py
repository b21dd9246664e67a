"""What is done to each partition of a table, wherever it lies."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wcode_magics import portal
from wcode_magics.cluster.lease import Home, Lease
from wcode_magics.cluster.post import Post, at_work
from wcode_magics.errors import BudgetError
from wcode_magics.flow.batch import Ask, Batch
from wcode_magics.flow.outcome import Outcome
from wcode_magics.frames.call import places_of, refuse_missing, vain
from wcode_magics.frames.filled import empty, filled
from wcode_magics.frames.forecast import Survey, survey
from wcode_magics.frames.many import batch
from wcode_magics.frames.rows import Rows
from wcode_magics.frames.task import Task
from wcode_magics.request import Request

Cancelled = Callable[[], bool]

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
                self._answered(frame.iloc[start : start + SLICE], *way)
                for start in range(0, len(frame), SLICE)
            ]
        if not parts:
            return empty(frame, self.task)
        return parts[0] if len(parts) == 1 else pd.concat(parts)

    def survey(self, frame: pd.DataFrame) -> Survey:
        """What the partition would send; nothing is sent."""
        rows = Rows(frame, self.task, self.names)
        with self._way() as (way, _cancelled):
            return survey(rows, way.recorded, anew=self.lease.since > 0)

    @contextmanager
    def _way(self) -> Iterator[tuple[Home | Post, Cancelled]]:
        home = self.lease.home()
        if home is not None:
            yield home, home.watch()
            return
        with at_work(self.lease) as way:
            yield way

    def _answered(
        self, frame: pd.DataFrame, way: Home | Post, cancelled: Cancelled
    ) -> pd.DataFrame:
        places = places_of(frame, self.task, self.statuses) if self.statuses else None
        rows = Rows(frame, self.task, self.names, places)
        refuse_missing(rows, self.missing)
        outcomes = self._outcomes(list(rows.asks()), way, cancelled)
        return filled(frame, self.task, outcomes, places)

    def _outcomes(
        self, asks: list[Ask], way: Home | Post, cancelled: Cancelled
    ) -> list[Outcome[Any]]:
        """What others ask just now is left to them, and then taken from the store."""
        outcomes: list[Outcome[Any]] = [Outcome("stopped")] * len(asks)
        left = list(enumerate(asks))
        wait = False
        while left:
            requests = [ask for _, ask in left if isinstance(ask, Request)]
            with way.claimed(requests, wait) as (line, taken):
                mine = [(i, ask) for i, ask in left if _is_mine(ask, taken)]
                run = batch(line, self.task)
                done = _run(run, [ask for _, ask in mine], way, cancelled)
            for (place, _ask), outcome in zip(mine, done, strict=True):
                outcomes[place] = outcome
            left = [(i, ask) for i, ask in left if not _is_mine(ask, taken)]
            wait = True
        return outcomes


def _is_mine(ask: Ask, taken: set[str]) -> bool:
    return not isinstance(ask, Request) or ask.hash in taken


def _run(
    run: Batch[Any], asks: list[Ask], way: Home | Post, cancelled: Cancelled
) -> list[Outcome[Any]]:
    """The outcomes; where nobody wants them any more, the run is paused and left.

    Raises:
        WcodeError: what befell all of them, or all from some one on; a budget is told
            row by row.
    """
    future = portal.Task(run.run, asks, len(asks)).future
    stopped = False
    try:
        while not future.done():
            with suppress(FutureTimeoutError):
                future.exception(TICK_S)
            if not stopped and cancelled():
                stopped = True
                run.stop()
    finally:
        if not future.done():
            run.stop()
    outcomes = future.result()
    if stopped:
        way.leave()
    reason = run.reason or vain(outcomes, run)
    if reason is not None and not isinstance(reason, BudgetError):
        raise reason
    return outcomes
