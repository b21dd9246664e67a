"""The ``df.wcode`` and ``series.wcode`` accessors: one answer per row.

Scripts import this module to register the accessors. The extension registers them
through :mod:`wcode_magics.tables.registration`, which imports this module on first use.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from wcode_magics.errors import UsageError, stoppable
from wcode_magics.evaluation.attribution import Attribution, By
from wcode_magics.evaluation.versus import Versus
from wcode_magics.session.session import Session
from wcode_magics.tables import registration
from wcode_magics.tables.cascade import Cascade
from wcode_magics.tables.estimate import Forecast
from wcode_magics.tables.progress import print_line
from wcode_magics.tables.retries import RETRIED, again, places_of, statuses_of
from wcode_magics.tables.run import TableRun, serve
from wcode_magics.tables.run_builder import call_of
from wcode_magics.tables.table_methods import R, TableMethods
from wcode_magics.tables.versus import Variants, VersusRun
from wcode_magics.tables.why import WhyRun


def register(session: Session | None = None) -> None:
    """Register the accessors; ``session`` None: they create their own session."""
    serve(None if session is None else lambda: session)
    registration.watch()


class FrameAccessor(TableMethods[pd.DataFrame]):
    """``df.wcode``: methods return a new DataFrame; ``aio`` has awaitable ones."""

    @property
    def aio(self) -> "AsyncFrameAccessor":
        """The same methods, awaitable."""
        return AsyncFrameAccessor(self._frame)

    @stoppable()
    def versus(self, variants: Variants, gold: str, **options: Any) -> Versus:
        """Answer all rows in two ways and compare them with gold.

        Args:
            variants: two names, each with a template or a dict of options, such as
                ``{"small": {"model": "…"}, "large": {"model": "…"}}``.
            gold: column of right answers.
            **options: options of both: ``template``, ``labels`` or ``schema`` (with
                ``of``, the field compared), and those of :meth:`ask`. Stored answers
                are replayed and cost nothing.

        Raises:
            UsageError: an argument is invalid; raised before anything is sent.
            SettingError: the extra ``evaluate`` is not installed.
            WcodeError, Stopped: as for :meth:`ask`.
        """
        made = VersusRun(self._frame, variants, gold, options)
        return made.result([call.run() for call in made.calls])

    @stoppable()
    def why(
        self,
        row: Any,
        *,
        of: str | None = None,
        field: str | None = None,
        by: By = "phrases",
        **options: Any,
    ) -> Attribution:
        """Explain a label: ask again without each field, and without parts of one.

        Prints what that costs before it is sent; recorded answers cost nothing.

        Args:
            row: label of the row in the index.
            of: column of labels; by default the last one that was asked for.
            field: field that is divided into parts; by default that with the longest
                text.
            by: "phrases", which end with punctuation, or "words".
            **options: ``budget``, ``progress``, ``fresh``, ``replay``, and whatever
                differs from the call of the column.

        Raises:
            UsageError: there is no such row, column or field, or the row has no label.
            WcodeError, Stopped: as for :meth:`ask`.
        """
        made = WhyRun(self._frame, row, of=of, field=field, by=by, options=options)
        if made.call.progress:
            print_line(str(made.call.forecast()))
        return made.result(made.call.run())

    def _made(self, template: str, options: dict[str, Any]) -> pd.DataFrame:
        if options.get("error") is None:
            return super()._made(template, options)
        cascade = Cascade.of(self._frame, template, options)
        return cascade.second(cascade.first.run()).run()

    def _finish(self, call: TableRun) -> pd.DataFrame:
        return call.run()

    def _previewed(self, whole: TableRun, part: TableRun) -> pd.DataFrame:
        made = part.run()
        print_line(str(whole.forecast(together=True)))
        return made


class AsyncFrameAccessor(TableMethods[Awaitable[pd.DataFrame]]):
    """``df.wcode.aio``: awaitable methods."""

    def _made(self, template: str, options: dict[str, Any]) -> Awaitable[pd.DataFrame]:
        if options.get("error") is None:
            return super()._made(template, options)
        return self._cascaded(Cascade.of(self._frame, template, options))

    async def _cascaded(self, cascade: Cascade) -> pd.DataFrame:
        return await cascade.second(await cascade.first.arun()).arun()

    def _finish(self, call: TableRun) -> Awaitable[pd.DataFrame]:
        return call.arun()

    async def estimate(  # type: ignore[override]  # reads all rows in a thread
        self, template: str, **options: Any
    ) -> Forecast:
        """Estimate a run, as :meth:`TableMethods.estimate`."""
        return await asyncio.to_thread(self._call(template, options).forecast)

    async def versus(self, variants: Variants, gold: str, **options: Any) -> Versus:
        """Compare two variants, as :meth:`FrameAccessor.versus`."""
        made = VersusRun(self._frame, variants, gold, options)
        return made.result([await call.arun() for call in made.calls])

    async def why(
        self,
        row: Any,
        *,
        of: str | None = None,
        field: str | None = None,
        by: By = "phrases",
        **options: Any,
    ) -> Attribution:
        """Explain a label, as :meth:`FrameAccessor.why`."""
        made = WhyRun(self._frame, row, of=of, field=field, by=by, options=options)
        if made.call.progress:
            print_line(str(await asyncio.to_thread(made.call.forecast)))
        return made.result(await made.call.arun())

    async def _previewed(self, whole: TableRun, part: TableRun) -> pd.DataFrame:
        made = await part.arun()
        forecast = partial(whole.forecast, together=True)
        print_line(str(await asyncio.to_thread(forecast)))
        return made


class _Values(TableMethods[R]):
    """Methods of a series, held as a frame; answers form a separate frame."""

    def __init__(self, series: pd.Series) -> None:
        name = series.name if isinstance(series.name, str) else "value"
        columns = {"value": series.array, name: series.array}
        super().__init__(pd.DataFrame(columns, index=series.index))
        self._series = series

    @stoppable()
    def retry(
        self,
        statuses: Sequence[str] = RETRIED,
        *,
        into: str | None = None,
        of: pd.DataFrame | None = None,
        **options: Any,
    ) -> R:
        """Resend rows; ``of`` is the frame of the series' answers."""
        if not isinstance(of, pd.DataFrame) or not of.index.equals(self._frame.index):
            raise UsageError("frame.no_answers")
        listed = statuses_of(statuses)
        call = again(of, listed, into, options, about=self._frame)
        places = places_of(of, call.task, listed)
        return self._finish(replace(call, rows=replace(call.rows, places=places)))

    def _call(self, template: str, options: Mapping[str, Any]) -> TableRun:
        blank = self._frame.iloc[:, :0]
        call = call_of(self._frame, template, options, onto=blank)
        return replace(call, advice="frame.summary_retry_of")


class SeriesAccessor(_Values[pd.DataFrame], FrameAccessor):
    """``series.wcode``: templates use ``{{ value }}`` or the name of the series.

    Results contain only the new columns, on the index of the series.
    """

    @property
    def aio(self) -> "AsyncSeriesAccessor":
        """The same methods, awaitable."""
        return AsyncSeriesAccessor(self._series)


class AsyncSeriesAccessor(_Values[Awaitable[pd.DataFrame]], AsyncFrameAccessor):
    """``series.wcode.aio``: awaitable methods."""


if registration.NAME not in vars(pd.DataFrame):
    register()
