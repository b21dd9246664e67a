"""``%wcode_usage``: spending by day, model and cell."""

import math
from typing import Any

from wcode_magics.display.text_table import TextTable
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.output.mimebundle import joined
from wcode_magics.protocol import models
from wcode_magics.text import say

_BY_CELL = ("cell", "answers", "cost")
_USAGE = ("day", "model", "answers", "prompt_tokens", "completion_tokens", "cost")


def wcode_usage(home: ShellState, _line: str) -> None:
    """Show totals by day and model, this session's spending by cell, and the budget."""
    rows = home.session.store.usage()
    cells = [[_told(name, row[name]) for name in _USAGE] for row in rows]
    budget = home.session.budget
    limit = home.session.settings.resolve({})["budget"] or math.inf
    note = say("spent.session", spent=_paid(budget.known, home.session.ledger.unpriced))
    if budget.unsure:
        note += " " + say("spent.unsure", most=models.money(budget.unsure))
    if limit < math.inf:
        note += " " + say("spent.limit", limit=models.money(limit))
    heads = [say(f"spent.{name}") for name in _USAGE]
    by_day = TextTable(heads, cells).bundle()
    by_cell = TextTable(
        [say(f"spent.{name}") for name in _BY_CELL],
        [
            (
                f"[{one.cell or ' '}]",
                str(one.answers or "–"),
                _paid(one.cost, one.unpriced),
            )
            for one in home.spending
        ],
        note=note,
    ).bundle()
    show_bundle(joined([by_day, by_cell]))


def _paid(cost: float, unpriced: int) -> str:
    """Format what was paid, with «–» for answers whose price is unknown."""
    known = [models.money(cost)] if cost or not unpriced else []
    return " + ".join([*known, "–"] if unpriced else known)


def _told(name: str, value: Any) -> str:
    if name == "cost":
        return "–" if value is None else models.money(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
