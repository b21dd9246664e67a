"""Prepare, run and re-run one table job."""

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from wcode_magics.errors import (
    BudgetError,
    ReplayError,
    Stopped,
    StoreError,
    WcodeError,
)
from wcode_magics.protocol import models
from wcode_magics.runtime import loop
from wcode_magics.sending.batch import Batch
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.outcome import GOOD, Outcome, is_answered
from wcode_magics.session.session import Session
from wcode_magics.settings.resolved import Resolved
from wcode_magics.tables.call_records import record_call, remember
from wcode_magics.tables.columns import filled
from wcode_magics.tables.estimate import Forecast, Survey, spread, survey
from wcode_magics.tables.pipeline import RequestLine, looks
from wcode_magics.tables.pipeline import batch as batch_of
from wcode_magics.tables.progress import (
    Bar,
    abandon,
    await_,
    cancelled,
    print_line,
    summary,
    wait,
)
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.task import Task
from wcode_magics.text import say

_sessions: list[Callable[[], Session]] = []
_binds: list[Callable[[Any], None]] = []


def serve(
    session: Callable[[], Session] | None, bind: Callable[[Any], None] | None = None
) -> None:
    """Set the function that provides the session of the accessors.

    ``bind`` makes the partial result of an unfinished run available to the user.
    """
    _sessions[:] = [] if session is None else [session]
    _binds[:] = [] if bind is None else [bind]


def halted(
    value: Any, line: str, reason: WcodeError | None = None, *, unwritten: int = 0
) -> Stopped | WcodeError:
    """Bind the partial result of an unfinished run and return the run's error.

    The error is a copy of ``reason`` with the value and its summary, or Stopped if
    ``reason`` is None. ``unwritten`` is the number of paid replies not yet stored.
    """
    for bind in _binds:
        bind(value)
    if unwritten and isinstance(reason, StoreError):
        line = f"{line} · {say('frame.summary_unwritten', count=unwritten)}"
    if reason is None:
        return Stopped(kept=bool(_binds), value=value, summary=line)
    error = copy.copy(reason)
    error.value, error.kept, error.summary = value, bool(_binds), line
    return error


def session() -> Session:
    """Return the session of the accessors, creating one if none is set."""
    if not _sessions:
        own = Session()
        serve(lambda: own)
    return _sessions[0]()


