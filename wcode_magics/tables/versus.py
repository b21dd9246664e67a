"""Two variants of a table call over the same rows: templates, models or parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wcode_magics.errors import UsageError
from wcode_magics.evaluation import require
from wcode_magics.evaluation.graded import Bools
from wcode_magics.evaluation.versus import Versus, paired
from wcode_magics.protocol import models
from wcode_magics.tables.columns import columns_of, name_in
from wcode_magics.tables.gold import gold_of, graded, refuse_gold
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of
from wcode_magics.tables.task import DETAILS

Variants = Mapping[str, str | Mapping[str, Any]]


class VersusRun:
    """A prepared comparison: ``calls`` to run in order, whose frames ``result`` takes.

    Raises:
        UsageError: the variants, their options or the column of gold are invalid;
            raised before anything is sent.
        SettingError: the extra ``evaluate`` is not installed.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        variants: Variants,
        gold: Any,
        options: Mapping[str, Any],
    ) -> None:
        require()
        named = isinstance(variants, Mapping) and len(variants) == 2
        if not named or len({*map(str, variants)}) < 2:
            raise UsageError("evaluate.variants", given=repr(variants))
        if not isinstance(gold, str):
            raise UsageError("evaluate.gold_in")
        gold_of(frame, gold)
        first, second = variants
        self._names = str(first), str(second)
        self._frame, self._gold = frame, gold
        self._detailed = bool(options.get("details"))
        made = [_call(frame, *pair, options) for pair in variants.items()]
        self.calls = [call for call, _column in made]
        self._columns = [column for _call, column in made]
        self._check(overwrite=bool(options.get("overwrite")))
        for call in self.calls:
            refuse_gold(frame, gold, call.task)
        self._before = self._spent

    def result(self, frames: Sequence[pd.DataFrame]) -> Versus:
        """Compare the answers of both calls."""
        paid = models.Costs()
        for currency, amount in self._spent.items():
            paid.add(amount - self._before.get(currency, 0.0), currency)
        answers = self._joined(frames)
        first, second = (graded(answers, self._gold, of=one) for one in self._columns)
        _, one, two = np.intersect1d(
            first.places, second.places, assume_unique=True, return_indices=True
        )
        pair = paired(first.right[one], second.right[two])
        return Versus(
            self._names,
            pair,
            answers,
            self._changed(answers),
            (_mean(first.right[one]), _mean(second.right[two])),
            (first.unanswered, second.unanswered),
            (_cost(self.calls[0], frames[0]), _cost(self.calls[1], frames[1])),
            (_currency(self.calls[0]), _currency(self.calls[1])),
            models.Costs({code: amount for code, amount in paid.items() if amount}),
        )

    @property
    def _spent(self) -> models.Costs:
        return self.calls[0].session.budgets.known

    def _joined(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Return the original frame with the columns of both calls."""
        made = self._frame.copy(deep=False)
        for call, frame in zip(self.calls, frames, strict=True):
            for name in self._result_columns(call):
                column = name_in(frame, name)
                made[column] = frame[column].array
            made = call.marked(made)
        return made

    def _check(self, *, overwrite: bool) -> None:
        """Refuse columns that the answers would take the place of."""
        names = [name for call in self.calls for name in self._result_columns(call)]
        for name in names:
            column = name_in(self._frame, name)
            exists = column in self._frame.columns
            if column == name_in(self._frame, self._gold) or (exists and not overwrite):
                raise UsageError("frame.column_exists", name=name)
            if names.count(name) > 1:
                raise UsageError("frame.twice", name=name)

    def _result_columns(self, call: TableRun) -> list[str]:
        """Return the columns of a call that the result has."""
        left = set() if self._detailed else _details(call)
        return [one.name for one in columns_of(call.task) if one.name not in left]

    def _changed(self, answers: pd.DataFrame) -> pd.DataFrame:
        first, second = self._columns
        texts = [answers[one].astype("string") for one in self._columns]
        differ = (texts[0] != texts[1]) | (texts[0].isna() != texts[1].isna())
        shown = [self._gold, first, second]
        shown += [f"{one}_p" for one in (first, second) if f"{one}_p" in answers]
        return answers.loc[differ.fillna(value=False).to_numpy(bool), shown]


def _call(
    frame: pd.DataFrame,
    name: Any,
    variant: str | Mapping[str, Any],
    options: Mapping[str, Any],
) -> tuple[TableRun, str]:
    """Return the run of a variant, and the column that is compared with gold."""
    own = {"template": variant} if isinstance(variant, str) else variant
    made = {**options, **own, "details": True}
    template, field = made.pop("template", None), made.pop("of", None)
    if template is None:
        raise UsageError("evaluate.no_template", name=name)
    is_object = made.get("schema") is not None
    kind = "label" if "labels" in made else "extract" if is_object else "answer"
    made["into"] = f"{made.get('into', kind)}_{name}"
    if is_object:
        made["prefix"] = f"{made.get('prefix', '')}{name}_"
    call = call_of(frame, template, made, onto=frame.iloc[:, :0])
    names = [one.name for one in call.task.columns]
    values = names[: call.task.decided]
    if not is_object or (field is None and len(values) == 1):
        return call, names[0]
    column = f"{made['prefix']}{field}"
    if field is None or column not in values:
        fields = ", ".join(one.removeprefix(made["prefix"]) for one in values)
        raise UsageError("evaluate.which", names=fields)
    return call, column


def _mean(right: Bools) -> float:
    return float(right.mean()) if len(right) else math.nan


def _currency(call: TableRun) -> str:
    return models.currency(call.task.base.model, call.resolved.place)


def _details(call: TableRun) -> set[str]:
    return {f"{call.task.into}_{one.name}" for one in DETAILS}


def _cost(call: TableRun, frame: pd.DataFrame) -> float | None:
    """Return the mean cost of 1,000 answers; None if unknown."""
    costs = frame[f"{call.task.into}_cost"].dropna()
    return 1000 * float(costs.mean()) if len(costs) else None
