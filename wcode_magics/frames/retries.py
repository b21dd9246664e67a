"""Rows sent again: how a column was asked for, and which rows it is asked for again."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from wcode_magics.errors import UsageError
from wcode_magics.flow.outcome import GOOD, STATUSES
from wcode_magics.frames.call import Call, call_of
from wcode_magics.frames.filled import array, columns_of, name_in
from wcode_magics.frames.marks import calls_of
from wcode_magics.frames.task import Task
from wcode_magics.params import hint

_ANSWERED = frozenset({"refused", "truncated", "empty", "invalid", "disagrees"})


def again(
    frame: pd.DataFrame,
    statuses: Sequence[str],
    into: str | None,
    options: Mapping[str, Any],
    about: pd.DataFrame | None = None,
) -> Call:
    """The run that made a column, to be made again for rows of these statuses.

    ``about`` has the values that templates use; None: ``frame`` has them.

    Raises:
        UsageError: no such column was asked for.
    """
    into = _asked_column(frame, into)
    before = {**calls_of(frame)[into], "overwrite": True}
    given = {**before, "replay": None, **options, "overwrite": True}
    where = (frame, None) if about is None else (about, frame)
    made = _call_again(given, *where)
    _refuse_others(frame, made.task)
    if given["replay"] is None and _ANSWERED & set(statuses):
        same = _call_again(before, *where).task.base == made.task.base
        return _call_again({"fresh": same, **given}, *where)
    return made


def _call_again(
    given: Mapping[str, Any], frame: pd.DataFrame, onto: pd.DataFrame | None
) -> Call:
    options = dict(given)
    return call_of(frame, options.pop("template"), options, onto=onto)


def places_of(frame: pd.DataFrame, task: Task, statuses: Sequence[str]) -> list[int]:
    """Where the rows of these statuses stand."""
    found = frame[name_in(frame, f"{task.into}_status")].isin(statuses)
    return [int(place) for place in found.to_numpy(dtype=bool).nonzero()[0]]


def _refuse_others(frame: pd.DataFrame, task: Task) -> None:
    """Raise UsageError where a task's columns are not those that a frame has."""
    for field in columns_of(task):
        name, wanted = name_in(frame, field.name), array(field, []).dtype
        held = frame[name].dtype if name in frame.columns else None
        texts = field.kind == "text" and isinstance(held, pd.StringDtype)
        if held != wanted and not texts:
            raise UsageError("frame.other_columns", name=field.name)


def _asked_column(frame: pd.DataFrame, into: str | None) -> str:
    calls = [
        str(name)
        for name in calls_of(frame)
        if name_in(frame, f"{name}_status") in frame.columns
    ]
    if into is None and calls:
        return calls[-1]
    if into not in calls:
        known = hint(str(into), calls)
        raise UsageError("frame.never_asked", name=into or "–", hint=known)
    return str(into)


def statuses_of(wanted: Sequence[str]) -> list[str]:
    """The statuses that are asked for; none: all that are neither good nor skipped.

    Raises:
        UsageError: no such status, with the nearest.
    """
    listed = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(listed, Collection):
        listed = [repr(wanted)]
    for word in map(str, listed):
        if word not in STATUSES:
            known = ", ".join(STATUSES)
            near = hint(word, STATUSES)
            raise UsageError("frame.status", given=word, hint=near, allowed=known)
    return list(listed) or [word for word in STATUSES if word not in {*GOOD, "skipped"}]
