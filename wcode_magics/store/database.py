"""SQLite file of the store: creation, validation, migration, error translation.

The only module that imports sqlite3. The file is in WAL mode, so that several kernels
can share it; on a network file system it uses a rollback journal, so that kernels on
several hosts can. A foreign, newer or damaged file is never written to.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from wcode_magics.errors import StoreError
from wcode_magics.runtime.private_files import FILE_MODE, make_folder
from wcode_magics.store.checksum import sealed
from wcode_magics.store.file_system import Magic, is_shared, magic_of
from wcode_magics.store.path import side_files

Connection = sqlite3.Connection

APPLICATION_ID = 0x57434F44  # "WCOD", at byte 68 of the file


def _lay_answers(db: Connection) -> None:
    db.execute(
        """CREATE TABLE answers (
            id INTEGER PRIMARY KEY,
            hash TEXT NOT NULL,
            base_url TEXT NOT NULL,
            time REAL NOT NULL,
            model TEXT NOT NULL,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            cost REAL,
            whole INTEGER NOT NULL,
            request BLOB NOT NULL,
            reply BLOB NOT NULL
        )"""
    )
    db.execute("CREATE INDEX answers_hash ON answers (hash)")
    db.execute("CREATE INDEX answers_time ON answers (time)")


def _seal_answers(db: Connection) -> None:
    """Add a checksum to each record, and to each answer the time it was received."""
    db.create_function("sealed", 3, sealed, deterministic=True)
    db.execute(
        "UPDATE answers SET request = sealed(request, '', NULL), "
        "reply = sealed(reply, hash, time)"
    )


def _lay_images(db: Connection) -> None:
    db.execute("CREATE TABLE images (digest TEXT PRIMARY KEY, data BLOB NOT NULL)")
    db.execute(
        """CREATE TABLE image_uses (
            request TEXT NOT NULL,
            digest TEXT NOT NULL,
            PRIMARY KEY (request, digest)
        ) WITHOUT ROWID"""
    )


def _add_currencies(db: Connection) -> None:
    """Add the currency of each cost, and what endpoints list of their models."""
    db.execute("ALTER TABLE answers ADD COLUMN currency TEXT NOT NULL DEFAULT 'CNY'")
    db.execute(
        "CREATE TABLE model_lists (base_url TEXT PRIMARY KEY, time REAL NOT NULL, "
        "models BLOB NOT NULL) WITHOUT ROWID"
    )


def _lay_probes(db: Connection) -> None:
    db.execute(
        """CREATE TABLE probes (
            base_url TEXT NOT NULL,
            model TEXT NOT NULL,
            probe BLOB NOT NULL,
            PRIMARY KEY (base_url, model)
        )"""
    )


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _lay_answers,
    _seal_answers,
    _lay_images,
    _add_currencies,
    _lay_probes,
)
CURRENCIES = 4
"""First version with currencies and model lists; a file of an earlier one that is
only read has none."""
_ODD = (
    "SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index') "
    "OR sql LIKE 'CREATE VIRTUAL%'"
)
"""Counts objects that can run code from the file: views, triggers, virtual tables."""
LONGEST = 128 * 1024 * 1024
"""Maximum size of one value in bytes; no answer comes near."""
_FAULTS = (
    ("SQLITE_BUSY", "store.locked"),
    ("SQLITE_LOCKED", "store.locked"),
    ("SQLITE_FULL", "store.full"),
    ("SQLITE_READONLY", "store.readonly"),
    ("SQLITE_NOTADB", "store.foreign"),
    ("SQLITE_CORRUPT", "store.damaged"),
)

OF_A_ROW = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
)
"""Errors caused by a row that the file cannot hold, not by the file."""


def open_file(path: Path, patience: float, magic: Magic = magic_of) -> Connection:
    """Open the file for reading and writing, creating it with mode 0600 if missing.

    ``patience`` is the time in seconds to wait for another process that is writing;
    ``magic`` identifies the file system.

    Raises:
        StoreError: the file is foreign, newer, damaged or locked, or cannot be opened.
    """
    with faults(path):
        make_folder(path.parent)
        _make(path)
        db = _connection(f"{path.absolute().as_uri()}?mode=rw", patience)
        try:
            _recognise(db, path)
            _migrate(db)
            _use_journal(db, "DELETE" if is_shared(path, magic) else "WAL")
        except BaseException:
            db.close()
            raise
        return db


def open_readonly(path: Path, patience: float) -> Connection:
    """Open the file for reading, even in a folder where no side file can be created.

    Raises:
        StoreError: the file is missing or empty; else as :func:`open_file`.
    """
    with faults(path):
        if not path.is_file() or not path.stat().st_size:
            raise StoreError("store.missing", path=path)
        fixed = not side_files(path)[0].exists() and not os.access(path.parent, os.W_OK)
        where = f"{path.absolute().as_uri()}?mode=ro&immutable={int(fixed)}"
        db = _connection(where, patience)
        try:
            _recognise(db, path)
        except BaseException:
            db.close()
            raise
        return db


def finish(db: Connection) -> None:
    """Checkpoint the journal into the file, if possible, and close the connection."""
    with contextlib.suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint").fetchall()
    db.close()


class Extent(NamedTuple):
    """Bytes of a file that hold data, and those that are free in it."""

    used: int
    free: int


def extent_of(db: Connection) -> Extent:
    """Measure a file, its journal included."""
    whole, free, page = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return Extent((whole - free) * page, free * page)


def _make(path: Path) -> None:
    """Create the file if it is missing; never open an existing one.

    Closing any descriptor of a file drops all locks that this process holds on it,
    SQLite's among them, and another process could then lock the file.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))


