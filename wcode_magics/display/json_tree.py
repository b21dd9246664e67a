"""Parsed answers as nested HTML tables.

An object becomes a table of names and values, a list of objects a table with one row
per object, unless most of its cells would be empty.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wcode_magics.output.escaping import FADED, clipped, escape

DEEP = 12
MOST = 20_000
"""Maximum characters shown of one string value."""
FULL = 4
"""Maximum cells of a table per value in it."""
_CELL = "text-align:left;vertical-align:baseline;padding:.1em .7em .1em 0"
_NAME = f"{_CELL};{FADED};font-weight:normal"


def html(value: Any, depth: int = 0) -> str:
    """Return a JSON-compatible value as HTML with inline styles."""
    if depth > DEEP:
        return escape(clipped(_scalar(value), MOST))
    if _is_table(value):
        return _table(value, depth)
    if isinstance(value, Mapping):
        rows = [
            f'<tr><th style="{_NAME}">{escape(str(name))}</th>'
            f'<td style="{_CELL}">{html(inner, depth + 1)}</td></tr>'
            for name, inner in value.items()
        ]
        return f"<table><tbody>{''.join(rows)}</tbody></table>" if rows else "{}"
    if _is_list(value):
        items = "".join(f"<li>{html(item, depth + 1)}</li>" for item in value)
        return (
            f'<ul style="margin:0;padding-left:1.2em">{items}</ul>' if items else "[]"
        )
    return escape(clipped(_scalar(value), MOST))


def _table(rows: Sequence[Mapping[str, Any]], depth: int) -> str:
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in names)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_CELL}">{html(row[n], depth + 1) if n in row else ""}</td>'
            for n in names
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_table(value: Any) -> bool:
    if not _is_list(value) or not value:
        return False
    if not all(isinstance(row, Mapping) and row for row in value):
        return False
    names = {str(name) for row in value for name in row}
    return len(value) * len(names) <= FULL * sum(map(len, value))


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
