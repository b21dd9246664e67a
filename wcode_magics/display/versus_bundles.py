"""A comparison of two variants as a mimebundle."""

import math
from typing import Any

from wcode_magics.display.text_table import TextTable
from wcode_magics.evaluation.versus import Versus
from wcode_magics.logprobs.number_format import NO_NUMBER, percent, significant
from wcode_magics.output.escaping import clipped, escape
from wcode_magics.output.mimebundle import Bundle, bundle, joined
from wcode_magics.protocol import models
from wcode_magics.text import say, sentences

MOST_CHANGED, MOST_TEXT = 10, 60
LEAST_P = 0.001
"""p below which only that is shown."""


def versus(found: Versus) -> Bundle:
    """Return both variants, the difference with its certainty, and changed rows."""
    paired, (first, second) = found.paired, found.names
    heads = ["variant", "accuracy", "only_right", "unanswered_rows", "cost"]
    rows = [
        [
            found.names[place],
            percent(found.accuracies[place]),
            f"{(paired.first, paired.second)[place]:,}",
            f"{found.unanswered[place]:,}",
            models.money(found.costs[place], found.currencies[place]),
        ]
        for place in (0, 1)
    ]
    title = say(
        "evaluation.versus", first=first, second=second, rows=f"{paired.rows:,}"
    )
    difference = say(
        "evaluation.difference",
        first=first,
        second=second,
        difference=_signed(paired.difference),
        low=_signed(paired.low),
        high=_signed(paired.high),
        p=_p(paired.p),
    )
    paid = say("evaluation.paid", paid=str(found.paid))
    headings = [say(f"evaluation.{head}") for head in heads]
    table = TextTable(headings, rows, title=title, note=paid).bundle()
    conclusion = sentences([difference, _conclusion(paired.more)])
    page = f'<div style="margin:.4em 0">{escape(conclusion)}</div>'
    parts = [table, bundle(page, conclusion)]
    return joined([*parts, _changed(found)] if len(found.changed) else parts)


def _conclusion(more: int | None) -> str:
    if more is None:
        return say("evaluation.no_difference")
    if more == 0:
        return say("evaluation.decided")
    return say("evaluation.undecided", more=f"{more:,}")


def _changed(found: Versus) -> Bundle:
    changed = found.changed
    heads = [say("evaluation.row"), *map(str, changed.columns)]
    rows = [
        [str(index), *map(_cell, values)]
        for index, *values in changed.head(MOST_CHANGED).itertuples()
    ]
    left = len(changed) - len(rows)
    title = say("evaluation.changed", rows=f"{len(changed):,}")
    note = say("ui.rows_left", count=f"{left:,}") if left > 0 else ""
    return TextTable(heads, rows, title=title, note=note).bundle()


def _cell(value: Any) -> str:
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return NO_NUMBER
    if isinstance(value, float):
        return percent(value)
    return clipped(str(value), MOST_TEXT)


def _p(value: float) -> str:
    return "p < 0.001" if value < LEAST_P else f"p = {significant(value, 3)}"


def _signed(share: float) -> str:
    """Return a share with its sign; none if it rounds to nothing."""
    if math.isnan(share):
        return NO_NUMBER
    change = f"{share:+.1%}"
    return change if change.strip("+-") != "0.0%" else "0.0%"