def _connection(where: str, patience: float) -> Connection:
    db = sqlite3.connect(
        where,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def _recognise(db: Connection, path: Path) -> None:
    """Raise StoreError for a foreign, odd or newer file.

    Reads in one transaction, since another process may be creating the file.
    """
    db.execute("BEGIN")
    mark = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    odd = db.execute(_ODD).fetchone()[0]
    version = _version(db)
    db.execute("COMMIT")
    if odd:
        raise StoreError("store.foreign", path=path)
    if mark != APPLICATION_ID and (mark or tables):
        raise StoreError("store.foreign", path=path)
    if version > len(MIGRATIONS):
        raise StoreError("store.newer", path=path)


def has_currencies(db: Connection) -> bool:
    """Return whether a file is of version :data:`CURRENCIES` or later."""
    return _version(db) >= CURRENCIES


def _version(db: Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: Connection) -> None:
    if _version(db) < len(MIGRATIONS):
        db.execute("BEGIN IMMEDIATE")
        for migrate in MIGRATIONS[_version(db) :]:
            migrate(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")


def _use_journal(db: Connection, mode: str) -> None:
    with contextlib.suppress(sqlite3.OperationalError):  # another kernel sets it
        db.execute(f"PRAGMA journal_mode={mode}")
    if mode == "WAL":  # with a rollback journal, NORMAL risks loss at power failure
        db.execute("PRAGMA synchronous=NORMAL")


@contextlib.contextmanager
def faults(path: Path, unless: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Translate errors of SQLite and the system to StoreError, except ``unless``."""
    try:
        yield
    except unless:
        raise
    except UnicodeDecodeError as wrong:  # raised by SQLite for a damaged name
        raise StoreError("store.damaged", path=path, reason=wrong.reason) from wrong
    except (sqlite3.Error, OSError, OverflowError) as wrong:
        name = getattr(wrong, "sqlite_errorname", "")
        keys = (key for start, key in _FAULTS if name.startswith(start))
        key = next(keys, "store.failed")
        raise StoreError(key, path=path, reason=wrong) from wrong


def lacks_room(wrong: BaseException) -> bool:
    """Return whether a file could not grow: disk full, quota or process limit.

    ``wrong`` is SQLite's error, or the StoreError raised from it.
    """
    cause = wrong.__cause__ if isinstance(wrong, StoreError) else wrong
    return getattr(cause, "sqlite_errorname", "").startswith(
        ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
    )


@contextlib.contextmanager
def if_there_is_room() -> Iterator[None]:
    """Suppress disk-full errors raised inside; all others propagate."""
    try:
        yield
    except sqlite3.OperationalError as wrong:
        if wrong.sqlite_errorname != "SQLITE_FULL":
            raise
