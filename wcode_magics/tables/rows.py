"""Rows of a DataFrame as requests, generated lazily.

A column whose name is an identifier, in any script, is a variable of the template;
every column, and every named index level, is available as ``row["its name"]``. Only
the columns that a template uses are read, a few rows at a time, as plain Python values.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import TemplateError, UsageError, WcodeError
from wcode_magics.prompts import template
from wcode_magics.prompts.plain_values import values_of
from wcode_magics.prompts.template import is_template
from wcode_magics.protocol.parameters import hint
from wcode_magics.protocol.request import Request
from wcode_magics.sending.batch import Ask
from wcode_magics.tables.missing_values import Floats, gaps, whole_values
from wcode_magics.tables.task import Task
from wcode_magics.text import say

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CHUNK = 1_024
_PRINTED = re.compile(r"\{\{-?\s*(\w+)")
ROW = "row"
_NO_NAMES = frozenset(["True", "true", "False", "false", "None", "none", "not", "self"])
"""Words of Jinja2's own, which are no names in a template."""


class Row(dict[Any, Any]):
    """Values of a row; ``row.items`` is the column of that name, if there is one."""

    def __getattribute__(self, name: str) -> Any:
        return self[name] if name in self else super().__getattribute__(name)


@dataclass(frozen=True)
class Rows:
    """A frame, a task, and additional ``names`` for its templates.

    ``places`` are the positions of the rows to send; None: all. ``whole`` are float
    columns whose numbers are sent as integers, 1 for 1.0.
    """

    frame: "pd.DataFrame"
    task: Task
    names: Mapping[str, Any]
    places: Sequence[int] | None = None
    whole: frozenset[Any] = frozenset()

    def __post_init__(self) -> None:
        """Raise UsageError if a column is named NA, which compares with nothing."""
        for name in self.frame.columns:
            if type(name).__name__ == "NAType":
                raise UsageError("frame.unwritable", given=name)

    def __len__(self) -> int:
        return len(self.frame) if self.places is None else len(self.places)

    @cached_property
    def used(self) -> list[Any]:
        """Columns that the templates use, in the frame's order, then index levels.

        Raises:
            TemplateError: a name is neither a column nor in ``names``; or no column is
                used, and one stands in single braces.
            UsageError: a column in use occurs twice.
        """
        found = set()
        for source in self.task.templates:
            found |= self._used(source)
        columns = [column for column in self.frame.columns if column in found]
        for column in columns:
            if columns.count(column) > 1:
                raise UsageError("frame.twice", name=column)
        if not found and self.unfilled is not None:
            written, name = self.unfilled
            raise TemplateError("frame.unfilled", given=written, name=name)
        return columns + [name for name in self._levels if name in found]

    @cached_property
    def unfilled(self) -> tuple[str, str] | None:
        """The first ``{column}`` or ``$column``, which is sent as it stands."""
        known = [n for n in (*self.frame.columns, *self._levels) if isinstance(n, str)]
        found = (template.unfilled(source, known) for source in self.task.templates)
        return next(filter(None, found), None)

    @cached_property
    def literal(self) -> str | None:
        """The first ``{{ column }}`` of a system prompt, which is text, not a template.

        One of the cell's line is a :class:`Template`.
        """
        plain = (one for one in self.task.base.messages if not is_template(one))
        found = (name for one in plain for name in _PRINTED.findall(one.content or ""))
        return next((name for name in found if name in self.frame.columns), None)

    @cached_property
    def missing(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Mask over all rows of the frame: a value in use is missing."""
        import numpy as np

        missing = np.zeros(len(self.frame), dtype=bool)
        for column in self._columns:
            missing |= gaps(column)
        return missing

    @property
    def floats(self) -> Floats:
        """Float columns in use, some of which may hold integers."""
        found = map(Floats.of, self.used, self._columns)
        return sum(found, Floats(sent=self.whole))

    @property
    def lost(self) -> frozenset[Any]:
        """Integer columns that pandas stores as floats because of missing values."""
        named = zip(self.used, self._columns, strict=True)
        numpys = (name for name, column in named if _is_numpy(column.dtype))
        return self.floats.whole.intersection(numpys)

    @cached_property
    def others(self) -> dict[str, Any]:
        """The additional names that templates use, of possibly hundreds."""
        used = {n for source in self.task.templates for n in _references(source)[1]}
        return {name: self.names[name] for name in used & set(self.names)}

    @cached_property
    def _named(self) -> bool:
        """Whether every column in use has a text as its name."""
        return all(isinstance(name, str) for name in self.used)

    @cached_property
    def _uses_row(self) -> bool:
        """Whether a template may use the row itself, or any name there is."""
        return any(ROW in source for source in self.task.templates)

    @cached_property
    def _levels(self) -> dict[Any, int]:
        """Index levels whose names are not those of columns."""
        known = {None, ROW, *self.frame.columns}
        names = self.frame.index.names
        return {name: level for level, name in enumerate(names) if name not in known}

    @cached_property
    def _columns(self) -> "list[pd.Series[Any]]":
        """Values of the columns and index levels in use."""
        levels, index = self._levels, self.frame.index
        return [
            index.get_level_values(levels[name]).to_series()
            if name in levels
            else self.frame[name]
            for name in self.used
        ]

    def requests(self) -> Iterator[Ask]:
        """Yield a request or error per row; None if a value is missing."""
        places = range(len(self.frame)) if self.places is None else self.places
        for start in range(0, len(places), CHUNK):
            yield from self._requests(places[start : start + CHUNK])

    def _requests(self, places: Sequence[int]) -> Iterator[Ask]:
        some: Any = list(places)
        if isinstance(places, range):
            some = slice(places.start, places.stop)
        missing = self.missing[some]
        parts = [column.iloc[some] for column in self._columns]
        columns = [
            whole_values(part) if name in self.whole else values_of(part)
            for name, part in zip(self.used, parts, strict=True)
        ]
        rows = zip(*columns, strict=True) if columns else [()] * len(places)
        make = self.task.requester(self.used) or self._request
        for skipped, values in zip(missing.tolist(), rows, strict=True):
            yield None if skipped else _ask(make, values)

    def _request(self, values: Sequence[Any]) -> Request:
        return self.task.request(self._names(values))

    def _names(self, values: Sequence[Any]) -> dict[Any, Any]:
        row = dict(zip(self.used, values, strict=True))
        names = row
        if not self._named:
            names = {name: row[name] for name in row if isinstance(name, str)}
        if self._uses_row:
            names = {ROW: Row(row), **names}
        return {**self.others, **names} if self.others else names

    def _used(self, source: str) -> set[Any]:
        columns = list(self.frame.columns)
        try:
            whole, names, keys = _references(source)
        except TemplateError:
            for name in columns:
                if _is_bare(name, source):
                    raise TemplateError("frame.not_a_word", given=name) from None
            raise
        known = {*columns, *self._levels}
        whole = whole or any(_is_method(key) for key in set(keys) - set(columns))
        if ROW in columns and set(keys) & set(columns):
            raise UsageError("frame.row_column")
        if ROW in columns:
            whole, names, keys = False, names | ({ROW} if whole or keys else set()), []
        own = _globals(source)
        for name in sorted(names - known - set(self.names) - own):
            raise self._unknown(name)
        if whole:
            for name in columns:
                if name != name:  # noqa: PLR0124 - NaN would be lost
                    raise UsageError("frame.unwritable", given=name)
            return set(columns)
        for key in keys:
            if key not in known:
                raise self._unknown(written(key, apart=True))
        return (names | set(keys)) & known

    def _unknown(self, given: str) -> TemplateError:
        """Return the error of a name that is no column."""
        names = [*self.frame.columns, *self._levels]
        near = hint(given, [written(name) for name in names if is_writable(name)])
        for name in names:
            if not near and not is_writable(name):
                near = say("errors.frame.unwritable", given=name)
        return TemplateError("frame.no_column", given=given, hint=near)


def _ask(make: Callable[[Sequence[Any]], Request], values: Sequence[Any]) -> Ask:
    try:
        request = make(values)
        request.hash  # noqa: B018 - values invalid in JSON fail here, per row
    except WcodeError as error:
        return error
    return request


def is_writable(name: Any) -> bool:
    """Return whether a template can write a column's name: a text, number or tuple."""
    try:
        return bool(ast.literal_eval(repr(name)) == name) and type(name) is not bytes
    except (ValueError, SyntaxError):
        return False


def written(name: Any, *, apart: bool = False) -> str:
    """Return how a template names a column; ``apart``: as a key, whatever its name."""
    if not isinstance(name, str):
        return f"{ROW}[{name!r}]"
    if name.isidentifier() and name not in _NO_NAMES and not apart:
        return name
    return f"{ROW}[{json.dumps(name, ensure_ascii=False)}]"


def _is_bare(name: Any, source: str) -> bool:
    """Return whether a template inserts a column as if its name were one word."""
    shown = rf"\{{\{{-?\s*{re.escape(str(name))}\s*[|}}-]"
    return not str(name).isidentifier() and re.search(shown, source) is not None


def _references(source: str) -> tuple[bool, set[str], list[Any]]:
    """Return whether a template uses the whole row, its names, and the row's keys."""
    if "{{" not in source and "{%" not in source:
        return False, set(), []
    from jinja2 import TemplateSyntaxError, meta, nodes

    try:
        tree, _names = template.parsed(source)
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
    """Return names defined in every template, unless a column has the same name."""
    return set(template.compiled(source).globals)


def _is_method(key: Any) -> bool:
    """Return whether ``row.key`` is a method of dict, as in ``row.items()``."""
    return isinstance(key, str) and hasattr(dict, key)


def _is_numpy(dtype: Any) -> bool:
    """Return whether a dtype is NumPy's, which has no missing value for integers."""
    return type(dtype).__module__.partition(".")[0] == "numpy"


def _is_row(node: Any) -> bool:
    return getattr(node, "name", None) == ROW
