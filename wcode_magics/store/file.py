"""The file of a store and what is open on it: one connection reads, one writes.

A file that is removed or replaced while it is open lives on without its name, and
what is written there is lost without an error. So before each use it is asked whether
the file of that name is still the one that is open; else that is opened, or made.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from wcode_magics.errors import StoreError
from wcode_magics.store.database import (
    OF_A_ROW,
    Connection,
    faults,
    finish,
    lacks_room,
    open_file,
    open_readonly,
)
from wcode_magics.store.file_system import Magic
from wcode_magics.store.path import identity, side_files, sweep

NOWHERE = (-1, -1)


class File:
    """A store's file, safe to use from any thread.

    Raises:
        StoreError: as :func:`open_file` and :func:`open_readonly`.
    """

    def __init__(
        self, path: Path, *, readonly: bool, patience: float, magic: Magic
    ) -> None:
        self.path = path
        self._magic = magic
        self._readonly = readonly
        self._patience = patience
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._closed = False
        self._file: tuple[int, int] | None = NOWHERE
        self._reader = self._opened()
        self._writer: Connection | None = None

    def connect(self) -> Connection:
        """A connection of one's own, to be closed."""
        self._follow()
        return self._connect()

    def select(
        self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Any]:
        """The rows of a query; raises StoreError."""
        with faults(self.path):
            self._follow()
            with self._reading:
                return self._reader.execute(sql, values).fetchall()

    def commit(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write all rows, or none and raise.

        Raises:
            StoreError: the file is at fault; any other error is a row's.
        """
        with self._writing, faults(self.path, unless=OF_A_ROW):
            self._renew()
            if self._writer is None:
                self._writer = self._connect()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                self._writer.executemany(sql, rows)
                self._writer.execute("COMMIT")
            except Exception as wrong:
                self._release()
                if lacks_room(wrong):
                    with suppress(StoreError):
                        finish(self._connect())  # the next try has the journal's room
                raise

    def check_writable(self) -> None:
        """Raise StoreError where nothing could be written now; nothing is."""
        with faults(self.path), closing(self.connect()) as db:
            db.execute("BEGIN IMMEDIATE")  # a file that may only be read allows it
            db.execute("DELETE FROM answers WHERE false")
            db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of it; a second call does nothing."""
        self._closed = True
        self._reader.close()
        self._release()

    def _connect(self) -> Connection:
        if self._readonly:
            return open_readonly(self.path, self._patience)
        return open_file(self.path, self._patience, self._magic)

    def _opened(self) -> Connection:
        """A connection to read from; notes which file it is, and which journal."""
        made = self._connect()
        with faults(self.path):
            made.execute("PRAGMA user_version").fetchone()  # now its journal is there
        self._file = identity(self.path)
        self._journal = identity(side_files(self.path)[0])
        return made

    def _has_moved(self) -> bool:
        return not self._closed and identity(self.path) != self._file

    def _follow(self) -> None:
        if self._has_moved():
            with self._writing:
                self._renew()

    def _renew(self) -> None:
        """Open what is there now, where the file has moved.

        What is open is finished first, wherever it lies now, and its journal goes.
        Whoever calls holds ``_writing``, so that nothing is being written.
        """
        with self._reading:
            if self._has_moved():
                self._release()
                finish(self._reader)
                self._file = NOWHERE
                if not self._readonly:
                    sweep(self.path, self._journal)
                self._reader = self._opened()

    def _release(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
