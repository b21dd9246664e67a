"""Folder of Parquet parts: complete parts only, one run at a time.

A part is written under a temporary name, synced and renamed. So even after ``kill -9``
the folder contains only complete parts, which any Parquet reader reads in row order.
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
"""Parquet readers ignore names with a leading underscore."""
DIGITS = 5
"""Minimum digits of a part's number; more with over 100,000 parts."""
_PART = re.compile(r"part-(\d{5,})\.parquet")


@dataclass(frozen=True, slots=True)
class Folder:
    """Folder of the parts, whose numbers have ``digits`` digits."""

    path: Path
    digits: int = DIGITS

    @property
    def manifest(self) -> Manifest:
        """Manifest of the run; raises UsageError if no run has written here."""
        if not self._manifest_path.exists():
            raise UsageError("parquet.no_run", folder=self.path)
        return Manifest.read(self._manifest_path)

    def numbers(self) -> list[int]:
        """Return the numbers of the finished parts, ascending."""
        return sorted(map(int, self._numbers()))

    def of_many(self, count: int) -> "Folder":
        """Return the folder with enough digits for names of ``count`` parts to sort.

        If parts of an earlier run exist, their number of digits is kept.
        """
        digits = max(DIGITS, len(str(count - 1)))
        return replace(self, digits=min(map(len, self._numbers()), default=digits))

    def refuse_file(self) -> None:
        """Raise UsageError if the path is a file."""
        if self.path.is_file():
            raise UsageError("parquet.to_file", path=self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for writing, creating it if needed.

        Raises:
            UsageError: the path is a file, or another run holds the lock.
            StoreError: the folder cannot be created.
        """
        self.refuse_file()
        with self._writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                file_lock = private_files.lock(self.path / LOCK)
            except TimeoutError as wrong:
                raise UsageError("parquet.busy", folder=self.path) from wrong
        with file_lock:
            yield

    def begin(self, manifest: Manifest, *, overwrite: bool) -> None:
        """Write the manifest of a run, or check that the existing one matches.

        With ``overwrite``, existing parts are deleted.

        Raises:
            UsageError: the folder holds another run (without ``overwrite``), or other
                files.
            StoreError: the folder cannot be written.
        """
        if self._manifest_path.exists():
            if not overwrite:
                self.manifest.refuse_another(manifest, self.path)
                return
        elif {one.name for one in self.path.iterdir()} - {f".{MANIFEST}.tmp", LOCK}:
            raise UsageError("parquet.not_ours", folder=self.path)
        with self._writing(self._manifest_path):
            for number in self._numbers():
                (self.path / f"part-{number}.parquet").unlink()
            manifest.write(self._manifest_path)

    def part(self, number: int) -> Path:
        """Return the path of a part, which may not exist yet."""
        return self.path / f"part-{number:0{self.digits}}.parquet"

    def schema(self, number: int) -> pa.Schema:
        """Return the schema of a part; raises UsageError if it is damaged."""
        with reading(self.part(number)) as opened:
            return opened.schema_arrow

    def read(self, number: int, columns: list[str] | None = None) -> pa.Table:
        """Read a part or some of its columns; raises UsageError if it is damaged."""
        with reading(self.part(number)) as opened:
            return opened.read(columns)

    def write(self, number: int, table: pa.Table) -> None:
        """Write or replace a part atomically; raises StoreError."""
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
        """Count the values of a text column over all parts."""
        found: Counter[str] = Counter()
        for number in self.numbers():
            (values,) = self.read(number, [column]).columns
            for one in values.value_counts().to_pylist():
                found[one["values"]] += one["counts"]
        return found

    def _numbers(self) -> list[str]:
        """Return the numbers of existing parts, as spelled in their names."""
        names = (_PART.fullmatch(one.name) for one in self.path.iterdir())
        return [name[1] for name in names if name]

    @property
    def _manifest_path(self) -> Path:
        return self.path / MANIFEST

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as wrong:
            message = getattr(wrong, "strerror", None) or str(wrong).partition("\n")[0]
            reason = message.rpartition("] ")[2].rstrip(".")
            raise StoreError("parquet.write", path=path, reason=reason) from wrong


def _unified(table: pa.Table) -> pa.Table:
    """Give each column a single dictionary, as Parquet row groups require."""
    try:
        return table.unify_dictionaries()
    except pa.ArrowNotImplementedError:
        return table
