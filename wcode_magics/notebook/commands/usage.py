"""``%wcode_usage``: spending by day, model and cell."""

from collections.abc import Mapping
from typing import Any

from wcode_magics.display.text_table import TextTable
from wcode_magics.errors import OptionError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.output.mimebundle import joined
from wcode_magics.protocol import models
from wcode_magics.text import say, sentences

_BY_CELL = ("cell", "answers", "cost")
_USAGE = ("day", "model", "answers", "prompt_tokens", "completion_tokens", "cost")


def wcode_usage(home: ShellState, line: str) -> None:
    """Show totals by day and model, this session's spending by cell, and the budget.

    Raises:
        OptionError: a word follows the command.
    """
    if line.strip():
        raise OptionError(
            "no_value", name="%wcode_usage", given=line.split(maxsplit=1)[0]
        )
    rows = home.session.store.usage()
    cells = [[_cell(name, row) for name in _USAGE] for row in rows]
    budgets, resolved = home.session.budgets, home.session.settings.resolve({})
    unpriced = home.session.pool.unpriced
    notes = [say("spent.session", spent=budgets.known.beside(unpriced))]
    if budgets.unsure:
        notes.append(say("spent.unsure", most=str(budgets.unsure)))
    if resolved["budget"] is not None:
        currency = models.currency(resolved.model, resolved.place)
        limit = models.money(resolved["budget"], currency, plain=True)
        notes.append(say("spent.limit", limit=limit))
    heads = [say(f"spent.{name}") for name in _USAGE]
    by_day = TextTable(heads, cells).bundle()
    by_cell = TextTable(
        [say(f"spent.{name}") for name in _BY_CELL],
        [
            (
                f"[{one.cell or ' '}]",
                str(one.answers or "–"),
                one.costs.beside(one.unpriced),
            )
            for one in home.spending
        ],
        note=sentences(notes),
    ).bundle()
    show_bundle(joined([by_day, by_cell]))


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if name == "cost":
        return models.money(value, row["currency"])
    return f"{value:,}" if isinstance(value, int) else str(value)
