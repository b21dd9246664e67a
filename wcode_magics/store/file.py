"""File of a store with its open connections: one reads, one writes.

A file that is removed or replaced while open lives on without its name, and data
written to it is lost without an error. So each use first checks whether the path still
names the open file; if not, the file at the path is opened, or created.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from wcode_magics.errors import StoreError
from wcode_magics.store.database import (
    OF_A_ROW,
    Connection,
    extent_of,
    faults,
    finish,
    lacks_room,
    open_file,
    open_readonly,
)
from wcode_magics.store.file_system import Magic
from wcode_magics.store.path import identity, side_files, sweep

NOWHERE = (-1, -1)
CLOSE_S = 2.0
"""Seconds that closing, and a fork, wait for a statement of another thread."""


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
        _files.add(self)

    def connect(self) -> Connection:
        """Return a new connection, which the caller must close."""
        self._follow()
        return self._connect()

    def select(
        self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Any]:
        """Return the rows of a query; raises StoreError."""
        with faults(self.path):
            self._follow()
            with self._reading:
                try:
                    return self._reader.execute(sql, values).fetchall()
                finally:
                    if self._closed:
                        self._reader.close()

    def commit(self, rows: Mapping[str, Iterable[Sequence[Any]]]) -> None:
        """Write all rows, by statement, in one transaction.

        Raises:
            StoreError: the file is at fault; any other error is caused by a row.
        """
        with self._writing, faults(self.path, unless=OF_A_ROW):
            self._renew()
            if self._writer is None:
                self._writer = self._connect()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                for sql, values in rows.items():
                    self._writer.executemany(sql, values)
                self._writer.execute("COMMIT")
                self.extent = extent_of(self._writer)
            except Exception as wrong:
                self._release()
                if lacks_room(wrong):
                    with suppress(StoreError):
                        finish(self._connect())  # frees the journal for the next try
                raise
            finally:
                if self._closed:
                    self._release()

    def check_writable(self) -> None:
        """Raise StoreError if the file cannot be written now; writes nothing."""
        with faults(self.path), closing(self.connect()) as db:
            db.execute("BEGIN IMMEDIATE")  # succeeds even on a read-only file
            db.execute("DELETE FROM answers WHERE false")
            db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connections; a second call does nothing.

        Closing frees the statement that another thread may be running, which ends the
        process. A connection that is still in use after :data:`CLOSE_S` is left to
        that thread, which closes it.
        """
        self._closed = True
        self._close(self._reading, self._reader.close)
        self._close(self._writing, self._release)

    def hold(self) -> Iterator[threading.Lock]:
        """Let no statement start; yield the locks to release."""
        for lock in (self._writing, self._reading):
            if lock.acquire(timeout=CLOSE_S):
                yield lock

    def _close(self, lock: threading.Lock, close: Callable[[], None]) -> None:
        if lock.acquire(timeout=CLOSE_S):
            try:
                close()
            finally:
                lock.release()

    def _connect(self) -> Connection:
        if self._readonly:
            return open_readonly(self.path, self._patience)
        return open_file(self.path, self._patience, self._magic)

    def _opened(self) -> Connection:
        """Open a connection for reading; record the identity of file and journal."""
        made = self._connect()
        with faults(self.path):
            made.execute("PRAGMA user_version").fetchone()  # creates the journal
            self.extent = extent_of(made)
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
        """Open the file now at the path, if the open one has been replaced.

        The open file is checkpointed first, wherever it lies now, and its journal
        removed. The caller holds ``_writing``, so that no write is in progress.
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


_files: WeakSet[File] = WeakSet()
_forking = threading.Lock()
_locks: list[threading.Lock] = []


def _before_fork() -> None:
    """Wait for running statements: SQLite's locks would never be released in a copy."""
    _forking.acquire()
    _locks.extend(lock for file in [*_files] for lock in file.hold())


def _after_fork() -> None:
    while _locks:
        _locks.pop().release()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
