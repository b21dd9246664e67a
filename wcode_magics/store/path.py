"""Path of a store: normalization, and checks whether its file is still the same."""

import functools
import os
from pathlib import Path

from wcode_magics.errors import StoreError, mistyped, print_error
from wcode_magics.runtime.private_files import is_open_to_others


def located(named: str | Path) -> Path:
    """Return the absolute path of a user's input; ``~`` is the home folder.

    Raises:
        StoreError: no file can have such a path.
    """
    if not isinstance(named, str | os.PathLike):
        raise mistyped("path", named, "path")
    try:
        path = Path(named).expanduser()
    except RuntimeError:
        raise StoreError("store.homeless", path=named) from None
    if "\0" in str(path) or not _is_name(path):
        shown = str(path).encode("unicode_escape").decode()
        raise StoreError("store.unnameable", path=shown)
    try:
        return path.absolute()
    except OSError as wrong:
        raise StoreError("store.failed", path=path, reason=wrong) from wrong


def _is_name(path: Path) -> bool:
    try:
        return bool(os.fsencode(path))
    except UnicodeEncodeError:
        return False


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file at a path; None if there is none.

    Uses stat and never opens the file: closing any descriptor of a file drops all locks
    that this process holds on it, SQLite's among them.
    """
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return there.st_dev, there.st_ino


def side_files(path: Path) -> tuple[Path, Path]:
    """Return SQLite's journal beside a file, and the journal's index."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def sweep(path: Path, journal: tuple[int, int] | None) -> None:
    """Remove the ``journal`` of the replaced file, if it is still beside the new one.

    SQLite would otherwise apply it to the new file and write old pages into that.
    """
    left, index = side_files(path)
    if journal is not None and identity(left) == journal:
        left.unlink()
        index.unlink(missing_ok=True)


def warn_if_open(path: Path) -> None:
    """Warn once if other accounts of this machine may read or write the file."""
    if is_open_to_others(path):
        _warn_open(path)


@functools.cache
def _warn_open(path: Path) -> None:
    print_error(StoreError("store.open_to_others", path=path))
