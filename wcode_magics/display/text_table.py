"""Tables of text cells, as HTML and as aligned plain text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wcode_magics.logprobs.number_format import NO_NUMBER, decimal
from wcode_magics.output.escaping import clipped, escape, faint
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.output.terminal import width
from wcode_magics.protocol.extra_headers import Headers
from wcode_magics.text import say

CELL = "text-align:left;vertical-align:baseline;padding:.15em .7em .15em 0"
_UNBROKEN = f"{CELL};white-space:nowrap"
NARROW = 14
"""Maximum width of a column, in terminal columns, whose lines are never broken."""
MOST_ROWS = 2_000
MOST_CELL = 4_000
MOST_TEXT = 400_000
"""Maximum characters of all cells together; each is clipped to its share."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """Text cells under column headings, with ``title`` above and ``note`` below."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""

    def bundle(self) -> Bundle:
        """Return the table as HTML and as aligned plain text."""
        rows = self._clipped_rows()
        styles = [
            _UNBROKEN if max(map(width, column)) <= NARROW else CELL
            for column in zip(self.columns, *rows, strict=True)
        ]
        head = _row_html("th", self.columns, styles)
        body = "".join(_row_html("td", row, styles) for row in rows)
        title = f"<div><b>{escape(self.title)}</b></div>" if self.title else ""
        note = "".join(faint(n) for n in self._notes())
        table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
        return bundle(f"{title}{table}{note}", self.plain())

    def plain(self) -> str:
        """Return aligned columns; wide (East Asian) characters count as two."""
        rows = [list(self.columns), *self._clipped_rows()]
        widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(pad(c, w) for c, w in zip(row, widths, strict=True))
            for row in rows
        ]
        parts = [self.title, *(line.rstrip() for line in lines), *self._notes()]
        return "\n".join(part for part in parts if part)

    def _clipped_rows(self) -> list[list[str]]:
        rows = self.rows[:MOST_ROWS]
        cells = max(1, len(rows) * len(self.columns))
        most = max(20, min(MOST_CELL, MOST_TEXT // cells))
        return [[clipped(cell, most) for cell in row] for row in rows]

    def _notes(self) -> list[str]:
        left = len(self.rows) - MOST_ROWS
        notes = [say("ui.rows_left", count=f"{left:,}")] if left > 0 else []
        return [*notes, *([self.note] if self.note else [])]


def _row_html(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    made = (
        f'<{tag} style="{style}">{escape(cell)}</{tag}>'
        for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{''.join(made)}</tr>"


def pad(text: str, columns: int) -> str:
    """Pad a text with trailing spaces to a width in terminal columns."""
    return text + " " * (columns - width(text))


def shown_value(value: Any) -> str:
    """Return a setting's value on one line of at most 100 characters."""
    if value is None:
        return NO_NUMBER
    if isinstance(value, float):
        return decimal(value)
    plain = isinstance(value, str | Headers)
    shown = str(value) if plain else json.dumps(value, ensure_ascii=False)
    shown = " ".join(shown.split())
    return shown if len(shown) <= 100 else f"{shown[:99]}…"
