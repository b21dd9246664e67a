"""Tables of texts, as HTML and as aligned plain text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wcode_magics.markup import escape, inert

CELL = "text-align:left;vertical-align:top;padding:.15em .7em .15em 0"
NOTE = "font-size:85%;color:#767676"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under headings; ``note`` stands below, ``title`` above."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""

    def bundle(self) -> dict[str, Any]:
        """As HTML and as aligned plain text."""
        head = "".join(f'<th style="{CELL}">{escape(c)}</th>' for c in self.columns)
        body = "".join(f"<tr>{self._row_html(row)}</tr>" for row in self.rows)
        title = f"<div><b>{escape(self.title)}</b></div>" if self.title else ""
        note = f'<div style="{NOTE}">{escape(self.note)}</div>' if self.note else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return {"text/html": f"{title}{table}{note}", "text/plain": self.plain()}

    def plain(self) -> str:
        """Columns aligned; wide (East Asian) characters count two."""
        rows = [list(self.columns), *[list(row) for row in self.rows]]
        widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(pad(c, w) for c, w in zip(row, widths, strict=True))
            for row in rows
        ]
        parts = [self.title, *(line.rstrip() for line in lines), self.note]
        return inert("\n".join(part for part in parts if part))

    def _row_html(self, row: Sequence[str]) -> str:
        return "".join(f'<td style="{CELL}">{escape(cell)}</td>' for cell in row)


def width(text: str) -> int:
    """Columns of a terminal that the text takes; wide (East Asian) ones take two."""
    from wcwidth import wcswidth

    return max(int(wcswidth(text)), 0)


def pad(text: str, columns: int) -> str:
    """The text with spaces behind it, up to a width."""
    return text + " " * (columns - width(text))