@dataclass(frozen=True)
class TableRun:
    """One prepared run over a frame.

    ``onto`` is the frame that receives the new columns; None: the frame of ``rows``.
    ``advice`` is the key of what to do about rows that failed; empty: nothing.
    """

    session: Session
    rows: Rows
    resolved: Resolved
    arguments: Mapping[str, Any]
    budget: float | Budget | None = None
    progress: bool = True
    onto: pd.DataFrame | None = None
    keep_going: bool = False
    advice: str = "frame.summary_retry"

    @property
    def task(self) -> Task:
        """Task that builds requests and reads replies."""
        return self.rows.task

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the task and its template; a hint where the model thinks."""
        notes = [*self.task.notes]
        if self.rows.unfilled is not None:
            written, name = self.rows.unfilled
            notes.append(say("frame.unfilled", given=written, name=name))
        if self.rows.literal is not None:
            notes.append(say("frame.literal", name=self.rows.literal))
        if len(self.rows) != 1 and not self.rows.used:
            notes.append(say("frame.constant"))
        if self.resolved.thinks:
            notes.append(say("advice.thinks_rows", model=self.resolved.model))
        return tuple(notes)

    @property
    def priced(self) -> bool:
        """Whether the endpoint's prices are known."""
        model, place = self.task.base.model, self.resolved.place
        return models.price_of(model, place) is not None

    def run(self) -> pd.DataFrame:
        """Run and wait for the result.

        Raises:
            WcodeError: an error common to all rows, or to all from some row on.
            Stopped: the user stopped the run. Either has the frame so far as
                ``value``, also bound to ``_wcode`` if there is a shell.
        """
        batch = self.batch()
        try:
            outcomes, stopped = wait(*self._started(batch))
        except BaseException:
            abandon(batch)
            raise
        return self._finished(outcomes, batch, stopped=stopped)

    async def arun(self) -> pd.DataFrame:
        """Await the result, like :meth:`run`; cancellation stops the run.

        Raises:
            CancelledError: in place of Stopped, with its ``value``.
        """
        batch = self.batch()
        try:
            outcomes, stopped = await await_(*self._started(batch))
        except BaseException:
            abandon(batch)
            raise
        try:
            return self._finished(outcomes, batch, stopped=stopped)
        except Stopped as error:
            raise cancelled(error) from None

    def _started(
        self, batch: Batch[tuple[Any, ...]]
    ) -> tuple["Future[list[Outcome[tuple[Any, ...]]]]", Batch[Any], Bar]:
        bar = Bar(batch.tally, len(self.rows), shown=self.progress)
        return self.begin(batch), batch, bar

    def begin(
        self, batch: Batch[tuple[Any, ...]]
    ) -> "Future[list[Outcome[tuple[Any, ...]]]]":
        """Start the run; the future completes when all replies are stored."""
        return loop.LoopTask(self._stored, batch).future

    async def _stored(
        self, batch: Batch[tuple[Any, ...]]
    ) -> list[Outcome[tuple[Any, ...]]]:
        outcomes = await batch.run(self.rows.requests(), len(self.rows))
        try:
            store = self.session.pool.store(self.resolved)
            await asyncio.to_thread(store.flush)
        except StoreError as error:
            batch.reason = batch.reason or error
        return outcomes

    def _finished(
        self,
        outcomes: Sequence[Outcome[tuple[Any, ...]]],
        batch: Batch[tuple[Any, ...]],
        *,
        stopped: bool,
    ) -> pd.DataFrame:
        made = self.result(outcomes, batch)
        line = self.summary(outcomes, batch)
        if stopped or batch.reason is not None:
            reason = None if stopped else batch.reason
            unwritten = self.session.pool.waiting
            raise halted(made, line, reason, unwritten=unwritten) from batch.reason
        if self.progress:
            print_line(line)
        return made

    def summary(
        self, outcomes: Sequence[Outcome[tuple[Any, ...]]], batch: Batch[Any]
    ) -> str:
        """Return a one-line summary of the run, with the notes of its task."""
        advice = say(self.advice) if self.advice else ""
        line = summary(outcomes, batch, priced=self.priced, advice=advice)
        rows = [one.value for one in outcomes if one.value is not None]
        report = self.task.report(rows, len(outcomes), batch.tally.by_model)
        return " · ".join([line, *report, *self.notes])

    @property
    def _answering(self) -> str:
        """The place whose prices count; where nothing is sent, the base URL's."""
        sends = self.session.place(self.resolved) is not None
        return self.session.answering(self.resolved) if sends else self.resolved.place

    def forecast(self, *, together: bool = False) -> Forecast:
        """Estimate the run; sends nothing.

        ``together``: recorded requests of it were sent concurrently, by a preview.
        """
        store = self.session.pool.store(self.resolved)
        place = self.session.place(self.resolved)
        fresh = not looks(self.resolved)
        recall = partial(store.get_many, base_url=place)
        found = survey(self.rows, recall, place=self._answering, fresh=fresh)
        return self.forecast_of(found, together=together)

    def forecast_of(self, found: Survey, *, together: bool = False) -> Forecast:
        """Estimate from a survey, with this run's model and caps."""
        model = self.task.base.model
        place = self._answering
        made = found.forecast(model, self.resolved, place, together=together)
        further = self.task.further(found.sends + found.recorded)
        return replace(made, notes=(*made.notes, *further, *self.notes))

    def sample(self, number: int) -> "TableRun":
        """Return the run over rows with distinct prompts, from short to long.

        Raises:
            UsageError: ``number`` is not a positive integer.
        """
        places = spread(self.rows, number)
        rows = replace(self.rows, frame=self.rows.frame.iloc[places])
        onto = None if self.onto is None else self.onto.iloc[places]
        return replace(self, rows=rows, onto=onto)

    def batch(self) -> Batch[tuple[Any, ...]]:
        """Create the batch of this run, for the caller to start, watch and stop."""
        line = RequestLine.of(self.session, self.resolved, self.budget)
        return batch_of(
            line, self.task, keep_going=self.keep_going, announce=self._announce
        )

    def _announce(self, rows: int, requests: int) -> None:
        if self.progress:
            print_line(self.task.announcement(rows, requests, len(self.rows)))

    def result(
        self,
        outcomes: Sequence[Outcome[tuple[Any, ...]]],
        batch: Batch[tuple[Any, ...]],
    ) -> pd.DataFrame:
        """Return the frame with its columns; raises the error common to all rows."""
        reason = common_error(outcomes, batch)
        if reason is not None:
            raise reason
        self._remember(outcomes)
        frame = self.rows.frame if self.onto is None else self.onto
        return self.marked(filled(frame, self.task, outcomes, self.rows.places))

    def _remember(self, outcomes: Sequence[Outcome[tuple[Any, ...]]]) -> None:
        places = self.rows.places or range(len(outcomes))
        named = zip(places, outcomes, strict=True)
        failed = [n for n, outcome in named if outcome.status not in GOOD]
        remember(self.arguments, replace(self.rows, places=failed).requests())

    def marked(self, made: pd.DataFrame) -> pd.DataFrame:
        """Record the call in ``attrs`` of the result."""
        record_call(made, self.task.into, self.arguments)
        return made


def common_error(
    outcomes: Sequence[Outcome[Any]], batch: Batch[Any]
) -> WcodeError | None:
    """Return the common error when no request succeeded."""
    good = any(map(is_answered, outcomes))
    if batch.reason is not None and (not good or isinstance(batch.reason, ReplayError)):
        return batch.reason
    broke = (o.error for o in outcomes if isinstance(o.error, BudgetError))
    return None if good else next(broke, None)
