"""Registration of the ``wcode`` accessors when a library is imported, and removal."""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from wcode_magics.errors import stoppable
from wcode_magics.runtime.imports import prepare
from wcode_magics.tables.import_hook import when_imported

NAME = "wcode"
ACCESSORS = {
    "pandas": (
        "pandas.api.extensions",
        "wcode_magics.tables.accessor",
        ("FrameAccessor", "SeriesAccessor"),
    ),
    "dask.dataframe": (
        "dask.dataframe.extensions",
        "wcode_magics.tables.dask.accessor",
        ("DaskFrameAccessor", "DaskSeriesAccessor"),
    ),
}
"""Library: module that registers accessors, our module, frame and series classes."""

_waiting: list[Callable[[], None]] = []
_before: list[Callable[[], object]] = []


def watch(before: Callable[[], object] = lambda: None) -> Callable[[], None]:
    """Register ``.wcode`` on tables, now or when their library is imported.

    ``before`` is called whenever an accessor is created; the latest one replaces
    earlier ones. Existing registrations stay in place. Returns a function that
    removes all registrations.
    """
    _before[:] = [before]
    _cancel_waiting()
    _waiting[:] = [when_imported(name, partial(_put, name)) for name in ACCESSORS]

    def forget() -> None:
        _cancel_waiting()
        take()

    return forget


def _cancel_waiting() -> None:
    for forget in _waiting:
        forget()
    _waiting.clear()


def take() -> None:
    """Unregister the accessors; neither pandas nor Dask offers a way to do so."""
    for name in ACCESSORS:
        library = sys.modules.get(name)
        for kind in () if library is None else (library.DataFrame, library.Series):
            if NAME in vars(kind):
                delattr(kind, NAME)
                kind._accessors.discard(NAME)  # noqa: SLF001


def _put(name: str) -> None:
    where, module, (frame, series) = ACCESSORS[name]
    registry, library = import_module(where), sys.modules[name]
    for kind, accessor, register in (
        (library.DataFrame, frame, registry.register_dataframe_accessor),
        (library.Series, series, registry.register_series_accessor),
    ):
        if NAME not in vars(kind):
            register(NAME)(partial(_accessor, module, accessor))


def _accessor(module: str, name: str, table: Any) -> Any:
    with stoppable():
        prepare([module])
        for before in _before:
            before()
        return getattr(import_module(module), name)(table)
