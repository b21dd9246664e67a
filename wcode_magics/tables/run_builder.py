"""Check the arguments of a table call and prepare its run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from wcode_magics.errors import UsageError, mistyped
from wcode_magics.session.session import Session
from wcode_magics.settings.options import checked_options
from wcode_magics.tables.call_records import stored_names
from wcode_magics.tables.columns import columns_of, name_in
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.run import TableRun, session
from wcode_magics.tables.task import Task
from wcode_magics.tables.task_builder import task_of

MISSING = ("skip", "error")
ON_ERROR = ("stop", "continue")


def call_of(
    frame: pd.DataFrame,
    template: str,
    options: Mapping[str, Any],
    *,
    onto: pd.DataFrame | None = None,
    through: Session | None = None,
) -> TableRun:
    """Prepare a run over a frame.

    Args:
        frame: the frame whose rows are sent.
        template: the prompt.
        options: options of :meth:`TableMethods.ask`.
        onto: the frame that receives the new columns; None: ``frame``.
        through: the session; None: that of the accessors.

    Raises:
        UsageError: an argument is invalid.
    """
    options = dict(options)
    own = {
        name: options.pop(name, default)
        for name, default in (
            ("missing", "skip"),
            ("overwrite", False),
            ("names", None),
            ("budget", None),
            ("progress", True),
            ("on_error", "stop"),
        )
    }
    if options.pop("keep_going", False):
        own["on_error"] = "continue"
    if own["on_error"] not in ON_ERROR:
        allowed = ", ".join(ON_ERROR)
        raise UsageError("frame.on_error", given=own["on_error"], allowed=allowed)
    options.setdefault("into", "answer")
    checked_options({"budget": own["budget"]})
    if not isinstance(own["names"], Mapping | None):
        raise UsageError("frame.names", given=type(own["names"]).__name__)
    for name in ("progress", "overwrite"):
        if not isinstance(own[name], bool):
            raise mistyped(name, own[name], "switch")
    through = through or session()
    task, resolved, arguments = task_of(through, template, options)
    rows = Rows(frame, task, own["names"] or {})
    _check(rows, onto, overwrite=own["overwrite"])
    _check_missing(rows, own["missing"])
    rows = replace(rows, whole=rows.lost)
    arguments.pop("fresh", None)
    arguments |= {"missing": own["missing"], **stored_names(rows.others)}
    keep_going = own["on_error"] == "continue"
    budget = own["budget"]
    if budget is None and resolved.layer("budget") == "profile":
        budget = resolved["budget"]
    shown = own["progress"]
    return TableRun(through, rows, resolved, arguments, budget, shown, onto, keep_going)


def _check(rows: Rows, onto: pd.DataFrame | None, *, overwrite: bool) -> None:
    frame = rows.frame if onto is None else onto
    there = list(frame.columns)
    names = [field.name for field in columns_of(rows.task)]
    for name in names:
        column = name_in(frame, name)
        count = there.count(column)
        if count and not overwrite:
            own = f"{name}_".startswith(f"{rows.task.into}_")
            key = "frame.column_exists" if own else "frame.field_exists"
            raise UsageError(key, name=name)
        if names.count(name) > 1 or count > 1:
            raise UsageError("frame.twice", name=name)
        if onto is None and column in rows.used:
            raise UsageError("frame.own_source", name=name)


def _check_missing(rows: Rows, missing: str) -> None:
    if missing not in MISSING:
        allowed = ", ".join(MISSING)
        raise UsageError("frame.missing_policy", given=missing, allowed=allowed)
    refuse_missing(rows, missing)


def refuse_announcing(task: Task) -> None:
    """Raise UsageError if a task announces requests, which needs all rows at once."""
    if task.announces:
        raise UsageError("frame.in_memory", name=task.announces)


def refuse_missing(rows: Rows, missing: str) -> None:
    """Raise UsageError if a row lacks a value and the policy is ``error``."""
    lacking = int(rows.missing.sum())
    if lacking and missing == "error":
        columns = ", ".join(map(str, rows.used))
        raise UsageError("frame.missing", rows=lacking, columns=columns)
