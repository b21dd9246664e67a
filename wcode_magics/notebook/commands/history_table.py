"""Table of stored answers under headings in the user's language."""

from collections.abc import Iterable, Sequence
from typing import Any

from wcode_magics.display.text_table import TextTable
from wcode_magics.text import say

COLUMNS = ("time", "model", "prompt", "tokens", "cost")


def table(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> TextTable:
    """Return rows of answers under headings in the user's language."""
    heads = [say(f"spent.{name}") if name in COLUMNS else str(name) for name in names]
    note = "" if rows else say("spent.none")
    return TextTable(heads, [[*map(str, row)] for row in rows], note=note)
