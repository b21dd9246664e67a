"""Outcomes as columns: dtypes, missing values, places.

A dtype comes of the field alone, never of its values, so that parts of a table fit
together: a moment without an offset is taken as UTC.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from wcode_magics.protocol.schema import Field, moment
from wcode_magics.sending.outcome import Outcome
from wcode_magics.tables.task import Task

DTYPES = {"text": "string", "int": "Int64", "float": "Float64", "bool": "boolean"}
MOMENTS = {"date": "datetime64[us]", "datetime": "datetime64[us, UTC]"}
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def columns_of(task: Task) -> tuple[Field, ...]:
    """All columns that a task makes: its values, then status and error."""
    status = Field(f"{task.into}_status", "text")
    return (*task.columns, status, Field(f"{task.into}_error", "text"))


def filled(
    frame: pd.DataFrame,
    task: Task,
    outcomes: Sequence[Outcome[tuple[Any, ...]]],
    places: Sequence[int] | None = None,
) -> pd.DataFrame:
    """A new frame with the columns of a task; index, order and dtypes as they were.

    ``places``: the rows that ``outcomes`` are for; the others keep what they have.
    """
    made = frame.copy(deep=False)
    for field, values in zip(columns_of(task), values_of(task, outcomes), strict=True):
        column, name = array(field, values), name_in(frame, field.name)
        if places is not None:
            column = _merged(made[name], column, places)
        made[name] = _kept(column, made.index)
    return made


def _merged(old: "pd.Series[Any]", fresh: Any, places: Sequence[int]) -> Any:
    """The old column with fresh values at some places."""
    loose = isinstance(fresh, np.ndarray)
    texts = isinstance(old.dtype, pd.StringDtype)
    if not loose and not texts and old.dtype != fresh.dtype:  # of a file
        old = old.astype(fresh.dtype)
    merged: Any = old.to_numpy(dtype=object, copy=True) if loose else old.array.copy()
    merged[np.asarray(places, dtype=np.intp)] = fresh
    return merged


def _kept(column: Any, index: pd.Index) -> Any:
    """The column as a frame takes it without a guess at what its objects are."""
    loose = isinstance(column, np.ndarray)
    return pd.Series(column, index=index, dtype=object) if loose else column


def name_in(frame: pd.DataFrame, name: str) -> Any:
    """The name of a column as a frame has it: where names have levels, the first."""
    levels = frame.columns.nlevels
    return name if levels == 1 else (name, *[""] * (levels - 1))


def empty(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The frame with the columns of a task and no rows: their names and dtypes."""
    return filled(frame.iloc[:0], task, [])


def array(field: Field, values: Sequence[Any]) -> Any:
    """The values as an array of the field's dtype; None is missing."""
    if field.kind == "choice":
        return pd.Categorical(values, categories=list(field.choices))
    if field.kind in MOMENTS:
        return _moments(values, field)
    if field.kind == "object":
        held = np.empty(len(values), dtype=object)
        held[:] = values
        return held
    if field.kind == "float":
        values = [None if value != value else value for value in values]  # noqa: PLR0124
    if field.kind == "text":
        values = [None if value is None else readable(value) for value in values]
    dtype: Any = DTYPES[field.kind]
    return pd.array(values, dtype=dtype)


def readable(text: str) -> str:
    """The text with U+FFFD for what is no character, as every table can hold it."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _moments(values: Sequence[Any], field: Field) -> Any:
    """Each to the microsecond, of any year that Python has."""
    read = [None if value is None else moment(value, field.kind) for value in values]
    held = pd.DatetimeIndex(np.array(read, dtype="datetime64[us]"))
    zoned = held.tz_localize("UTC") if "UTC" in MOMENTS[field.kind] else held
    return zoned.astype(MOMENTS[field.kind]).array


def values_of(
    task: Task, outcomes: Sequence[Outcome[tuple[Any, ...]]]
) -> list[list[Any]]:
    """A list for each of :func:`columns_of`; None where an outcome has no value."""
    count = len(task.columns)
    blank = (None,) * count
    rows = [blank if o.value is None else o.value for o in outcomes]
    columns = [[row[place] for row in rows] for place in range(count)]
    return [*columns, [o.status for o in outcomes], [_error(o) for o in outcomes]]


def _error(outcome: Outcome[Any]) -> str | None:
    if outcome.error is None:
        return None
    reply = outcome.error.reply
    said = "" if reply is None else f" | {reply.text}"
    return f"{outcome.error.said}{said}"
