"""``df.wcode`` and ``series.wcode``: columns of text into columns of answers.

Importing this file registers the accessors; the extension imports it as soon as
pandas is there (:mod:`wcode_magics.frames.arrival`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pandas as pd

from wcode_magics import portal
from wcode_magics.errors import BudgetError, ReplayError, StoreError, UsageError
from wcode_magics.flow.batch import Batch
from wcode_magics.flow.outcome import GOOD, STATUSES, Outcome
from wcode_magics.frames import accessors
from wcode_magics.frames.filled import columns_of, filled
from wcode_magics.frames.forecast import Forecast, forecast, spread
from wcode_magics.frames.many import batch as batch_of
from wcode_magics.frames.progress import Bar, summary, tell, wait
from wcode_magics.frames.rows import Rows
from wcode_magics.frames.task import Task
from wcode_magics.frames.tasks import task_of
from wcode_magics.params import hint
from wcode_magics.session import Session
from wcode_magics.settings import Resolved

CALLS = "wcode"
"""Where a result keeps, among its ``attrs``, how each column was asked for."""
PREVIEWED = 5
MISSING = ("skip", "error")
_ANSWERED = frozenset({"refused", "truncated", "invalid"})

R = TypeVar("R")

_sessions: list[Callable[[], Session]] = []


def register(session: Session | None = None) -> None:
    """Put ``wcode`` on DataFrame and Series; None: with a session of their own."""
    serve(None if session is None else lambda: session)
    accessors.put(FrameFace, SeriesFace)


def serve(session: Callable[[], Session] | None) -> None:
    """Let the accessors ask this for their session."""
    _sessions[:] = [] if session is None else [session]


def session() -> Session:
    """The session that the accessors use."""
    if not _sessions:
        own = Session()
        serve(lambda: own)
    return _sessions[0]()


@dataclass(frozen=True)
class Call:
    """One run over a frame, made ready."""

    session: Session
    rows: Rows
    resolved: Resolved
    given: Mapping[str, Any]
    fresh: bool = False
    budget: float | None = None
    progress: bool = True

    @property
    def task(self) -> Task:
        """What is asked."""
        return self.rows.task

    def run(self) -> pd.DataFrame:
        """Run and wait; Stop returns what has been answered."""
        batch = self.batch()
        bar = Bar(batch.tally, len(self.rows), shown=self.progress)
        future = portal.Task(batch.run, self.rows.asks(), len(self.rows)).future
        outcomes = wait(future, batch, bar)
        return self.result(outcomes, batch)

    async def arun(self) -> pd.DataFrame:
        """The same for ``await``; to cancel it stops the run."""
        batch = self.batch()
        try:
            outcomes = await portal.arun(batch.run, self.rows.asks(), len(self.rows))
        finally:
            batch.stop()
        return self.result(outcomes, batch)

    def forecast(self) -> Forecast:
        """What the run will take; nothing is sent."""
        store, limit = self.session.store, self.resolved["requests_per_minute"]
        return forecast(
            self.rows,
            lambda requests: store.get_many(requests, None),
            concurrency=int(self.resolved["concurrency"]),
            requests_per_minute=limit,
        )

    def batch(self) -> Batch[tuple[Any, ...]]:
        """The run itself, to be started, watched and stopped by who shows it."""
        return batch_of(
            self.session,
            self.task,
            self.resolved,
            fresh=self.fresh,
            budget=self.budget,
        )

    def result(
        self,
        outcomes: Sequence[Outcome[tuple[Any, ...]]],
        batch: Batch[tuple[Any, ...]],
    ) -> pd.DataFrame:
        """The frame with its new columns; raises WcodeError where all failed alike."""
        try:
            self.session.store.flush()
        except StoreError as error:
            batch.reason = batch.reason or error
        _raise_if_vain(outcomes, batch)
        made = filled(self.rows.frame, self.task, outcomes, self.rows.places)
        calls = {**made.attrs.get(CALLS, {}), self.task.into: dict(self.given)}
        made.attrs = {**made.attrs, CALLS: calls}
        if self.progress:
            tell(summary(outcomes, batch))
        return made


class Face(Generic[R]):
    """The methods of the accessor; what they return is a frame or an awaitable."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._held = frame

    def ask(self, template: str, *, into: str = "answer", **options: Any) -> R:
        """A column of texts.

        Args:
            template: the prompt; ``{{ column }}`` or ``{{ row["any column"] }}`` is
                the row's value.
            into: the new column; ``<into>_status`` and ``<into>_error`` go with it.
            **options: ``system`` (a template too); ``missing`` "skip" (the default:
                a row that lacks a value it uses is not sent) or "error";
                ``overwrite`` columns of the same name; ``names``, more values for
                the template; ``details``, columns of tokens, ¥, mean logprob and
                finish reason; ``fresh``, send what is recorded too; ``budget`` in ¥;
                ``progress``; ``model`` and every parameter.

        Raises:
            UsageError: before anything is sent.
            WcodeError: what befell all rows, if none was answered.
        """
        return self._made(template, {**options, "into": into})

    def classify(
        self,
        template: str,
        labels: Sequence[str],
        *,
        into: str = "label",
        **options: Any,
    ) -> R:
        """A column of labels, ``<into>_p``, and ``<into>_p_<label>`` for each label.

        The probabilities are the model's own, from the log probabilities of its
        tokens; they are missing where the endpoint tells none. Other arguments as in
        :meth:`ask`.
        """
        return self._made(template, {**options, "into": into, "labels": labels})

    def extract(
        self, template: str, schema: Any, *, into: str = "extract", **options: Any
    ) -> R:
        """A column for each field of a schema.

        Args:
            template: as in :meth:`ask`.
            schema: a pydantic model, dataclass, TypedDict, Enum, Literal, JSON
                Schema or ``{"name": "type"}``.
            into: names the status and error columns.
            **options: ``prefix`` of the columns; ``flat``, dotted columns for
                objects inside; ``confidence``, ``<field>_p`` from the log
                probabilities; else as in :meth:`ask`.
        """
        return self._made(template, {**options, "into": into, "schema": schema})

    def preview(self, template: str, n: int = PREVIEWED, **options: Any) -> R:
        """Run ``n`` rows, of short and long prompts, and tell what all will take.

        A run over all rows afterwards does not pay for these again. ``labels`` or
        ``schema`` among the options make it a preview of :meth:`classify` or
        :meth:`extract`.
        """
        call = call_of(self._frame, template, options)
        some = spread(call.rows, n)
        part = replace(call.rows, frame=self._frame.iloc[some])
        return self._previewed(call, replace(call, rows=part))

    def retry(
        self, statuses: Sequence[str] = (), *, into: str | None = None, **options: Any
    ) -> R:
        """Send rows again, those alone whose status is one of ``statuses``.

        None given: all that are neither good nor skipped. ``options`` change how
        they are asked.
        """
        frame = self._frame
        into = _asked_column(frame, into)
        wanted = _statuses(statuses)
        found = frame[f"{into}_status"].isin(wanted).to_numpy(dtype=bool)
        given = {**frame.attrs[CALLS][into], **options, "overwrite": True}
        given.setdefault("fresh", bool(_ANSWERED & set(wanted)))
        call = call_of(frame, given.pop("template"), given)
        places = found.nonzero()[0].tolist()
        return self._finish(replace(call, rows=replace(call.rows, places=places)))

    def estimate(self, template: str, **options: Any) -> Forecast:
        """What a run would send, and its tokens, ¥ and seconds; nothing is sent.

        ``labels`` or ``schema`` among the options as in :meth:`preview`.
        """
        return call_of(self._frame, template, options).forecast()

    @property
    def _frame(self) -> pd.DataFrame:
        return self._held

    def _made(self, template: str, options: dict[str, Any]) -> R:
        return self._finish(call_of(self._frame, template, options))

    def _finish(self, call: Call) -> R:
        raise NotImplementedError

    def _previewed(self, whole: Call, part: Call) -> R:
        raise NotImplementedError


