"""The rows of a DataFrame as requests, one after another.

A column whose name is an identifier is a name of the template, in any script; every
column is ``row["its name"]``. Only the columns that a template uses are read, a few
rows at a time.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wcode_magics import template
from wcode_magics.errors import TemplateError, UsageError, WcodeError
from wcode_magics.flow.batch import Ask
from wcode_magics.frames.task import Task
from wcode_magics.params import hint

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

AT_ONCE = 256
_SHORT = {
    "float16": "float16",
    "float32": "float32",
    "halffloat[pyarrow]": "float16",
    "float[pyarrow]": "float32",
}
ROW = "row"


class Row(dict[Any, Any]):
    """The values of a row; ``row.items`` is the column, where there is one."""

    def __getattribute__(self, name: str) -> Any:
        return self[name] if name in self else super().__getattribute__(name)


@dataclass(frozen=True)
class Rows:
    """A frame, a task, and further ``names`` for its templates.

    ``places`` are the rows to ask, by position; None: all.
    """

    frame: "pd.DataFrame"
    task: Task
    names: Mapping[str, Any]
    places: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.frame) if self.places is None else len(self.places)

    @cached_property
    def used(self) -> list[Any]:
        """The columns that the templates use, in the frame's order.

        Raises:
            TemplateError: a name that is neither a column nor among ``names``.
            UsageError: a column that is used is there twice.
        """
        found = set()
        for source in self.task.templates:
            found |= self._used(source)
        columns = [column for column in self.frame.columns if column in found]
        for column in columns:
            if columns.count(column) > 1:
                raise UsageError("frame.twice", name=column)
        return columns

    @cached_property
    def missing(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """For each row of the frame, whether a value that is used is missing."""
        import numpy as np

        gone = np.zeros(len(self.frame), dtype=bool)
        for column in self.used:
            gone |= self.frame[column].isna().to_numpy(dtype=bool)
        return gone

    @cached_property
    def others(self) -> dict[str, Any]:
        """The further names that a template uses; there may be hundreds more."""
        wanted = {n for source in self.task.templates for n in _references(source)[1]}
        return {name: self.names[name] for name in wanted & set(self.names)}

    @cached_property
    def _part(self) -> "pd.DataFrame":
        return self.frame[self.used]

    def asks(self) -> Iterator[Ask]:
        """A request for each row; None where a value is missing."""
        places = range(len(self.frame)) if self.places is None else self.places
        for start in range(0, len(places), AT_ONCE):
            yield from self._asks(places[start : start + AT_ONCE])

    def _asks(self, places: Sequence[int]) -> Iterator[Ask]:
        part = self._part.iloc[list(places)]
        gone = self.missing[list(places)]
        columns = [_plain(part[column]) for column in self.used]
        rows = zip(*columns, strict=True) if columns else [()] * len(places)
        for skipped, values in zip(gone.tolist(), rows, strict=True):
            yield (
                None if skipped else self._ask(Row(zip(self.used, values, strict=True)))
            )

    def _ask(self, row: Row) -> Ask:
        words = {name: row[name] for name in row if isinstance(name, str)}
        try:
            request = self.task.request({**self.others, ROW: row, **words})
            request.hash  # noqa: B018 - what JSON cannot carry is its row's error
        except WcodeError as error:
            return error
        return request

    def _used(self, source: str) -> set[Any]:
        whole, names, keys = _references(source)
        columns = list(self.frame.columns)
        whole = whole or any(_is_method(key) for key in set(keys) - set(columns))
        if ROW in columns and set(keys) & set(columns):
            raise UsageError("frame.row_column")
        if ROW in columns:
            whole, names, keys = False, names | ({ROW} if whole or keys else set()), []
        if whole:
            return set(columns)
        own = _globals(source)
        for name in (*sorted(names - set(columns) - set(self.names) - own), *keys):
            if name not in columns:
                known = [str(column) for column in columns]
                raise TemplateError(
                    "frame.no_column", given=name, hint=hint(str(name), known)
                )
        return (names | set(keys)) & set(columns)


def _references(source: str) -> tuple[bool, set[str], list[Any]]:
    """Whether a template uses the row as a whole, its names, and keys of the row."""
    if "{{" not in source and "{%" not in source:
        return False, set(), []
    from jinja2 import TemplateSyntaxError, meta, nodes

    try:
        tree = template.compiled(source).environment.parse(source)
    except TemplateSyntaxError as wrong:
        raise TemplateError(
            "template_syntax", line=wrong.lineno, reason=wrong.message
        ) from wrong
    names = meta.find_undeclared_variables(tree)
    names |= {part.name for part in tree.find_all(nodes.Name)} & _globals(source)
    known = [
        part
        for part in tree.find_all(nodes.Getitem)
        if _is_row(part.node) and isinstance(part.arg, nodes.Const)
    ]
    dotted = [part for part in tree.find_all(nodes.Getattr) if _is_row(part.node)]
    rows = [part for part in tree.find_all(nodes.Name) if part.name == ROW]
    whole = len(rows) > len(known) + len(dotted)
    keys = [part.arg.value for part in known] + [part.attr for part in dotted]  # type: ignore[attr-defined]
    return whole, names - {ROW}, keys


def _globals(source: str) -> set[str]:
    """Names that mean something in every template, unless a column has them."""
    return set(template.compiled(source).globals)


def _is_method(key: Any) -> bool:
    """Whether ``row.key`` is what every dict has, as in ``row.items()``."""
    return isinstance(key, str) and hasattr(dict, key)


def _plain(column: "pd.Series[Any]") -> list[Any]:
    """The values as Python's; floats of fewer bits as they are shown, 0.1."""
    short = _SHORT.get(str(column.dtype).lower())
    if short is None:
        return column.tolist()
    return list(column.to_numpy(dtype=short, na_value=math.nan))


def _is_row(node: Any) -> bool:
    return getattr(node, "name", None) == ROW
