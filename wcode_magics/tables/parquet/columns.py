"""Answers as Arrow columns next to those of the source, with one schema for all parts.

Columns of the source keep their Arrow types. Those of a task have types that depend on
its fields only, so that a part without any answer has the same schema. Metadata of the
schema lets pandas restore the dtypes that ``df.wcode`` would have produced.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import Outcome
from wcode_magics.tables.call_records import CALLS
from wcode_magics.tables.columns import array, columns_of, readable, values_of
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
"""Arrow type by kind of field; an object is stored as JSON text."""
CODE_BITS = 32
"""Minimum bits of category codes, as files may have different categories."""
_PANDAS, _ATTRS = b"pandas", b"PANDAS_ATTRS"
_PLAIN_NAMES = {"unicode", "string", "empty"}


@dataclass(frozen=True, slots=True)
class Level:
    """An index level of pandas stored in the file as a range instead of a column."""

    column: str
    start: int
    step: int

    def numbers(self, first: int, rows: int) -> pa.Array:
        """Return the index values of ``rows`` rows from position ``first`` on."""
        begin = self.start + first * self.step
        return pa.array(range(begin, begin + rows * self.step, self.step), pa.int64())


def with_levels(schema: pa.Schema, rows: int) -> tuple[pa.Schema, tuple[Level, ...]]:
    """Return the schema of a file with its range indexes as columns, and these levels.

    An unnamed range equal to the row positions is left out.
    """
    meta = _notes_in(schema, _PANDAS)
    index, levels = meta.get("index_columns", []), []
    notes = list(meta.get("columns", []))
    for place, one in enumerate(index):
        if isinstance(one, str) or not _is_index(one, index, rows):
            continue
        name = one["name"] if isinstance(one["name"], str | int | None) else None
        column = str(name)
        if name is None or column in schema.names:
            column = f"__index_level_{place}__"
        levels.append(Level(column, one["start"], one["step"]))
        schema = schema.append(pa.field(column, pa.int64()))
        kind = {"pandas_type": "int64", "numpy_type": "int64", "metadata": None}
        notes.append({"name": name, "field_name": column, **kind})
        index = [*index[:place], column, *index[place + 1 :]]
    meta |= {"index_columns": index, "columns": notes}
    return (_with_notes(schema, {_PANDAS: meta}) if levels else schema), tuple(levels)


def index_of(schema: pa.Schema) -> list[str]:
    """Return the columns that form the pandas index."""
    named = _notes_in(schema, _PANDAS).get("index_columns", ())
    return [name for name in named if isinstance(name, str)]


_WIDE = (
    (lambda kind: kind in (pa.string(), pa.large_string()), pa.large_string()),
    (lambda kind: kind in (pa.binary(), pa.large_binary()), pa.large_binary()),
    (pa.types.is_signed_integer, None),
    (pa.types.is_unsigned_integer, None),
)
"""Test for a family of types, and the type that holds all; None: the widest."""


def source_schema(schema: pa.Schema) -> pa.Schema:
    """Normalize a file's schema: names as pandas columns, no range indexes.

    Categories may differ between files, so category codes are widened to fit all.
    """
    for place, field in enumerate(schema):
        schema = schema.set(place, field.with_type(_wide_codes(field.type)))
    meta = _notes_in(schema, _PANDAS)
    levels = meta.get("column_indexes", [])
    if len(levels) != 1 or levels[0].get("pandas_type") not in _PLAIN_NAMES:
        levels = []
    meta = {"columns": [], **meta, "column_indexes": levels}
    meta["index_columns"] = index_of(schema)
    return _with_notes(schema, {_PANDAS: meta})


def joined(one: pa.Schema, other: pa.Schema) -> pa.Schema | None:
    """Return a schema that can hold the columns of both, or None if there is none.

    Both arguments come from :func:`source_schema`. The pandas metadata of a column is
    that of the schema whose type is kept, if any.
    """
    if sorted(one.names) != sorted(other.names) or len(set(one.names)) < len(one):
        return None
    other = pa.schema([other.field(name) for name in one.names], other.metadata)
    own_notes, other_notes = _notes_in(one, _PANDAS), _notes_in(other, _PANDAS)
    notes = {note.get("field_name"): note for note in own_notes["columns"]}
    known = {note.get("field_name"): note for note in other_notes["columns"]}
    fields = []
    for field, other_field in zip(one, other, strict=True):
        kind = joint(field.type, other_field.type)
        if kind is None:
            return None
        fields.append(
            field.with_type(kind).with_nullable(field.nullable or other_field.nullable)
        )
        if kind == other_field.type != field.type and field.name in known:
            notes[field.name] = known[field.name]
        elif kind != field.type:
            notes.pop(field.name, None)
    own_notes["columns"] = list(notes.values())
    return _with_notes(pa.schema(fields, one.metadata), {_PANDAS: own_notes})


def joint(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return a type for the values of both types, or None if there is none.

    Mixing floats with integers beyond 2**53 is detected when the values are read.
    """
    kinds = pa.types
    if one == other or kinds.is_null(other):
        return one
    if kinds.is_null(one):
        return other
    for same, wide in _WIDE:
        if same(one) and same(other):
            return wide or max(one, other, key=lambda kind: kind.bit_width)
    return _joint_categories(one, other) or _unified(one, other)


