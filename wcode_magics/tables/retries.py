"""Retries of rows: the call that produced a column, and the rows to resend."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from pandas.api import types

from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.protocol.parameters import hint
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import GOOD, STATUSES
from wcode_magics.tables.call_records import NEEDS, calls_of, remembered
from wcode_magics.tables.columns import (
    array,
    column_in,
    columns_of,
    has_column,
    name_in,
)
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of
from wcode_magics.tables.task import Task

_HAS_REPLY = frozenset(
    {"refused", "truncated", "cut_prompt", "empty", "invalid", "disagrees"}
)


def again(
    frame: pd.DataFrame,
    statuses: Sequence[str],
    into: str | None,
    options: Mapping[str, Any],
    about: pd.DataFrame | None = None,
) -> TableRun:
    """Rebuild the run that produced a column, for rows with these statuses.

    ``about`` contains the values that templates use; None: ``frame`` does.

    Raises:
        UsageError: no call produced such a column, the call is not known, or values
            that its template used are not known.
    """
    where = (frame, None) if about is None else (about, frame)
    before = _before(frame, statuses, into, options, where)
    needs = before.pop(NEEDS, [])
    names = {**before.get("names", {}), **(options.get("names") or {})}
    lost = [name for name in needs if name not in names]
    if lost and "template" not in options:
        raise UsageError("frame.names_needed", names=", ".join(lost))
    before |= {"names": names, "overwrite": True}
    arguments = {**before, "replay": None, **options, "names": names, "overwrite": True}
    made = _rebuilt(arguments, *where)
    _refuse_others(frame, made.task)
    if arguments["replay"] is None and _HAS_REPLY & _present(
        frame, made.task, statuses
    ):
        same = _rebuilt(before, *where).task.base == made.task.base
        return _rebuilt({"fresh": same, **arguments}, *where)
    return made


def _before(
    frame: pd.DataFrame,
    statuses: Sequence[str],
    into: str | None,
    options: Mapping[str, Any],
    where: tuple[pd.DataFrame, pd.DataFrame | None],
) -> dict[str, Any]:
    """Return the call of a column: from ``attrs``, remembered, or from ``options``."""
    calls = [name for name in calls_of(frame) if _is_there(frame, name)]
    if into is None and calls:
        into = calls[-1]
    if into in calls:
        return dict(calls_of(frame)[into])
    found = [
        call
        for call, failed in remembered(into)
        if _is_there(frame, call["into"]) and _is_of(call, failed, statuses, where)
    ]
    if len(found) == 1:
        return dict(found[0])
    if into is not None and _is_there(frame, into) and "template" in options:
        return {"into": into, "template": options["template"]}
    if into is None:
        raise UsageError("frame.none_asked")
    raise UsageError("frame.never_asked", name=into, hint=hint(into, calls))


def _is_there(frame: pd.DataFrame, into: Any) -> bool:
    return has_column(frame, f"{into}_status")


def _is_of(
    arguments: Mapping[str, Any],
    failed: set[str],
    statuses: Sequence[str],
    where: tuple[pd.DataFrame, pd.DataFrame | None],
) -> bool:
    """Return whether the requests of all rows with these statuses are in ``failed``."""
    known = {name: value for name, value in arguments.items() if name != NEEDS}
    try:
        call = _rebuilt({**known, "overwrite": True}, *where)
    except WcodeError:
        return False
    places = places_of(where[0] if where[1] is None else where[1], call.task, statuses)
    built = replace(call.rows, places=places).requests()
    hashes = {one.hash for one in built if isinstance(one, Request)}
    return bool(hashes) and hashes <= failed


def _rebuilt(
    arguments: Mapping[str, Any], frame: pd.DataFrame, onto: pd.DataFrame | None
) -> TableRun:
    options = dict(arguments)
    return call_of(frame, options.pop("template"), options, onto=onto)


def places_of(frame: pd.DataFrame, task: Task, statuses: Sequence[str]) -> list[int]:
    """Return the positions of the rows with these statuses."""
    found = column_in(frame, f"{task.into}_status").isin(statuses)
    return [int(place) for place in found.to_numpy(dtype=bool).nonzero()[0]]


def _present(frame: pd.DataFrame, task: Task, statuses: Sequence[str]) -> set[str]:
    """Return the given statuses that a frame has; all for Dask's empty frame."""
    dtyped = set(column_in(frame, f"{task.into}_status"))
    return set(statuses) & dtyped if dtyped else set(statuses)


def _refuse_others(frame: pd.DataFrame, task: Task) -> None:
    """Raise UsageError if a task's columns differ from those of the frame."""
    for field in columns_of(task):
        name = name_in(frame, field.name)
        if name not in frame.columns or not _is_compatible(frame[name], field):
            raise UsageError("frame.other_columns", name=field.name)


def _is_compatible(column: "pd.Series[Any]", field: Field) -> bool:
    """Return whether a column may hold the values of a field, as after a file.

    A file may keep no kind of a column without values, and no unused categories.
    """
    dtype, expected = column.dtype, array(field, []).dtype
    if isinstance(dtype, pd.CategoricalDtype) and field.kind == "choice":
        return set(dtype.categories) <= set(field.choices)
    kindless = types.is_object_dtype(dtype) or dtype == "float64"
    empty = kindless and len(column) > 0 and bool(column.isna().all())
    return dtype == expected or empty or _SAME[field.kind](dtype)


_SAME: Mapping[str, Callable[[Any], bool]] = {
    "text": types.is_string_dtype,
    "choice": lambda dtype: (
        isinstance(dtype, pd.ArrowDtype) or types.is_string_dtype(dtype)
    ),
    "int": types.is_integer_dtype,
    "float": types.is_float_dtype,
    "bool": types.is_bool_dtype,
    "date": types.is_datetime64_any_dtype,
    "datetime": types.is_datetime64_any_dtype,
    "object": lambda _dtype: True,
}
"""Whether a dtype is acceptable for a kind, as after a round trip through a file."""


RETRIED = tuple(word for word in STATUSES if word not in {*GOOD, "skipped"})
"""Statuses that are retried by default."""


def statuses_of(statuses: Sequence[str]) -> list[str]:
    """Return the statuses to retry.

    Raises:
        UsageError: a status is unknown; suggests the nearest one.
    """
    listed = [statuses] if isinstance(statuses, str) else statuses
    if not isinstance(listed, Collection) or not listed:
        listed = [repr(statuses)]
    for word in map(str, listed):
        if word not in STATUSES:
            known = ", ".join(STATUSES)
            near = hint(word, STATUSES)
            raise UsageError("frame.status", given=word, hint=near, allowed=known)
    return list(listed)