class FrameFace(Face[pd.DataFrame]):
    """``df.wcode``: each method returns a new DataFrame; ``aio`` has them to await."""

    @property
    def aio(self) -> "AsyncFace":
        """The same methods for ``await``."""
        return AsyncFace(self._frame)

    def _finish(self, call: Call) -> pd.DataFrame:
        return call.run()

    def _previewed(self, whole: Call, part: Call) -> pd.DataFrame:
        made = part.run()
        tell(str(whole.forecast()))
        return made


class AsyncFace(Face[Awaitable[pd.DataFrame]]):
    """``df.wcode.aio``"""

    def _finish(self, call: Call) -> Awaitable[pd.DataFrame]:
        return call.arun()

    async def _previewed(self, whole: Call, part: Call) -> pd.DataFrame:
        made = await part.arun()
        tell(str(whole.forecast()))
        return made


class SeriesFace(FrameFace):
    """``series.wcode``: ``{{ value }}``, or the series' name, is the row's value.

    What it returns has the new columns alone, on the series' index.
    """

    def __init__(self, series: pd.Series) -> None:
        name = series.name if isinstance(series.name, str) else "value"
        columns = {"value": series.array, name: series.array}
        super().__init__(pd.DataFrame(columns, index=series.index))
        self._own = [*columns]

    def _finish(self, call: Call) -> pd.DataFrame:
        return call.run().drop(columns=self._own)

    def _previewed(self, whole: Call, part: Call) -> pd.DataFrame:
        return super()._previewed(whole, part).drop(columns=self._own)


