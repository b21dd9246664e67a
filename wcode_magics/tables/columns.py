"""Outcomes as DataFrame columns: dtypes, missing values, row positions.

A dtype depends on the field only, never on the values, so that parts of a table can be
concatenated. A datetime without an offset is taken as UTC.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from wcode_magics.output.escaping import clipped
from wcode_magics.protocol.schema import Field, moment
from wcode_magics.sending.outcome import Outcome
from wcode_magics.tables.task import Task

DTYPES = {"text": "string", "int": "Int64", "float": "Float64", "bool": "boolean"}
MOMENTS = {"date": "datetime64[us]", "datetime": "datetime64[us, UTC]"}
MOST_OF_TEXT = 2**16
"""Characters of a text that is kept beside its error; a server may send megabytes."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def columns_of(task: Task) -> tuple[Field, ...]:
    """Return all columns that a task produces: its values, then status and error."""
    status = Field(f"{task.into}_status", "text")
    return (*task.columns, status, Field(f"{task.into}_error", "text"))


def filled(
    frame: pd.DataFrame,
    task: Task,
    outcomes: Sequence[Outcome[tuple[Any, ...]]],
    places: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Return a new frame with the columns of a task added or replaced.

    Index, order and dtypes are preserved. ``places`` are the positions of the rows
    that ``outcomes`` belong to; other rows keep their values.
    """
    made = frame.copy(deep=False)
    for field, values in zip(columns_of(task), values_of(task, outcomes), strict=True):
        column, name = array(field, values), name_in(frame, field.name)
        if places is not None:
            column = _merged(made[name], column, places)
        made[name] = _series(column, made.index)
    return made


def _merged(old: "pd.Series[Any]", fresh: Any, places: Sequence[int]) -> Any:
    """Return the old column with fresh values at some positions."""
    loose = isinstance(fresh, np.ndarray)
    texts = isinstance(old.dtype, pd.StringDtype)
    if not loose and not texts and old.dtype != fresh.dtype:  # read from a file
        blank = bool(old.isna().all())
        old = pd.Series([None] * len(old)) if blank else old
        old = old.astype(fresh.dtype)
    merged: Any = old.to_numpy(dtype=object, copy=True) if loose else old.array.copy()
    merged[np.asarray(places, dtype=np.intp)] = fresh
    return merged


def _series(column: Any, index: pd.Index) -> Any:
    """Wrap an object array so that pandas does not infer another dtype."""
    loose = isinstance(column, np.ndarray)
    return pd.Series(column, index=index, dtype=object) if loose else column


def name_in(frame: pd.DataFrame, name: Any) -> Any:
    """Return a column's key in a frame; with MultiIndex columns, as first level.

    A tuple is a key itself.
    """
    levels = 1 if isinstance(name, tuple) else frame.columns.nlevels
    return name if levels == 1 else (name, *[""] * (levels - 1))


def has_column(frame: pd.DataFrame, name: str) -> bool:
    """Return whether a frame has a column, under its name in this frame."""
    return name_in(frame, name) in frame.columns


def column_in(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return a column, under its name in this frame."""
    found: pd.Series[Any] = frame[name_in(frame, name)]
    return found


def empty(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Return a frame without rows that has a task's column names and dtypes."""
    return filled(frame.iloc[:0], task, [])


def array(field: Field, values: Sequence[Any]) -> Any:
    """Return values as an array of the field's dtype; None is missing."""
    if field.kind == "choice":
        return pd.Categorical(values, categories=list(field.choices))
    if field.kind in MOMENTS:
        return _moments(values, field)
    if field.kind == "object":
        objects = np.empty(len(values), dtype=object)
        objects[:] = values
        return objects
    if field.kind == "float":
        values = [None if value != value else value for value in values]  # noqa: PLR0124
    if field.kind == "text":
        values = [None if value is None else readable(value) for value in values]
    dtype: Any = DTYPES[field.kind]
    return pd.array(values, dtype=dtype)


def readable(text: str) -> str:
    """Replace lone surrogates with U+FFFD, as not every table can hold them."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _moments(values: Sequence[Any], field: Field) -> Any:
    """Return dates at microsecond resolution, for all years of ``datetime``."""
    read = [None if value is None else moment(value, field.kind) for value in values]
    dates = pd.DatetimeIndex(np.array(read, dtype="datetime64[us]"))
    zoned = dates.tz_localize("UTC") if "UTC" in MOMENTS[field.kind] else dates
    return zoned.astype(MOMENTS[field.kind]).array


def values_of(
    task: Task, outcomes: Sequence[Outcome[tuple[Any, ...]]]
) -> list[list[Any]]:
    """Return a list per column of :func:`columns_of`; None for missing values."""
    count = len(task.columns)
    blank = (None,) * count
    rows = [blank if o.value is None else o.value for o in outcomes]
    columns = [[row[place] for row in rows] for place in range(count)]
    return [*columns, [o.status for o in outcomes], [_error(o) for o in outcomes]]


def _error(outcome: Outcome[Any]) -> str | None:
    if outcome.error is None:
        return None
    reply = outcome.error.reply
    if reply is None or not reply.text.strip():
        return outcome.error.sentence
    return f"{outcome.error.sentence} | {clipped(reply.text, MOST_OF_TEXT)}"