def answered_schema(source: pa.Schema, task: Task, call: Mapping[str, Any]) -> Any:
    """Return the schema of every part: the source's columns, then the task's.

    ``call`` is stored in the metadata as ``df.wcode`` does in ``attrs``.
    """
    made = source
    fields = columns_of(task)
    for field in fields:
        column = pa.field(field.name, TYPES[field.kind])
        place = made.get_field_index(field.name)
        made = made.append(column) if place < 0 else made.set(place, column)
    names = {field.name for field in fields}
    meta, attrs = _notes_in(source, _PANDAS), _notes_in(source, _ATTRS)
    others = [one for one in meta["columns"] if one.get("field_name") not in names]
    meta["columns"] = [*others, *_pandas_columns(fields)]
    attrs[CALLS] = {**attrs.get(CALLS, {}), task.into: dict(call)}
    return _with_notes(made, {_PANDAS: meta, _ATTRS: attrs})


def answered(
    table: pa.Table,
    task: Task,
    outcomes: Sequence[Outcome[tuple[Any, ...]]],
    schema: pa.Schema,
    places: Sequence[int] | None = None,
) -> pa.Table:
    """Return the table with the columns of a task, in the given ``schema``.

    ``places`` are the positions of the rows that ``outcomes`` belong to; other rows
    keep their values.
    """
    values = zip(columns_of(task), values_of(task, outcomes), strict=True)
    made = {field.name: arrow(field, column) for field, column in values}
    if places is not None:
        made = {n: _merged(table[n], column, places) for n, column in made.items()}
    columns = [made[n] if n in made else table[n] for n in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def arrow(field: Field, values: Sequence[Any]) -> pa.Array:
    """Return values as an Arrow array of the field's type; None is missing."""
    kind = TYPES[field.kind]
    if field.kind == "object":
        return pa.array([_json(value) for value in values], kind)
    data = array(field, values)
    if field.kind != "choice":
        return pa.array(data, kind, from_pandas=True)
    codes = pa.array(data.codes, pa.int32(), mask=data.codes < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(field.choices, pa.string()))


def fitted(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast a column of a file to its type in the common schema."""
    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type) and pa.types.is_dictionary(kind):
        codes = column.indices.cast(kind.index_type)
        words = column.dictionary.cast(kind.value_type)
        return pa.DictionaryArray.from_arrays(codes, words, ordered=kind.ordered)
    return column.cast(kind)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Convert a table to a DataFrame as pandas reads it."""
    made: pd.DataFrame = table.to_pandas()
    return made


def request_frame(table: pa.Table) -> pd.DataFrame:
    """Convert a table for building requests; integers with nulls stay integers."""
    made: pd.DataFrame = table.to_pandas(types_mapper=_dtype)
    return made


def _dtype(kind: pa.DataType) -> Any:
    """Return the Arrow dtype; None for pandas extension types, restored by pandas."""
    own = type(kind).__module__.partition(".")[0] == "pandas"
    return None if own else pd.ArrowDtype(kind)


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Unify two types as Arrow does; values that do not fit fail when read."""
    both = [pa.schema([("", kind)]) for kind in (one, other)]
    try:
        made = pa.unify_schemas(both, promote_options="permissive").field(0).type
        for kind in (one, other):
            pa.array([], kind).cast(made)
    except pa.ArrowException:
        return None
    return made


def _joint_categories(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Unify two category types, or a category type with another type."""
    coded = [kind for kind in (one, other) if pa.types.is_dictionary(kind)]
    if not coded or coded[0].ordered != coded[-1].ordered:
        return None
    values = joint(*(k.value_type if k in coded else k for k in (one, other)))
    if values is None or (len(coded) == 1 and coded[0].ordered):
        return None
    if len(coded) == 1:
        return values
    codes = joint(one.index_type, other.index_type)
    return None if codes is None else pa.dictionary(codes, values, one.ordered)


def _wide_codes(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind) and kind.index_type.bit_width < CODE_BITS:
        return pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
    return kind


def _is_index(one: Mapping[str, Any], index: Sequence[Any], rows: int) -> bool:
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
    typed = [replace(f, kind="text") if f.kind == "object" else f for f in fields]
    blank = pd.DataFrame({field.name: array(field, []) for field in typed})
    return list(_notes_in(pa.Schema.from_pandas(blank), _PANDAS)["columns"])


def _notes_in(schema: pa.Schema, key: bytes) -> dict[str, Any]:
    data = (schema.metadata or {}).get(key)
    return {} if data is None else dict(json.loads(data))


def _with_notes(schema: pa.Schema, notes: Mapping[bytes, Any]) -> pa.Schema:
    own = {key: json.dumps(note, default=str).encode() for key, note in notes.items()}
    return schema.with_metadata({**(schema.metadata or {}), **own})
