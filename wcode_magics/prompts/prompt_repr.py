"""Convert a value to text for a prompt.

Text is inserted as is. Tables become Markdown, truncated, with shape and dtypes. An
object with ``_ai_repr_`` (Jupyter enhancement proposal 129) supplies its own text.
Everything else is ``str()`` of the plain Python value
(:mod:`wcode_magics.prompts.plain_values`). A value larger than any model's context is
rejected with its size.
"""

import inspect
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import TemplateError
from wcode_magics.output.escaping import clipped
from wcode_magics.prompts.plain_values import plain, values_of

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 400_000  # characters, about 100,000 tokens
ROWS = 20
COLUMNS = 30
CELL = 200
_KINDS = ("text/markdown", "text/plain")


def shown(value: Any) -> str:
    """Return a value as text for a prompt.

    Raises:
        TemplateError: the text is longer than :data:`LONGEST` characters, or
            ``_ai_repr_`` returned no text.
    """
    text = value if isinstance(value, str) else _text_of(value)
    if len(text) > LONGEST:
        kind = type(value).__name__
        raise TemplateError(
            "prompt.huge", kind=kind, size=f"{len(text):,}", limit=f"{LONGEST:,}"
        )
    return text


def _text_of(value: Any) -> str:
    if hasattr(type(value), "_ai_repr_"):
        return _own_text(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return table(value)
    if pandas is not None and isinstance(value, pandas.Series):
        return table(value.to_frame(value.name if value.name is not None else "value"))
    return str(plain(value))


def _own_text(value: Any) -> str:
    shown = value._ai_repr_()
    if inspect.iscoroutine(shown):
        shown = _finished(shown)
    if isinstance(shown, Mapping):
        shown = next((shown[kind] for kind in _KINDS if kind in shown), None)
    if not isinstance(shown, str):
        raise TemplateError("prompt.ai_repr", kind=type(value).__name__)
    return shown


def _finished(coroutine: Any) -> Any:
    """Return the result of a coroutine that never suspends; None if it does."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    return None


def table(frame: "pd.DataFrame") -> str:
    """Format a DataFrame as Markdown: shape, dtypes, the first rows and columns.

    An index other than the default row numbers is included as the first columns.
    """
    rows, columns = frame.shape
    part = frame.iloc[:ROWS, :COLUMNS]
    heads = [f"{name} ({dtype})" for name, dtype in part.dtypes.items()]
    lines = [[_cell(value) for value in row] for row in _rows(part)]
    if _has_index(frame):
        names = [str(name or "index") for name in frame.index.names]
        heads = [*names, *heads]
        lines = [
            [*map(_cell, key if isinstance(key, tuple) else (key,)), *line]
            for key, line in zip(part.index, lines, strict=True)
        ]
    left_out = [f"first {ROWS} rows"] * (rows > ROWS)
    left_out += [f"first {COLUMNS} columns"] * (columns > COLUMNS)
    size = f"{_count(rows, 'row')} × {_count(columns, 'column')}"
    title = f"{size} ({', '.join(left_out)})" if left_out else size
    return "\n".join([title, "", *_markdown(heads, lines)])


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _rows(frame: "pd.DataFrame") -> list[tuple[Any, ...]]:
    columns = [values_of(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return [*zip(*columns, strict=True)] if columns else [()] * len(frame)


def _has_index(frame: "pd.DataFrame") -> bool:
    import pandas as pd

    index = frame.index
    return not isinstance(index, pd.RangeIndex) or index.name is not None


def _markdown(heads: list[str], lines: list[list[str]]) -> list[str]:
    whole = [[_cell(head) for head in heads], ["---"] * len(heads), *lines]
    return [f"| {' | '.join(line)} |" for line in whole]


def _cell(value: Any) -> str:
    return clipped(" ".join(str(plain(value)).split()).replace("|", "\\|"), CELL)
