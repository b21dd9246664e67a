"""Private files of the user: written atomically, readable by no other account.

Files and folders are created with explicit modes, regardless of the umask. If there is
no home directory, or it is not writable, a private temporary folder is used for this
process, and one line reports it.
"""

import contextlib
import errno
import functools
import os
import stat
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from wcode_magics.errors import SettingError, print_error

if TYPE_CHECKING:
    from filelock import BaseFileLock

FILE_MODE, FOLDER_MODE = 0o600, 0o700
NAME = "wcode-magics"
STORE_VARIABLE = "WCODE_STORE"
TRIES, TRY_S = 20, 0.05
"""Attempts and seconds between them: Windows cannot replace a file being read."""


def make_folder(path: Path) -> None:
    """Create a private folder and its parents, if missing; raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)


def write(path: Path, text: str) -> None:
    """Write a private file atomically, replacing an existing one.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    handle, name = tempfile.mkstemp(".new", f".{path.name[:40]}.", path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as fresh:
            fresh.write(text)
        replace(Path(name), path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def replace(fresh: Path, path: Path) -> None:
    """Rename a file over another, retrying while the other is open on Windows."""
    for left in reversed(range(TRIES)):
        try:
            fresh.replace(path)
        except PermissionError:
            if os.name != "nt" or not left:
                raise
            time.sleep(TRY_S)
        else:
            return


def lock(path: Path) -> "BaseFileLock":
    """Acquire the operating system's lock on a file, created if needed.

    The lock is held until released or until the process ends; any thread may release
    it.

    Raises:
        TimeoutError: the lock is already held.
        OSError: the file cannot be created, or its file system has no locks.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without flock the file itself is the lock
        from filelock import FileLock, SoftFileLock

        kind: type[BaseFileLock] = FileLock if _has_locks(path.parent) else SoftFileLock
        held = kind(path, timeout=0, mode=FILE_MODE, thread_local=False)
        held.acquire()
    return held


def _has_locks(folder: Path) -> bool:
    """Return whether the file system of a folder locks files.

    Before 4.1 filelock removes another's file when it finds that out by itself.
    """
    if os.name == "nt":
        return True
    try:
        import fcntl

        with tempfile.TemporaryFile(dir=folder) as probe:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return False
    except OSError as wrong:
        return wrong.errno not in {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}
    return True


def is_open_to_others(path: Path) -> bool:
    """Return whether other accounts of this machine may read or write a file."""
    if os.name != "posix":
        return False
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def data_folder() -> Path:
    """Return the folder of the store and the conversations."""
    folder = _at_home("data")
    if folder is None:
        return _stand_in("no_home")
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return folder
    return _stand_in("closed_home", home=there)


def config_folder() -> Path:
    """Return the folder of the profiles."""
    return _at_home("config") or _stand_in("no_home")


def _at_home(kind: str) -> Path | None:
    import platformdirs

    try:
        folder: Path = getattr(platformdirs, f"user_{kind}_path")(NAME)
    except RuntimeError:  # newer versions, if no home is known
        return None
    return folder if folder.is_absolute() else None  # older ones keep «~»


@functools.cache
def _made() -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{NAME}-"))


@functools.cache
def _stand_in(key: str, **facts: Path) -> Path:
    print_error(SettingError(key, folder=_made(), variable=STORE_VARIABLE, **facts))
    return _made()