def call_of(frame: pd.DataFrame, template: str, options: Mapping[str, Any]) -> Call:
    """A run over a frame, made ready; ``options`` as :meth:`Face.ask` takes them.

    Raises:
        UsageError: before anything is sent.
    """
    options = dict(options)
    own = {
        name: options.pop(name, default)
        for name, default in (
            ("missing", "skip"),
            ("overwrite", False),
            ("names", None),
            ("fresh", False),
            ("budget", None),
            ("progress", True),
        )
    }
    options.setdefault("into", "answer")
    asked = session()
    task, resolved, given = task_of(asked, template, options)
    rows = Rows(frame, task, own["names"] or {})
    _check(rows, own["missing"], overwrite=own["overwrite"])
    given = {**given, "missing": own["missing"]}
    run = (own["fresh"], own["budget"], own["progress"])
    return Call(asked, rows, resolved, given, *run)


def _check(rows: Rows, missing: str, *, overwrite: bool) -> None:
    there = set(rows.frame.columns)
    names = [field.name for field in columns_of(rows.task)]
    for name in names:
        if name in there and not overwrite:
            raise UsageError("frame.column_exists", name=name)
        if names.count(name) > 1:
            raise UsageError("frame.twice", name=name)
    if missing not in MISSING:
        allowed = ", ".join(MISSING)
        raise UsageError("frame.missing_policy", given=missing, allowed=allowed)
    gone = int(rows.missing.sum())
    if gone and missing == "error":
        columns = ", ".join(map(str, rows.used))
        raise UsageError("frame.missing", rows=gone, columns=columns)


def _raise_if_vain(outcomes: Sequence[Outcome[Any]], batch: Batch[Any]) -> None:
    good = any(outcome.status in GOOD for outcome in outcomes)
    if batch.reason is not None and (not good or isinstance(batch.reason, ReplayError)):
        raise batch.reason
    broke = [o.error for o in outcomes if isinstance(o.error, BudgetError)]
    if broke and not good:
        raise broke[0]


def _asked_column(frame: pd.DataFrame, into: str | None) -> str:
    calls = [str(name) for name in frame.attrs.get(CALLS, {})]
    if into is None and calls:
        return calls[-1]
    if into not in calls:
        known = hint(str(into), calls)
        raise UsageError("frame.never_asked", name=into or "–", hint=known)
    return str(into)


def _statuses(wanted: Sequence[str]) -> list[str]:
    listed = [wanted] if isinstance(wanted, str) else list(wanted)
    for word in listed:
        if word not in STATUSES:
            known = ", ".join(STATUSES)
            near = hint(word, STATUSES)
            raise UsageError("frame.status", given=word, hint=near, allowed=known)
    return listed or [word for word in STATUSES if word not in {*GOOD, "skipped"}]


if accessors.NAME not in vars(pd.DataFrame):
    register()
