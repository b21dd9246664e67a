"""Tables of text cells, as HTML and as aligned plain text; numbers stand right."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from wcode_magics.logprobs.number_format import NO_NUMBER, decimal
from wcode_magics.output.escaping import clipped, escape, faint, joined
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.output.terminal import room, shortened, width, wrapped
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
Column = Sequence[str]
"""Cells of a column, its heading first."""
SHORTEST = 8
"""Minimum width of a column of text in a terminal."""
SHORTEST_WRAPPED = 12
"""The same where its cells are broken over lines."""
MOST_ROWS = 2_000
MOST_CELL = 4_000
MOST_TEXT = 400_000
"""Maximum characters of all cells together; each is clipped to its share."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """Text cells under column headings, with ``title`` above and ``note`` below.

    Without rows there are no headings, and a column in which nothing is known is left
    out; a single row keeps it, for there the dash is the answer. In a terminal long
    cells are shortened or, if it ``wraps``, broken over lines.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""
    wraps: bool = False

    def bundle(self) -> Bundle:
        """Return the table as HTML and as aligned plain text."""
        return bundle(self.html(), self.plain())

    def html(self) -> str:
        """Return the table as HTML; empty without title, rows and note."""
        heads, rows = self._shown()
        styles = [_style(c) for c in zip(heads, *rows, strict=True)]
        head = _row_html("th", heads, styles)
        body = "".join(_row_html("td", row, styles) for row in rows)
        title = f"<div><b>{escape(self.title)}</b></div>" if self.title else ""
        note = "".join(faint(n) for n in self._notes())
        table = f"<thead>{head}</thead><tbody>{body}</tbody>"
        table = f'<table style="{TABLE}">{table}</table>' if rows else ""
        return f"{title}{table}{note}"

    def plain(self) -> str:
        """Return aligned columns; wide (East Asian) characters count as two.

        In a terminal texts are shortened, or broken over lines, until a row fits one;
        columns for which there is no room are named below.
        """
        heads, rows = self._shown()
        columns = [*zip(heads, *rows, strict=True)] if rows else []
        sizes = _fitted(columns, room(), wraps=self.wraps)
        kept = [(c, size) for c, size in zip(columns, sizes, strict=True) if size]
        left = [
            c[0] for c, size in zip(columns, sizes, strict=True) if not size and c[0]
        ]
        cells = [[*self._lines(*one)] for one in kept]
        lines = [
            _GAP.join(parts).rstrip()
            for row in zip(*cells, strict=True)
            for parts in zip(*_even(row), strict=True)
        ]
        names = say("ui.between").join(left)
        notes = [say("ui.columns_left", names=names), *self._notes()][not left :]
        return "\n".join(filter(None, [self.title, *lines, *notes]))

    def _lines(self, column: Column, size: int) -> Iterator[list[str]]:
        """Yield the lines of each cell of a column, its heading first."""
        right = _is_numeric(column[1:])
        for cell in column:
            parts = wrapped(cell, size) if self.wraps else [shortened(cell, size)]
            gaps = [" " * (size - width(part)) for part in parts]
            pairs = zip(gaps, parts, strict=True)
            yield [gap + part if right else part + gap for gap, part in pairs]

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


def _style(column: Column) -> str:
    """Return the style of a column's cells, its heading first.

    A browser narrows a column down to its longest word, which in Chinese is one
    character. So a column of longer text keeps two fifths of its longest cell.
    """
    align = "right" if _is_numeric(column[1:]) else "left"
    widest = max(map(width, column))
    least = f";min-width:{min(widest // 5, WIDEST_EM)}em" if widest > NARROW else ""
    return f"text-align:{align};{_SPACING}{least}"


def _even(cells: Sequence[list[str]]) -> Iterator[list[str]]:
    """Yield the lines of the cells of a row, as many for each."""
    most = max(map(len, cells))
    for lines in cells:
        yield [*lines, *[" " * width(lines[0])] * (most - len(lines))]


def _fitted(columns: Sequence[Column], most: int | None, *, wraps: bool) -> list[int]:
    """Return the widths at which columns fit ``most`` terminal columns.

    Columns of text share what the numbers and the names, which are the first column
    of text with a heading, leave to them. Those at the right for which nothing is left
    get 0.
    """
    sizes = [max(map(width, column)) for column in columns]
    if most is None:
        return sizes
    texts = [place for place, c in enumerate(columns) if not _is_numeric(c[1:])]
    names = next((place for place in texts if columns[place][0]), None)
    if names is not None:
        sizes[names] = min(sizes[names], max(most // 2, SHORTEST))
    shared = [place for place in texts if place != names]
    least = SHORTEST_WRAPPED if wraps else SHORTEST
    while shared:
        others = [size for place, size in enumerate(sizes) if place not in shared]
        spare = most + len(_GAP) - sum(size + len(_GAP) for size in others if size)
        spare -= len(_GAP) * len(shared)
        wanted = [sizes[place] for place in shared]
        if sum(min(size, least) for size in wanted) <= spare:
            given = _shares(wanted, spare, least, 0.5 if wraps else 0.0)
            for place, size in zip(shared, given, strict=True):
                sizes[place] = size
            break
        sizes[shared.pop()] = 0
    return sizes


def _shares(wanted: Sequence[int], spare: int, least: int, power: float) -> list[int]:
    """Divide ``spare`` by the wanted widths to a power; none gets more than it wants.

    Each gets at least the smaller of ``least`` and what it wants.
    """
    given = [min(size, least) for size in wanted]
    spare -= sum(given)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for at, place in enumerate(order):
        weights = [wanted[one] ** power for one in order[at:]]
        more = min(wanted[place] - given[place], int(spare * weights[0] / sum(weights)))
        given[place] += more
        spare -= more
    return given


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
