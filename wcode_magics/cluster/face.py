"""``ddf.wcode`` on Dask DataFrames: the same calls, lazily, on any Dask cluster.

What a call returns is a Dask DataFrame; its requests are sent when it is computed,
and what was answered before is replayed from the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import dask

from wcode_magics.cluster.lease import Lease
from wcode_magics.cluster.plan import Plan
from wcode_magics.frames.call import Call, again, call_of, statuses_of
from wcode_magics.frames.filled import empty
from wcode_magics.frames.forecast import Forecast, Survey, spread
from wcode_magics.frames.frame import PREVIEWED, Face
from wcode_magics.frames.progress import tell

HEAD = 1_000
"""The rows that a preview chooses from."""


class FrameFace(Face[Any]):
    """The methods of :class:`~wcode_magics.frames.frame.Face`; rows by partition."""

    _held: Any

    def preview(self, template: str, n: int = PREVIEWED, **options: Any) -> Any:
        """Run ``n`` of the first rows here, and tell what all will take.

        Returns a pandas DataFrame. To count all rows, each partition is read once.
        """
        head = self._held.head(HEAD, npartitions=-1, compute=True)
        call = call_of(head, template, options)
        part = replace(call.rows, frame=head.iloc[spread(call.rows, n)])
        made = replace(call, rows=part).run()
        tell(str(self.estimate(template, **options)))
        return made

    def retry(
        self, statuses: Sequence[str] = (), *, into: str | None = None, **options: Any
    ) -> Any:
        """Send rows again, those alone whose status is one of ``statuses``."""
        wanted = statuses_of(statuses)
        return self._lazily(again(self._meta, wanted, into, options), wanted)

    def estimate(self, template: str, **options: Any) -> Forecast:
        """What a run would send; each partition is read once, nothing is sent."""
        call = call_of(self._meta, template, options)
        survey = dask.delayed(_plan(call).survey, pure=False)
        surveys = dask.compute(*map(survey, self._held.to_delayed()))
        return call.forecast_of(reduce(add, surveys, Survey()))

    @property
    def _meta(self) -> Any:
        return self._held._meta  # noqa: SLF001 - how Dask tells columns and dtypes

    def _made(self, template: str, options: Mapping[str, Any]) -> Any:
        return self._lazily(call_of(self._meta, template, options))

    def _lazily(self, call: Call, statuses: Sequence[str] = ()) -> Any:
        plan = replace(_plan(call), statuses=tuple(statuses))
        meta = call.marked(empty(self._meta, call.task))
        return self._held.map_partitions(plan, meta=meta)


class SeriesFace(FrameFace):
    """``series.wcode``: ``{{ value }}``, or the series' name, is the row's value.

    What it returns has the new columns alone, on the series' index.
    """

    def __init__(self, series: Any) -> None:
        name = series.name if isinstance(series.name, str) else "value"
        frame = series.to_frame(name="value")
        super().__init__(frame if name == "value" else frame.assign(**{name: series}))
        self._own = list(dict.fromkeys(("value", name)))

    def preview(self, template: str, n: int = PREVIEWED, **options: Any) -> Any:
        """As on a DataFrame."""
        return super().preview(template, n, **options).drop(columns=self._own)

    def _lazily(self, call: Call, statuses: Sequence[str] = ()) -> Any:
        return super()._lazily(call, statuses).drop(columns=self._own)


def _plan(call: Call) -> Plan:
    return Plan(
        Lease.of(call.session, call.resolved, call.budget),
        call.task,
        call.rows.others,
        missing=call.given["missing"],
    )
