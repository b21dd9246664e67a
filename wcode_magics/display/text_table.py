"""Tables of text cells, as HTML and as aligned plain text; numbers stand right."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from wcode_magics.logprobs.number_format import NO_NUMBER, decimal
from wcode_magics.output.escaping import clipped, escape, faint, joined
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.output.terminal import room, shortened, width
from wcode_magics.protocol.extra_headers import Headers
from wcode_magics.text import say

TABLE = "margin:0 0 .6em"
"""Keeps what follows a table apart from it, in front ends that do not."""
_SPACING = "vertical-align:baseline;padding:.15em .7em .15em 0;line-height:1.4"
CELL = f"text-align:left;{_SPACING}"
_NUMBER = re.compile(r"[≈<>]?[-+]?(?:[A-Z]{3} |[¥$€£])?\d[\d,]*(?:\.\d+)?(?:%| s| 秒)?")
_UNKNOWN = frozenset({"", NO_NUMBER})
NARROW = 14
"""Maximum width of a cell, in terminal columns, whose line is never broken."""
WIDEST_EM = 12
"""Maximum of the least width that a column of longer text keeps on a narrow page."""
_GAP = "  "
SHORTEST = 8
"""Minimum width to which a column is shortened, in terminal columns."""
MOST_ROWS = 2_000
MOST_CELL = 4_000
MOST_TEXT = 400_000
"""Maximum characters of all cells together; each is clipped to its share."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """Text cells under column headings, with ``title`` above and ``note`` below.

    Without rows there are no headings, and a column in which nothing is known is left
    out; a single row keeps it, for there the dash is the answer.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""

    def bundle(self) -> Bundle:
        """Return the table as HTML and as aligned plain text."""
        heads, rows = self._shown()
        styles = [_style(c) for c in zip(heads, *rows, strict=True)]
        head = _row_html("th", heads, styles)
        body = "".join(_row_html("td", row, styles) for row in rows)
        title = f"<div><b>{escape(self.title)}</b></div>" if self.title else ""
        note = "".join(faint(n) for n in self._notes())
        table = f"<thead>{head}</thead><tbody>{body}</tbody>"
        table = f'<table style="{TABLE}">{table}</table>' if rows else ""
        return bundle(f"{title}{table}{note}", self.plain())

    def plain(self) -> str:
        """Return aligned columns; wide (East Asian) characters count as two.

        In a terminal the widest text columns are shortened until a row fits a line.
        """
        heads, rows = self._shown()
        aligned = zip(heads, *rows, strict=True) if rows else ()
        columns = [_aligned(column) for column in _fitted(aligned, room())]
        lines = [_GAP.join(row).rstrip() for row in zip(*columns, strict=True)]
        parts = [self.title, *lines, *self._notes()]
        return "\n".join(part for part in parts if part)

    def _shown(self) -> tuple[Sequence[str], list[list[str]]]:
        """Return the headings and the clipped rows of the columns that are shown."""
        heads, rows = self.columns, self.rows[:MOST_ROWS]
        if len(rows) > 1:
            known = [
                any(row[place] not in _UNKNOWN for row in rows)
                for place in range(len(heads))
            ]
            heads = [*compress(heads, known)]
            rows = [[*compress(row, known)] for row in rows]
        cells = max(1, len(rows) * len(heads))
        most = max(20, min(MOST_CELL, MOST_TEXT // cells))
        return heads, [[clipped(cell, most) for cell in row] for row in rows]

    def _notes(self) -> list[str]:
        left = len(self.rows) - MOST_ROWS
        notes = [say("ui.rows_left", count=f"{left:,}")] if left > 0 else []
        return [*notes, *([self.note] if self.note else [])]


def _style(column: Sequence[str]) -> str:
    """Return the style of a column's cells, its heading first.

    A browser narrows a column down to its longest word, which in Chinese is one
    character. So a column of longer text keeps two fifths of its longest cell.
    """
    align = "right" if _is_numeric(column[1:]) else "left"
    widest = max(map(width, column))
    least = f";min-width:{min(widest // 5, WIDEST_EM)}em" if widest > NARROW else ""
    return f"text-align:{align};{_SPACING}{least}"


def _aligned(column: Sequence[str]) -> list[str]:
    """Return the cells of a column, its heading first, in equal width."""
    size = max(map(width, column))
    if _is_numeric(column[1:]):
        return [" " * (size - width(cell)) + cell for cell in column]
    return [pad(cell, size) for cell in column]


def _fitted(columns: Iterable[Sequence[str]], most: int | None) -> list[Sequence[str]]:
    """Shorten the widest columns of text until all fit ``most`` terminal columns."""
    found = list(columns)
    if most is None or not found:
        return found
    sizes = [max(map(width, column)) for column in found]
    fixed = [_is_numeric(column[1:]) for column in found]
    spare = most - len(_GAP) * (len(found) - 1) - sum(compress(sizes, fixed))
    texts = [size for size, kept in zip(sizes, fixed, strict=True) if not kept]
    caps = range(max(texts, default=0), SHORTEST, -1)
    fits = (cap for cap in caps if sum(min(size, cap) for size in texts) <= spare)
    cap = next(fits, SHORTEST)
    return [
        column if kept else [shortened(cell, cap) for cell in column]
        for column, kept in zip(found, fixed, strict=True)
    ]


def _is_numeric(cells: Sequence[str]) -> bool:
    found = [cell for cell in cells if cell not in _UNKNOWN]
    return bool(found) and all(map(_NUMBER.fullmatch, found))


def _row_html(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    made = (
        f'<{tag} style="{style}{_unbroken(cell)}">{joined(cell)}</{tag}>'
        for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{''.join(made)}</tr>"


def _unbroken(cell: str) -> str:
    return ";white-space:nowrap" if 0 < width(cell) <= NARROW else ""


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
    return clipped(" ".join(shown.split()), 100)
