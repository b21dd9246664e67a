"""Parquet files as chunks of rows, read lazily."""

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from wcode_magics.errors import UsageError
from wcode_magics.tables.parquet.columns import (
    Level,
    fitted,
    joined,
    joint,
    source_schema,
    with_levels,
)

AT_ONCE = 1_024
"""Rows decoded at a time."""
BUFFER = 1 << 20
"""Bytes read per column at a time."""
PART = "part-00000.parquet"
"""Example of a part's name."""
_HIDDEN = ("_", ".")
_NULL = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"-?\d{1,18}")


def local_path(named: Any) -> Path:
    """Return a path that may begin with ``~``; raises UsageError if it is none."""
    try:
        return Path(named).expanduser()
    except (TypeError, RuntimeError) as wrong:  # another type; home of an unknown user
        raise UsageError("parquet.path", given=named, reason=wrong) from wrong


@dataclass(frozen=True)
class ParquetSource:
    """Local Parquet files concatenated as one table."""

    files: tuple[Path, ...]
    hives: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    patterns: tuple[Path, ...] = ()

    @classmethod
    def of(cls, source: Any) -> "ParquetSource":
        """Find the files of a path, folder, pattern (``*``) or list of these.

        Files of a folder or pattern are sorted by name; names that start with ``_`` or
        ``.``, used by writers for metadata, are skipped.

        Raises:
            UsageError: a source is no path, no file exists, one is not Parquet, or
                schemas are incompatible.
        """
        named = source if isinstance(source, list | tuple) else [source]
        paths = [local_path(one) for one in named]
        found = [(file, _hive(file, path)) for path in paths for file in _found(path)]
        files = [file for file, _ in found]
        if not files:
            raise UsageError("parquet.no_source", path=source)
        roots = tuple(path for path in paths if path.is_dir())
        patterns = tuple(path for path in paths if not path.exists())
        made = cls(tuple(files), tuple(hive for _, hive in found), roots, patterns)
        made._refuse_twins()
        return made

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema with pandas metadata that can hold the columns of all files.

        Raises:
            UsageError: the schemas of the files are incompatible.
        """
        made = source_schema(self._first[0])
        for file in self.files[1:]:
            with reading(file) as opened:
                other = source_schema(self._with_folders(opened.schema_arrow))
            both = joined(made, other)
            if both is None:
                facts = {
                    "first": self.files[0].name,
                    "column": _difference(made, other),
                }
                raise UsageError("parquet.columns", path=file, **facts)
            made = both
        return made

    @cached_property
    def _first(self) -> tuple[pa.Schema, tuple[Level, ...]]:
        """Schema of the first file; with its range indexes if it is the only file."""
        with reading(self.files[0]) as opened:
            schema = self._with_folders(opened.schema_arrow)
            if len(self.files) > 1:
                return schema, ()
            return with_levels(schema, opened.metadata.num_rows)

    def _with_folders(self, schema: pa.Schema) -> pa.Schema:
        """Add the columns whose values are folder names to the schema."""
        for field in self._folders[0]:
            if field.name not in schema.names:
                schema = schema.append(field)
        return schema

    @cached_property
    def _folders(self) -> tuple[pa.Schema, list[dict[str, Any]]]:
        """Columns of Hive partitions (``year=2024``), and their values per file."""
        each = [dict(map(_key, filter(None, hive.split("/")))) for hive in self.hives]
        fields = []
        for name in dict.fromkeys(name for values in each for name in values):
            words = [values[name] for values in each if values.get(name) is not None]
            whole = all(_WHOLE.fullmatch(word) for word in words)
            fields.append(pa.field(name, pa.int64() if whole else pa.string()))
            for values in each if whole else ():
                values[name] = None if values.get(name) is None else int(values[name])
        return pa.schema(fields), each

    @cached_property
    def lengths(self) -> list[int]:
        """Number of rows of each file."""
        found = []
        for file in self.files:
            with reading(file) as opened:
                found.append(opened.metadata.num_rows)
        return found

    @property
    def rows(self) -> int:
        """Number of rows of all files."""
        return sum(self.lengths)

    @property
    def identity(self) -> list[list[Any]]:
        """Name, size (bytes), modification time (ns) and rows of each file."""
        files = []
        for file, hive, rows in zip(self.files, self.hives, self.lengths, strict=True):
            facts, name = file.stat(), f"{hive}/{file.name}" if hive else file.name
            files.append([name, facts.st_size, facts.st_mtime_ns, rows])
        return files

    def chunks(
        self, size: int, numbers: Sequence[int], columns: Sequence[str] | None = None
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield number and table of the chunks in ``numbers``, which must ascend.

        Chunks have ``size`` rows. A table without rows has one empty chunk.

        Raises:
            UsageError: a file is damaged.
        """
        start = 0
        while start < len(numbers):
            end = start + 1
            while end < len(numbers) and numbers[end] == numbers[end - 1] + 1:
                end += 1
            rows = self._rows_from(numbers[start] * size, columns)
            for number in numbers[start:end]:
                try:
                    table = rows.take(size)
                except pa.ArrowInvalid as wrong:
                    reason = str(wrong).partition("\n")[0]
                    raise UsageError("parquet.loss", reason=reason) from wrong
                yield number, table
            start = end

    def refuse_target(self, folder: Path) -> None:
        """Raise UsageError if parts in this folder would belong to the source."""
        there = folder.resolve()
        inside = [root.resolve() in {there, *there.parents} for root in self.roots]
        holds = [there in file.resolve().parents for file in self.files]
        matched = [_matches(there / PART, pattern) for pattern in self.patterns]
        if any(inside) or any(holds) or any(matched):
            raise UsageError("parquet.same_folder", folder=folder)

    def _rows_from(self, first: int, columns: Sequence[str] | None) -> "_Rows":
        schema = self.schema
        if columns is not None:
            fields = [schema.field(name) for name in columns]
            schema = pa.schema(fields, schema.metadata)
        return _Rows(self._batches(first, schema), schema)

    def _batches(self, first: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield batches from row ``first`` on, without reading earlier row groups."""
        passed = 0
        levels = [one for one in self._first[1] if one.column in schema.names]
        made = {one.column for one in levels}
        present = [name for name in schema.names if name not in made]
        each = zip(self.files, self._folders[1], self.lengths, strict=True)
        for file, values, length in each:
            if passed + length <= first:
                passed += length
                continue
            with reading(file) as opened:
                groups, passed = _groups_from(opened.metadata, first, passed)
                own = set(opened.schema_arrow.names)
                names = [name for name in present if name in own]
                constant = [schema.field(name) for name in present if name not in own]
                for read in opened.iter_batches(AT_ONCE, groups, names):
                    batch = _with_values(read, constant, values) if constant else read
                    before = min(max(first - passed, 0), len(batch))
                    yield _indexed(batch.slice(before), levels, passed + before)
                    passed += len(batch)

    def _refuse_twins(self) -> None:
        names = self.schema.names
        for name in names:
            if names.count(name) > 1:
                raise UsageError("frame.twice", name=name)


class _Rows:
    """Batches rechunked into tables of a requested number of rows."""

    def __init__(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches, self._schema = batches, schema
        self._rest: list[pa.RecordBatch] = []

    def take(self, size: int) -> pa.Table:
        batches, rows = self._rest, sum(map(len, self._rest))
        while rows < size and (batch := next(self._batches, None)) is not None:
            batches.append(batch)
            rows += len(batch)
        over = rows - size
        self._rest = []
        if over > 0:
            last = batches.pop()
            self._rest = [last.slice(len(last) - over)]
            batches.append(last.slice(0, len(last) - over))
        columns = [
            pa.chunked_array(
                [fitted(batch[field.name], field.type) for batch in batches], field.type
            )
            for field in self._schema
        ]
        return pa.Table.from_arrays(columns, schema=self._schema)


def _found(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        root, pattern = path, Path(glob.escape(str(path))) / "**" / "*.parquet"
    else:
        root, pattern = _root(path), path
    found = map(Path, sorted(glob.glob(str(pattern), recursive=True)))  # noqa: PTH207
    return [file for file in found if not _is_hidden(file, root, path)]


def _hive(file: Path, source: Path) -> str:
    """Return the Hive partition folders of a file, such as ``year=2024``."""
    root = (
        source if source.is_dir() else file.parent if file == source else _root(source)
    )
    return "/".join(one for one in file.relative_to(root).parts[:-1] if "=" in one)


def _key(folder: str) -> tuple[str, Any]:
    """Return column and value of a Hive partition folder."""
    name, _, value = folder.partition("=")
    return unquote(name), None if value == _NULL else unquote(value)


def _with_values(
    batch: pa.RecordBatch, fields: Sequence[pa.Field], values: Mapping[str, Any]
) -> pa.RecordBatch:
    """Add columns with a constant value each to a batch."""
    added = [pa.array([values.get(one.name)] * len(batch), one.type) for one in fields]
    columns, every = [*batch.columns, *added], [*batch.schema, *fields]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(every))


def _indexed(
    batch: pa.RecordBatch, levels: Sequence[Level], first: int
) -> pa.RecordBatch:
    columns = [*batch.columns, *(one.numbers(first, len(batch)) for one in levels)]
    names = [*batch.schema.names, *(one.column for one in levels)]
    return pa.RecordBatch.from_arrays(columns, names)


def _root(pattern: Path) -> Path:
    """Return the deepest folder that contains all matches of a pattern."""
    return next(one for one in pattern.parents if not glob.has_magic(str(one)))


def _is_hidden(file: Path, root: Path, source: Path) -> bool:
    """Return whether to skip a file; names in the source path are not hidden."""
    names = set(file.relative_to(root).parts) - set(source.parts)
    return any(name.startswith(_HIDDEN) for name in names)


def _matches(file: Path, pattern: Path) -> bool:
    """Return whether a pattern matches a file, which need not exist."""
    root = _root(pattern)
    there = root.resolve()
    if there not in file.parents:
        return False
    rest = pattern.relative_to(root).parts
    return _fits(file.relative_to(there).parts, rest)


def _fits(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if not names or not pattern:
        return not names and not pattern
    hidden = names[0].startswith(_HIDDEN) and names[0] != pattern[0]
    if pattern[0] == "**":
        further = not hidden and _fits(names[1:], pattern)
        return further or _fits(names, pattern[1:])
    fits = not hidden and fnmatch(names[0], pattern[0])
    return fits and _fits(names[1:], pattern[1:])


@contextmanager
def reading(file: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; raises UsageError if it cannot be read."""
    try:
        with pq.ParquetFile(file, buffer_size=BUFFER) as opened:
            yield opened
    except FileNotFoundError as wrong:
        raise UsageError("parquet.no_source", path=file) from wrong
    except (OSError, pa.ArrowException) as wrong:
        reason = str(wrong).partition("\n")[0]
        raise UsageError("parquet.unreadable", path=file, reason=reason) from wrong


def _groups_from(facts: Any, first: int, passed: int) -> tuple[list[int], int]:
    """Return the row groups needed from row ``first`` on, and the rows before."""
    groups = list(range(facts.num_row_groups))
    while groups and passed + facts.row_group(groups[0]).num_rows <= first:
        passed += facts.row_group(groups.pop(0)).num_rows
    return groups, passed


def _difference(one: pa.Schema, other: pa.Schema) -> str:
    for name in sorted(map(str, {*one.names, *other.names})):
        places = one.get_field_index(name), other.get_field_index(name)
        if min(places) < 0:
            return name
        if joint(one.field(places[0]).type, other.field(places[1]).type) is None:
            return name
    return ", ".join(other.names)
