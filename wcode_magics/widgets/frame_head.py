"""First rows of a DataFrame: as HTML, as text, and as values of a template."""

from collections.abc import Mapping
from typing import Any

from wcode_magics.logprobs.number_format import NO_NUMBER
from wcode_magics.output.escaping import FAINT, clipped, escape, inert, without_tex
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.prompts import template

SHOWN = 5
MOST_CELL = 1_000
"""Maximum characters of a cell."""
_LINES = "white-space:pre-line"


def head_html(frame: Any) -> str:
    """Return the first rows; columns of errors are left out where there are none."""
    import pandas as pd

    shown = frame.head(SHOWN)
    empty = [
        name
        for name in shown.columns
        if str(name).endswith(("_error", "_status")) and _is_empty(frame, name)
    ]
    kept = [_known(column) for _, column in shown.drop(columns=empty).items()]
    shown = pd.concat(kept, axis=1) if kept else shown[[]]
    cells = [_cell_text if _is_text(column) else None for column in kept]
    with pd.option_context("display.max_colwidth", None):
        page = shown.to_html(border=0, max_cols=8, formatters=cells)
    page = str(page).replace("<th></th>", "<td></td>", 1)
    return without_tex(page.replace("<table", f'<table style="{_LINES}"', 1))


def _known(column: Any) -> Any:
    """Return a column whose missing values, if any, are a dash."""
    missing = column.isna()
    return column.astype(object).mask(missing, NO_NUMBER) if missing.any() else column


def _is_text(column: Any) -> bool:
    return any(isinstance(value, str) for value in column)


def _cell_text(value: Any) -> str:
    """Return a value of a text column with its line breaks, which pandas escapes."""
    return inert(clipped(str(value).strip(), MOST_CELL))


def _is_empty(frame: Any, name: Any) -> bool:
    column = frame[name]
    return bool(column.isna().all(axis=None) or (column == "ok").all(axis=None))


def head_bundle(name: str, frame: Any, summary: str) -> Bundle:
    """Return the first rows under the frame's name and a summary."""
    title = f"<b>{escape(name)}</b> {escape(summary)}"
    note = f'<div style="{FAINT}">{title}</div>'
    plain = f"{name}: {summary}\n{frame.head(SHOWN).to_string()}"
    return bundle(note + head_html(frame), plain)


class FirstRow:
    """First row of a DataFrame, whose values stand in for columns in a template."""

    def __init__(self, name: str, frame: Any) -> None:
        self.name = name
        self._frame = frame.head(1)

    @property
    def names(self) -> dict[str, Any]:
        """Values of the columns by name, and ``row`` with all of them."""
        from wcode_magics.prompts.plain_values import values_of

        columns = self._frame.items()
        row = {name: values_of(column)[0] for name, column in columns}
        return {"row": row} | {k: v for k, v in row.items() if isinstance(k, str)}

    def filled(self, prompt: str, names: Mapping[str, Any]) -> str:
        """Return the template with the row's values; raises UsageError."""
        return template.render(prompt, {**names, **self.names})
