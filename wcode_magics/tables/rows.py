"""The rows of a DataFrame as requests, one after another.

A column whose name is an identifier is a name of the template, in any script; every
column is ``row["its name"]``, and so is a level of the index that has a name. Only
what a template uses is read, a few rows at a time, as plain Python values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import TemplateError, UsageError, WcodeError
from wcode_magics.prompts import template
from wcode_magics.prompts.plain_values import values_of
from wcode_magics.protocol.parameters import hint
from wcode_magics.sending.batch import Ask
from wcode_magics.tables.missing_values import Floats, gaps, whole_values
from wcode_magics.tables.task import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

AT_ONCE = 256
ROW = "row"


class Row(dict[Any, Any]):
    """The values of a row; ``row.items`` is the column, where there is one."""

    def __getattribute__(self, name: str) -> Any:
        return self[name] if name in self else super().__getattribute__(name)


@dataclass(frozen=True)
class Rows:
    """A frame, a task, and further ``names`` for its templates.

    ``places`` are the rows to ask, by position; None: all. ``whole`` are columns
    of floats whose numbers are sent as whole ones, 1 for 1.0.
    """

    frame: "pd.DataFrame"
    task: Task
    names: Mapping[str, Any]
    places: Sequence[int] | None = None
    whole: frozenset[Any] = frozenset()

    def __len__(self) -> int:
        return len(self.frame) if self.places is None else len(self.places)

    @cached_property
    def used(self) -> list[Any]:
        """The columns that the templates use, in the frame's order, then index levels.

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
        return columns + [name for name in self._levels if name in found]

    @cached_property
    def missing(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """For each row of the frame, whether a value that is used is missing."""
        import numpy as np

        gone = np.zeros(len(self.frame), dtype=bool)
        for column in self._columns:
            gone |= gaps(column)
        return gone

    @property
    def floats(self) -> Floats:
        """Which columns that are used are floats that may have been whole numbers."""
        found = map(Floats.of, self.used, self._columns)
        return sum(found, Floats(sent=self.whole))

    @property
    def lost(self) -> frozenset[Any]:
        """Columns of whole numbers that pandas holds as floats for want of gaps."""
        named = zip(self.used, self._columns, strict=True)
        numpys = (name for name, column in named if _is_numpy(column.dtype))
        return self.floats.whole.intersection(numpys)

    @cached_property
    def others(self) -> dict[str, Any]:
        """The further names that a template uses; there may be hundreds more."""
        wanted = {n for source in self.task.templates for n in _references(source)[1]}
        return {name: self.names[name] for name in wanted & set(self.names)}

    @cached_property
    def _levels(self) -> dict[Any, int]:
        """The levels of the index whose names no column has."""
        known = {None, ROW, *self.frame.columns}
        names = self.frame.index.names
        return {name: level for level, name in enumerate(names) if name not in known}

    @cached_property
    def _columns(self) -> "list[pd.Series[Any]]":
        """The values of what is used."""
        levels, index = self._levels, self.frame.index
        return [
            index.get_level_values(levels[name]).to_series()
            if name in levels
            else self.frame[name]
            for name in self.used
        ]

    def asks(self) -> Iterator[Ask]:
        """A request for each row; None where a value is missing."""
        places = range(len(self.frame)) if self.places is None else self.places
        for start in range(0, len(places), AT_ONCE):
            yield from self._asks(places[start : start + AT_ONCE])

    def _asks(self, places: Sequence[int]) -> Iterator[Ask]:
        gone = self.missing[list(places)]
        parts = [column.iloc[list(places)] for column in self._columns]
        columns = [
            whole_values(part) if name in self.whole else values_of(part)
            for name, part in zip(self.used, parts, strict=True)
        ]
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
        known = {*columns, *self._levels}
        whole = whole or any(_is_method(key) for key in set(keys) - set(columns))
        if ROW in columns and set(keys) & set(columns):
            raise UsageError("frame.row_column")
        if ROW in columns:
            whole, names, keys = False, names | ({ROW} if whole or keys else set()), []
        if whole:
            return set(columns)
        own = _globals(source)
        for name in (*sorted(names - known - set(self.names) - own), *keys):
            if name not in known:
                near = hint(str(name), [*map(str, [*columns, *self._levels])])
                raise TemplateError("frame.no_column", given=name, hint=near)
        return (names | set(keys)) & known


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


def _is_numpy(dtype: Any) -> bool:
    """Whether it is a dtype without a missing value of its own."""
    return type(dtype).__module__.partition(".")[0] == "numpy"


def _is_row(node: Any) -> bool:
    return getattr(node, "name", None) == ROW
