"""Totals of the stored answers by day, model and currency."""

from typing import Any

from wcode_magics.store.endpoints import has_currencies
from wcode_magics.store.file import File

_NAMES = (
    *("day", "model", "answers", "prompt_tokens", "completion_tokens"),
    *("cost", "currency"),
)
_TOTALS = (
    "SELECT date(time, 'unixepoch', 'localtime'), model, count(*), "
    "ifnull(sum(prompt_tokens), 0), ifnull(sum(completion_tokens), 0), "
    "sum(cost), {} FROM answers GROUP BY 1, 2, 7 ORDER BY 1, 2, 7"
)


def totals(file: File) -> list[dict[str, Any]]:
    """Return a dict for each day (local, ISO), model and currency."""
    currency = "currency" if has_currencies(file) else "'CNY'"
    rows = file.select(_TOTALS.format(currency))
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]
