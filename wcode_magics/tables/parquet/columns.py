"""Answers as Arrow columns beside those of the source, the same in every part.

The source's columns go through as Arrow has them. Those of a task have types that come
of its fields alone, so that a part without one answer fits the others. What pandas must
know to read them as ``df.wcode`` would have made them stands in the schema's metadata.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import Outcome
from wcode_magics.tables.columns import array, columns_of, readable, values_of
from wcode_magics.tables.marks import CALLS
from wcode_magics.tables.task import Task

TYPES = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.timestamp("us"),
    "datetime": pa.timestamp("us", "UTC"),
    "choice": pa.dictionary(pa.int32(), pa.string()),
    "object": pa.string(),
}
"""By the kind of a field; an object is its JSON."""
ROOMY = 32
"""Bits of the number of a category, where files have not the same."""
_PANDAS, _ATTRS = b"pandas", b"PANDAS_ATTRS"
_PLAIN_NAMES = {"unicode", "string", "empty"}


@dataclass(frozen=True, slots=True)
class Level:
    """A level of pandas' index that a file has as a range of numbers, not a column."""

    column: str
    start: int
    step: int

    def numbers(self, first: int, rows: int) -> pa.Array:
        """Those of so many rows."""
        begin = self.start + first * self.step
        return pa.array(range(begin, begin + rows * self.step, self.step), pa.int64())


def with_levels(schema: pa.Schema, rows: int) -> tuple[pa.Schema, tuple[Level, ...]]:
    """The schema of a file of so many rows with its ranges as columns, and these.

    A range that says no more than the place of a row is none of them.
    """
    noted = _noted(schema, _PANDAS)
    index, levels = noted.get("index_columns", []), []
    told = list(noted.get("columns", []))
    for place, one in enumerate(index):
        if isinstance(one, str) or not _is_telling(one, index, rows):
            continue
        name = one["name"] if isinstance(one["name"], str | int | None) else None
        column = str(name)
        if name is None or column in schema.names:
            column = f"__index_level_{place}__"
        levels.append(Level(column, one["start"], one["step"]))
        schema = schema.append(pa.field(column, pa.int64()))
        kind = {"pandas_type": "int64", "numpy_type": "int64", "metadata": None}
        told.append({"name": name, "field_name": column, **kind})
        index = [*index[:place], column, *index[place + 1 :]]
    noted |= {"index_columns": index, "columns": told}
    return (_with_notes(schema, {_PANDAS: noted}) if levels else schema), tuple(levels)


def index_of(schema: pa.Schema) -> list[str]:
    """The columns that are pandas' index."""
    named = _noted(schema, _PANDAS).get("index_columns", ())
    return [name for name in named if isinstance(name, str)]


_WIDE = (
    (lambda kind: kind in (pa.string(), pa.large_string()), pa.large_string()),
    (lambda kind: kind in (pa.binary(), pa.large_binary()), pa.large_binary()),
    (pa.types.is_signed_integer, None),
    (pa.types.is_unsigned_integer, None),
)
"""Which types hold each other's values, and what holds all; None: the longest."""


def source_schema(schema: pa.Schema) -> pa.Schema:
    """A schema whose columns pandas calls by their names, on a plain range of rows.

    Categories differ from file to file, so that a column of them has room for all.
    """
    for place, field in enumerate(schema):
        schema = schema.set(place, field.with_type(_roomy(field.type)))
    noted = _noted(schema, _PANDAS)
    levels = noted.get("column_indexes", [])
    if len(levels) != 1 or levels[0].get("pandas_type") not in _PLAIN_NAMES:
        levels = []
    noted = {"columns": [], **noted, "column_indexes": levels}
    noted["index_columns"] = index_of(schema)
    return _with_notes(schema, {_PANDAS: noted})


def joined(one: pa.Schema, other: pa.Schema) -> pa.Schema | None:
    """The schema that has room for the columns of both; None where none has.

    Both are a :func:`source_schema`. What pandas knows comes of that which fits.
    """
    if sorted(one.names) != sorted(other.names) or len(set(one.names)) < len(one):
        return None
    other = pa.schema([other.field(name) for name in one.names], other.metadata)
    noted, theirs = _noted(one, _PANDAS), _noted(other, _PANDAS)
    told = {note.get("field_name"): note for note in noted["columns"]}
    known = {note.get("field_name"): note for note in theirs["columns"]}
    fields = []
    for mine, their in zip(one, other, strict=True):
        kind = joint(mine.type, their.type)
        if kind is None:
            return None
        fields.append(
            mine.with_type(kind).with_nullable(mine.nullable or their.nullable)
        )
        if kind == their.type != mine.type and mine.name in known:
            told[mine.name] = known[mine.name]
        elif kind != mine.type:
            told.pop(mine.name, None)
    noted["columns"] = list(told.values())
    return _with_notes(pa.schema(fields, one.metadata), {_PANDAS: noted})


