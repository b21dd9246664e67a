"""``df.wcode`` and ``series.wcode``: columns of text into columns of answers.

Importing this file registers the accessors, for scripts. The extension puts them on
tables itself (:mod:`wcode_magics.tables.registration`), which import it when first
used.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

import pandas as pd

from wcode_magics.errors import UsageError, stoppable
from wcode_magics.session.session import Session
from wcode_magics.tables import registration
from wcode_magics.tables.estimate import Forecast, spread
from wcode_magics.tables.progress import tell
from wcode_magics.tables.retries import again, places_of, statuses_of
from wcode_magics.tables.run import TableRun, call_of, serve

PREVIEWED = 5
METHODS = ("ask", "classify", "extract", "preview", "retry", "estimate")

R = TypeVar("R")


def register(session: Session | None = None) -> None:
    """Put ``wcode`` on tables; None: with a session of their own."""
    serve(None if session is None else lambda: session)
    registration.watch()


class TableMethods(Generic[R]):
    """The methods of the accessor; what they return is a frame or an awaitable."""

    def __init_subclass__(cls, **more: Any) -> None:
        """Let Stop be one line in the methods that a face has of its own, too."""
        super().__init_subclass__(**more)
        for name in METHODS:
            own = vars(cls).get(name)
            if own is not None and not inspect.iscoroutinefunction(own):
                setattr(cls, name, stoppable()(own))

    def __init__(self, frame: pd.DataFrame) -> None:
        self._held = frame

    @stoppable()
    def ask(self, template: str, *, into: str = "answer", **options: Any) -> R:
        """A column of texts.

        Args:
            template: the prompt; ``{{ column }}`` or ``{{ row["any column"] }}`` is
                the row's value.
            into: the new column; ``<into>_status`` and ``<into>_error`` go with it.
            **options: ``system``; ``missing`` "skip" (the default:
                a row that lacks a value it uses is not sent) or "error";
                ``overwrite`` columns of the same name; ``names``, more values for
                the template; ``details``, columns of tokens, ¥, mean logprob and
                finish reason; ``fresh``, send what is recorded too; ``replay``
                "read" (the default), "only" or "off"; ``budget`` in ¥; ``progress``;
                ``on_error`` "stop" (the default: 20 rows that fail alike, and none
                good, end the run) or "continue";
                ``model`` and every parameter.

        Raises:
            UsageError: before anything is sent.
            WcodeError: what befell all rows, or all from some row on: a refused key,
                no credit, a store that cannot write. ``value`` is the frame so far,
                or None if none was answered.
            Stopped: the person stopped it. ``value`` likewise; a notebook has it as
                ``_wcode``, and to ask again sends the rest alone.
        """
        return self._made(template, {**options, "into": into})

    @stoppable()
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

    @stoppable()
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

    @stoppable()
    def preview(self, template: str, n: int = PREVIEWED, **options: Any) -> R:
        """Run ``n`` rows, of short and long prompts, and tell what all will take.

        A run over all rows afterwards does not pay for these again. ``labels`` or
        ``schema`` among the options make it a preview of :meth:`classify` or
        :meth:`extract`.
        """
        call = self._call(template, options)
        some = spread(call.rows, n)
        rows = replace(call.rows, frame=self._frame.iloc[some])
        onto = None if call.onto is None else call.onto.iloc[some]
        return self._previewed(call, replace(call, rows=rows, onto=onto))

    @stoppable()
    def retry(
        self, statuses: Sequence[str] = (), *, into: str | None = None, **options: Any
    ) -> R:
        """Send rows again, those alone whose status is one of ``statuses``.

        None given: all that are neither good nor skipped. ``options`` change how
        they are asked.
        """
        frame, wanted = self._frame, statuses_of(statuses)
        call = again(frame, wanted, into, options)
        places = places_of(frame, call.task, wanted)
        return self._finish(replace(call, rows=replace(call.rows, places=places)))

    @stoppable()
    def estimate(self, template: str, **options: Any) -> Forecast:
        """What a run would send, and its tokens, ¥ and seconds; nothing is sent.

        ``labels`` or ``schema`` among the options as in :meth:`preview`.
        """
        return self._call(template, options).forecast()

    @property
    def _frame(self) -> pd.DataFrame:
        return self._held

    def _made(self, template: str, options: dict[str, Any]) -> R:
        return self._finish(self._call(template, options))

    def _call(self, template: str, options: Mapping[str, Any]) -> TableRun:
        return call_of(self._frame, template, options)

    def _finish(self, call: TableRun) -> R:
        raise NotImplementedError

    def _previewed(self, whole: TableRun, part: TableRun) -> R:
        raise NotImplementedError


class FrameAccessor(TableMethods[pd.DataFrame]):
    """``df.wcode``: each method returns a new DataFrame; ``aio`` has them to await."""

    @property
    def aio(self) -> "AsyncFrameAccessor":
        """The same methods for ``await``."""
        return AsyncFrameAccessor(self._frame)

    def _finish(self, call: TableRun) -> pd.DataFrame:
        return call.run()

    def _previewed(self, whole: TableRun, part: TableRun) -> pd.DataFrame:
        made = part.run()
        tell(str(whole.forecast(together=True)))
        return made


class AsyncFrameAccessor(TableMethods[Awaitable[pd.DataFrame]]):
    """``df.wcode.aio``"""

    def _finish(self, call: TableRun) -> Awaitable[pd.DataFrame]:
        return call.arun()

    async def estimate(  # type: ignore[override]  # all rows are read, in a thread
        self, template: str, **options: Any
    ) -> Forecast:
        """As :meth:`TableMethods.estimate`."""
        return await asyncio.to_thread(self._call(template, options).forecast)

    async def _previewed(self, whole: TableRun, part: TableRun) -> pd.DataFrame:
        made = await part.arun()
        forecast = partial(whole.forecast, together=True)
        tell(str(await asyncio.to_thread(forecast)))
        return made


class _Values(TableMethods[R]):
    """A series as a frame to be asked about; its answers are a frame of their own."""

    def __init__(self, series: pd.Series) -> None:
        name = series.name if isinstance(series.name, str) else "value"
        columns = {"value": series.array, name: series.array}
        super().__init__(pd.DataFrame(columns, index=series.index))
        self._series = series

    @stoppable()
    def retry(
        self,
        statuses: Sequence[str] = (),
        *,
        into: str | None = None,
        of: pd.DataFrame | None = None,
        **options: Any,
    ) -> R:
        """As :meth:`TableMethods.retry`; ``of`` is the frame of the series' answers."""
        if not isinstance(of, pd.DataFrame) or not of.index.equals(self._frame.index):
            raise UsageError("frame.no_answers")
        wanted = statuses_of(statuses)
        call = again(of, wanted, into, options, about=self._frame)
        places = places_of(of, call.task, wanted)
        return self._finish(replace(call, rows=replace(call.rows, places=places)))

    def _call(self, template: str, options: Mapping[str, Any]) -> TableRun:
        blank = self._frame.iloc[:, :0]
        return call_of(self._frame, template, options, onto=blank)


class SeriesAccessor(_Values[pd.DataFrame], FrameAccessor):
    """``series.wcode``: ``{{ value }}``, or the series' name, is the row's value.

    What it returns has the new columns alone, on the series' index.
    """

    @property
    def aio(self) -> "AsyncSeriesAccessor":
        """The same methods for ``await``."""
        return AsyncSeriesAccessor(self._series)


class AsyncSeriesAccessor(_Values[Awaitable[pd.DataFrame]], AsyncFrameAccessor):
    """``series.wcode.aio``"""


if registration.NAME not in vars(pd.DataFrame):
    register()
