"""Why a row has its label: its prompt is asked again without each of its parts."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pandas as pd

from wcode_magics.errors import UsageError
from wcode_magics.evaluation.attribution import (
    Attribution,
    By,
    PromptPart,
    longest,
    parts_of,
    without,
)
from wcode_magics.logprobs.confidence import HIDDEN
from wcode_magics.prompts.prompt_repr import shown
from wcode_magics.protocol.parameters import hint
from wcode_magics.protocol.request import Request
from wcode_magics.tables.call_records import NEEDS, calls_of
from wcode_magics.tables.columns import column_in, has_column, name_in
from wcode_magics.tables.gold_values import number_of
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of

ROUNDING = 1e-11
"""Least probability outside the labels, since 1 less a sum is inexact."""
_DROPPED_OPTIONS = ("then", "threshold", "error", "votes", "details", "exact")
"""Options of a call that asked a row more often than its label needs."""


class WhyRun:
    """A prepared explanation of one row: ``call`` to run, whose frame ``result`` takes.

    Its first row is the row itself, whose answer is recorded; the others lack a part.

    Args:
        frame: answers of ``classify``.
        row: label in the index.
        of: the column of labels; None: the last one that was asked for.
        field: the field that is divided into parts; None: the one with the longest
            text.
        by: "phrases" or "words".
        options: options that differ from those of the call, such as ``budget``.

    Raises:
        UsageError: there is no such row, column or field, or the row has no label.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        row: Any,
        *,
        of: str | None,
        field: str | None,
        by: By,
        options: Mapping[str, Any],
    ) -> None:
        if by not in get_args(By):
            raise UsageError("why.by", given=by, allowed=", ".join(get_args(By)))
        call_arguments, into = _call(frame, of)
        self._place = _place(frame, row)
        label = column_in(frame, into).iloc[self._place]
        if pd.isna(label):
            raise UsageError("why.no_label", row=row, name=into)
        self._label, self._into = str(label), into
        model = name_in(frame, f"{into}_model")
        if model in frame.columns:
            call_arguments["model"] = frame[model].iloc[self._place]
        own = {**call_arguments, **options, "overwrite": True}
        own = {
            name: value for name, value in own.items() if name not in _DROPPED_OPTIONS
        }
        self._template = own.pop("template")
        names = {**call_arguments.get("names", {}), **(options.get("names") or {})}
        own["names"] = names
        one = frame.iloc[[self._place]]
        rows = call_of(one, self._template, own).rows
        self._prompt, self._values = _prompt_and_fields(rows)
        texts = tuple((name, text) for name, text in self._values if text)
        if not texts:
            raise UsageError("why.no_field")
        self._field = field or longest(texts)
        if self._field not in dict(texts):
            near = hint(self._field, list(dict(texts)))
            raise UsageError("why.field", given=self._field, hint=near)
        self._fields = _whole(texts) if len(texts) > 1 else []
        self._parts = parts_of(self._field, dict(texts)[self._field], by)
        call = call_of(self._table(one, rows), self._template, own)
        self.call: TableRun = replace(call, advice="")

    def result(self, answers: pd.DataFrame) -> Attribution:
        """Return the effects, given the answers to all rows of ``call``."""
        names = {str(name): name for name in answers.columns}
        shares = answers[names[f"{self._into}_p_{self._label}"]]
        own, *others = [number_of(share) for share in shares.tolist()]
        own = own or math.nan
        left = answers[names[f"{self._into}_uncovered"]].tolist()[1:]
        parts = [*self._fields, *self._parts]
        found = [
            replace(
                part, effect=math.log(own / (share or _most(rest))), bound=not share
            )
            for part, share, rest in zip(parts, others, left, strict=True)
        ]
        count = len(self._fields)
        return Attribution(
            self._label,
            own,
            tuple(found[:count]),
            tuple(found[count:]),
            self._field,
            self._prompt,
            self._values,
        )

    def _table(self, one: pd.DataFrame, rows: Rows) -> pd.DataFrame:
        """Return the row, and a copy of it without each part."""
        used = {str(name): name for name in rows.used}
        texts = dict(self._values)
        left = [(part.field, "") for part in self._fields]
        left += [(p.field, without(texts[p.field], p)) for p in self._parts]
        made = one[[name for name in rows.used if name in one.columns]]
        table = pd.concat([made.astype(object)] * (1 + len(left)), ignore_index=True)
        for number, (name, text) in enumerate(left, 1):
            table.at[number, used[name]] = text  # noqa: PD008 - one cell
        return table


def _call(frame: pd.DataFrame, of: str | None) -> tuple[dict[str, Any], str]:
    """Return the call that made a column of labels, and the column."""
    calls = {into: call for into, call in calls_of(frame).items() if "labels" in call}
    known = [into for into in calls if has_column(frame, into)]
    into = of or (known[-1] if known else None)
    if into is None:
        raise UsageError("why.none_asked")
    if into not in known:
        raise UsageError("why.never_asked", name=into, hint=hint(into, known))
    arguments = {**calls[into], "replay": None}
    lost = arguments.pop(NEEDS, [])
    if lost:
        raise UsageError("why.names", names=", ".join(lost))
    return arguments, into


def _place(frame: pd.DataFrame, row: Any) -> int:
    same = [n for n, label in enumerate(frame.index) if _is_same(label, row)]
    if len(same) != 1:
        raise UsageError("why.row", given=repr(row))
    return same[0]


def _is_same(label: Any, row: Any) -> bool:
    try:
        return bool(label == row)
    except (TypeError, ValueError):
        return False


def _prompt_and_fields(rows: Rows) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the prompt of the only row, and the texts of its fields."""
    (request,) = rows.requests()
    if not isinstance(request, Request):
        raise request or UsageError("why.no_field")
    named = [name for name in rows.used if name in rows.frame.columns]
    values = rows.frame[named].iloc[0]
    texts = tuple((str(name), shown(values[name])) for name in named)
    return request.prompt, texts


def _whole(texts: tuple[tuple[str, str], ...]) -> list[PromptPart]:
    return [PromptPart(name, text, 0, len(text)) for name, text in texts]


def _most(uncovered: Any) -> float:
    """Return the largest share that a label can have which is not listed."""
    left = number_of(uncovered)
    return HIDDEN if math.isnan(left) else min(HIDDEN, max(left, ROUNDING))