def joint(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type for the values of both; None: there is none.

    Whole numbers beyond 2**53 beside floats are found out when they are read.
    """
    kinds = pa.types
    if one == other or kinds.is_null(other):
        return one
    if kinds.is_null(one):
        return other
    for same, wide in _WIDE:
        if same(one) and same(other):
            return wide or max(one, other, key=lambda kind: kind.bit_width)
    return _joint_words(one, other) or _unified(one, other)


def answered_schema(source: pa.Schema, task: Task, given: Mapping[str, Any]) -> Any:
    """The schema of every part: the source's columns, then the task's.

    ``given`` is how it was asked for, kept as ``df.wcode`` keeps it in ``attrs``.
    """
    made = source
    fields = columns_of(task)
    for field in fields:
        column = pa.field(field.name, TYPES[field.kind])
        place = made.get_field_index(field.name)
        made = made.append(column) if place < 0 else made.set(place, column)
    names = {field.name for field in fields}
    noted, attrs = _noted(source, _PANDAS), _noted(source, _ATTRS)
    others = [one for one in noted["columns"] if one.get("field_name") not in names]
    noted["columns"] = [*others, *_pandas_columns(fields)]
    attrs[CALLS] = {**attrs.get(CALLS, {}), task.into: dict(given)}
    return _with_notes(made, {_PANDAS: noted, _ATTRS: attrs})


def answered(
    table: pa.Table,
    task: Task,
    outcomes: Sequence[Outcome[tuple[Any, ...]]],
    schema: pa.Schema,
    places: Sequence[int] | None = None,
) -> pa.Table:
    """The table with the columns of a task, after ``schema``.

    ``places``: the rows that ``outcomes`` are for; the others keep what they have.
    """
    values = zip(columns_of(task), values_of(task, outcomes), strict=True)
    made = {field.name: arrow(field, said) for field, said in values}
    if places is not None:
        made = {n: _merged(table[n], column, places) for n, column in made.items()}
    columns = [made[n] if n in made else table[n] for n in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def arrow(field: Field, values: Sequence[Any]) -> pa.Array:
    """The values as an Arrow array of the field's type; None is missing."""
    kind = TYPES[field.kind]
    if field.kind == "object":
        return pa.array([_json(value) for value in values], kind)
    held = array(field, values)
    if field.kind != "choice":
        return pa.array(held, kind, from_pandas=True)
    codes = pa.array(held.codes, pa.int32(), mask=held.codes < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(field.choices, pa.string()))


def fitted(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of a file as the schema of all has it."""
    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type) and pa.types.is_dictionary(kind):
        codes = column.indices.cast(kind.index_type)
        words = column.dictionary.cast(kind.value_type)
        return pa.DictionaryArray.from_arrays(codes, words, ordered=kind.ordered)
    return column.cast(kind)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The table as pandas reads it."""
    made: pd.DataFrame = table.to_pandas()
    return made


def asked_of(table: pa.Table) -> pd.DataFrame:
    """The table to make requests of: whole numbers with gaps stay whole numbers."""
    made: pd.DataFrame = table.to_pandas(types_mapper=_dtype)
    return made


def _dtype(kind: pa.DataType) -> Any:
    """Arrow's own dtype; None: what pandas has put into Arrow becomes pandas' again."""
    own = type(kind).__module__.partition(".")[0] == "pandas"
    return None if own else pd.ArrowDtype(kind)


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """What Arrow makes of two types; values that it cannot hold fail when read."""
    both = [pa.schema([("", kind)]) for kind in (one, other)]
    try:
        made = pa.unify_schemas(both, promote_options="permissive").field(0).type
        for kind in (one, other):
            pa.array([], kind).cast(made)
    except pa.ArrowException:
        return None
    return made


def _joint_words(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Of categories, or of categories and what is none."""
    coded = [kind for kind in (one, other) if pa.types.is_dictionary(kind)]
    if not coded or coded[0].ordered != coded[-1].ordered:
        return None
    words = joint(*(k.value_type if k in coded else k for k in (one, other)))
    if words is None or (len(coded) == 1 and coded[0].ordered):
        return None
    if len(coded) == 1:
        return words
    codes = joint(one.index_type, other.index_type)
    return None if codes is None else pa.dictionary(codes, words, one.ordered)


def _roomy(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind) and kind.index_type.bit_width < ROOMY:
        return pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
    return kind


def _is_telling(one: Mapping[str, Any], index: Sequence[Any], rows: int) -> bool:
    numbers = range(one["start"], one["stop"], one["step"])
    plain = len(index) == 1 and one["name"] is None and numbers == range(rows)
    return len(numbers) == rows and not plain


def _merged(old: Any, fresh: pa.Array, places: Sequence[int]) -> Any:
    order = list(range(len(old)))
    for number, place in enumerate(places):
        order[place] = len(old) + number
    both = pa.chunked_array([*old.chunks, fresh]).unify_dictionaries()
    return both.take(pa.array(order, pa.int64()))


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return readable(json.dumps(value, ensure_ascii=False))


def _pandas_columns(fields: Sequence[Field]) -> list[Any]:
    told = [replace(f, kind="text") if f.kind == "object" else f for f in fields]
    blank = pd.DataFrame({field.name: array(field, []) for field in told})
    return list(_noted(pa.Schema.from_pandas(blank), _PANDAS)["columns"])


def _noted(schema: pa.Schema, key: bytes) -> dict[str, Any]:
    held = (schema.metadata or {}).get(key)
    return {} if held is None else dict(json.loads(held))


def _with_notes(schema: pa.Schema, notes: Mapping[bytes, Any]) -> pa.Schema:
    told = {key: json.dumps(note, default=str).encode() for key, note in notes.items()}
    return schema.with_metadata({**(schema.metadata or {}), **told})
