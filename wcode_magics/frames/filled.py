"""Outcomes as columns: dtypes, missing values, places."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from wcode_magics.flow.outcome import Outcome
from wcode_magics.frames.task import Task
from wcode_magics.schema import Field

DTYPES = {"text": "string", "int": "Int64", "float": "Float64", "bool": "boolean"}


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
    for field, values in zip(columns_of(task), _values(task, outcomes), strict=True):
        column = array(field, values)
        if places is not None:
            column, fresh = made[field.name].array.copy(), column
            column[np.asarray(places, dtype=np.intp)] = fresh
        made[field.name] = column
    return made


def empty(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The frame with the columns of a task and no rows: their names and dtypes."""
    return filled(frame.iloc[:0], task, [])


def array(field: Field, values: Sequence[Any]) -> Any:
    """The values as an array of the field's dtype; None is missing."""
    if field.kind == "choice":
        return pd.Categorical(values, categories=list(field.choices))
    if field.kind in {"date", "datetime"}:
        return pd.to_datetime(pd.Series(values, dtype=object), errors="coerce").array
    if field.kind == "object":
        held = np.empty(len(values), dtype=object)
        held[:] = values
        return held
    if field.kind == "float":
        values = [None if value != value else value for value in values]  # noqa: PLR0124
    dtype: Any = DTYPES[field.kind]
    return pd.array(values, dtype=dtype)


def _values(
    task: Task, outcomes: Sequence[Outcome[tuple[Any, ...]]]
) -> list[list[Any]]:
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
    return f"{outcome.error}{said}"
