"""A folder of Parquet parts: whole ones alone, one run at a time.

A part is there or not; it is written under another name, synced and renamed. So what
``kill -9`` leaves is finished parts, in a folder that any reader of Parquet reads in
the order of rows.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wcode_magics.errors import StoreError, UsageError
from wcode_magics.runtime import private_files
from wcode_magics.tables.parquet.manifest import Manifest
from wcode_magics.tables.parquet.reader import reading

MANIFEST, LOCK = "_wcode.json", "_wcode.lock"
"""Readers of Parquet pass over names that begin so."""
DIGITS = 5
"""Of a part's number at least; more where there are more than 100,000 parts."""
_PART = re.compile(r"part-(\d{5,})\.parquet")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the parts are; their names have so many ``digits``."""

    path: Path
    digits: int = DIGITS

    @property
    def manifest(self) -> Manifest:
        """What the parts are answers to; raises UsageError where none was asked for."""
        if not self._told.exists():
            raise UsageError("parquet.no_run", folder=self.path)
        return Manifest.read(self._told)

    def numbers(self) -> list[int]:
        """The finished parts, rising."""
        return sorted(map(int, self._numbers()))

    def of_many(self, count: int) -> "Folder":
        """The folder, with names for so many parts that are in the order of rows.

        Those of an earlier run stay as they are, and the others are like them.
        """
        digits = max(DIGITS, len(str(count - 1)))
        return replace(self, digits=min(map(len, self._numbers()), default=digits))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes here meanwhile; the folder is made if need be.

        Raises:
            UsageError: another run does.
            StoreError: the folder cannot be made.
        """
        with self._writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                held = private_files.lock(self.path / LOCK)
            except TimeoutError as wrong:
                raise UsageError("parquet.busy", folder=self.path) from wrong
        with held:
            yield

    def begin(self, manifest: Manifest, *, overwrite: bool) -> None:
        """Let the folder be that of a run; it may have been before.

        Raises:
            UsageError: it is another run's (without ``overwrite``), or nobody's.
            StoreError: it cannot be written.
        """
        if self._told.exists():
            if not overwrite:
                self.manifest.refuse_another(manifest, self.path)
                return
        elif {one.name for one in self.path.iterdir()} - {f".{MANIFEST}.tmp", LOCK}:
            raise UsageError("parquet.not_ours", folder=self.path)
        with self._writing(self._told):
            for number in self._numbers():
                (self.path / f"part-{number}.parquet").unlink()
            manifest.write(self._told)

    def part(self, number: int) -> Path:
        """Where a part is, or will be."""
        return self.path / f"part-{number:0{self.digits}}.parquet"

    def schema(self, number: int) -> pa.Schema:
        """The columns of a part; raises UsageError where it is damaged."""
        with reading(self.part(number)) as opened:
            return opened.schema_arrow

    def read(self, number: int, columns: list[str] | None = None) -> pa.Table:
        """A part, or some of its columns; raises UsageError where it is damaged."""
        with reading(self.part(number)) as opened:
            return opened.read(columns)

    def write(self, number: int, table: pa.Table) -> None:
        """Put a part there, or another in its place; raises StoreError."""
        target = self.part(number)
        fresh = target.with_name(f".{target.name}.tmp")
        with self._writing(target):
            try:
                pq.write_table(_unified(table), fresh)
                with fresh.open("rb+") as written:
                    os.fsync(written.fileno())
                private_files.replace(fresh, target)
            except (OSError, pa.ArrowException):
                with suppress(OSError):
                    fresh.unlink(missing_ok=True)
                raise

    def counts(self, column: str) -> Counter[str]:
        """How often each value stands in a column of texts."""
        found: Counter[str] = Counter()
        for number in self.numbers():
            (values,) = self.read(number, [column]).columns
            for one in values.value_counts().to_pylist():
                found[one["values"]] += one["counts"]
        return found

    def _numbers(self) -> list[str]:
        """Those of the parts that are there, as their names have them."""
        names = (_PART.fullmatch(one.name) for one in self.path.iterdir())
        return [name[1] for name in names if name]

    @property
    def _told(self) -> Path:
        return self.path / MANIFEST

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as wrong:
            said = getattr(wrong, "strerror", None) or str(wrong).partition("\n")[0]
            reason = said.rpartition("] ")[2].rstrip(".")
            raise StoreError("parquet.write", path=path, reason=reason) from wrong


def _unified(table: pa.Table) -> pa.Table:
    """One dictionary for each column, as a row group of Parquet has it."""
    try:
        return table.unify_dictionaries()
    except pa.ArrowNotImplementedError:
        return table
