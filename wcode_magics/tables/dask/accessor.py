"""``ddf.wcode`` on Dask DataFrames: the pandas methods, lazy, on any Dask cluster.

A method returns a Dask DataFrame. Its requests are sent when it is computed; requests
answered before are replayed from the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import dask
import dask.dataframe as dd
import pandas as pd

from wcode_magics.errors import UsageError
from wcode_magics.sending.budget import Budget
from wcode_magics.tables.columns import empty
from wcode_magics.tables.dask.partition import Plan, holds
from wcode_magics.tables.dask.run_settings import RunSettings
from wcode_magics.tables.estimate import Forecast, Survey
from wcode_magics.tables.progress import print_line
from wcode_magics.tables.retries import RETRIED, again, statuses_of
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of, refuse_announcing
from wcode_magics.tables.table_methods import PREVIEWED, TableMethods
from wcode_magics.text import say

HEAD = 1_000
"""Leading rows from which a preview selects its sample."""


class DaskFrameAccessor(TableMethods[Any]):
    """The methods of ``df.wcode``, applied partition by partition."""

    _data: Any

    def preview(self, template: str, n: int = PREVIEWED, **options: Any) -> Any:
        """Run ``n`` of the first rows locally and print an estimate for all rows.

        Returns a pandas DataFrame. Each partition is read once to count all rows.

        Raises:
            UsageError: the table depends on answers that have not been computed.
        """
        self._refuse_unsent()
        head = self._data.head(HEAD, npartitions=-1, compute=True)
        made = self._about(head, template, options).sample(n).run()
        print_line(str(self.estimate(template, **options)))
        return made

    def retry(
        self,
        statuses: Sequence[str] = RETRIED,
        *,
        into: str | None = None,
        **options: Any,
    ) -> Any:
        """Resend the rows whose status is one of ``statuses``."""
        listed = statuses_of(statuses)
        return self._lazily(again(self._meta, listed, into, options), listed)

    def estimate(self, template: str, **options: Any) -> Forecast:
        """Estimate what a run would send; reads each partition once, sends nothing.

        Raises:
            UsageError: the table depends on answers that have not been computed.
        """
        self._refuse_unsent()
        call = self._about(self._meta, template, options)
        survey = dask.delayed(_plan(call).survey, pure=False)
        surveys = dask.compute(*map(survey, self._data.to_delayed()))
        return call.forecast_of(reduce(add, surveys, Survey()))

    @property
    def _meta(self) -> Any:
        return self._data._meta  # noqa: SLF001 - Dask's columns and dtypes

    def _made(self, template: str, options: Mapping[str, Any]) -> Any:
        return self._lazily(self._about(self._meta, template, options))

    def _about(
        self, frame: pd.DataFrame, template: str, options: Mapping[str, Any]
    ) -> TableRun:
        return call_of(frame, template, options)

    def _lazily(
        self, call: TableRun, statuses: Sequence[str] = (), *answers: Any
    ) -> Any:
        plan = replace(_plan(call), statuses=tuple(statuses))
        onto = self._meta if call.onto is None else call.onto
        meta = call.marked(empty(onto, call.task))
        return self._data.map_partitions(plan, *answers, meta=meta)

    def _refuse_unsent(self) -> None:
        if holds(self._data):
            raise UsageError("cluster.unsent")


class DaskSeriesAccessor(DaskFrameAccessor):
    """``series.wcode``: templates use ``{{ value }}`` or the name of the series.

    Results contain only the new columns, on the index of the series.
    """

    def __init__(self, series: Any) -> None:
        name = series.name if isinstance(series.name, str) else "value"
        frame = series.to_frame(name="value")
        super().__init__(frame if name == "value" else frame.assign(**{name: series}))

    def retry(
        self,
        statuses: Sequence[str] = RETRIED,
        *,
        into: str | None = None,
        of: Any = None,
        **options: Any,
    ) -> Any:
        """Resend rows; ``of`` is the Dask DataFrame of the series' answers."""
        partitions = isinstance(of, dd.DataFrame) and of.npartitions
        if partitions != self._data.npartitions:
            raise UsageError("frame.no_answers")
        listed = statuses_of(statuses)
        answers = of._meta  # noqa: SLF001
        call = again(answers, listed, into, options, about=self._meta)
        return self._lazily(call, listed, of)

    def _about(
        self, frame: pd.DataFrame, template: str, options: Mapping[str, Any]
    ) -> TableRun:
        return call_of(frame, template, options, onto=frame.iloc[:, :0])


def _plan(call: TableRun) -> Plan:
    refuse_announcing(call.task)
    assert not isinstance(call.budget, Budget)
    column = call.task.into
    begun = " · ".join([say("frame.lazy", column=column), *call.notes])
    unconfirmed = say("frame.lazy_unconfirmed", column=column)
    lines = [begun, unconfirmed] if call.progress else []
    return Plan(
        RunSettings.of(call.session, call.resolved, call.budget, lines),
        call.task,
        call.rows.others,
        call.arguments,
        alone=call.onto is not None,
        keep_going=call.keep_going,
    )
