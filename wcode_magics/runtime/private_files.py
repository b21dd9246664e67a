"""A person's own files: whole or not there, and for nobody else to read.

Folders and files are made with modes of their own, whatever the umask. Where there is
no home, or it cannot be written to, a private folder of the system's temporary one
stands in for this process, and one line says so.
"""

import contextlib
import functools
import os
import stat
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from wcode_magics.errors import SettingError, tell

if TYPE_CHECKING:
    from filelock import BaseFileLock

FILE_MODE, FOLDER_MODE = 0o600, 0o700
NAME = "wcode-magics"
STORE_VARIABLE = "WCODE_STORE"
TRIES, TRY_S = 20, 0.05
"""Windows does not replace a file that somebody reads just now."""


def make_folder(path: Path) -> None:
    """Make a folder with those above it, private; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)


def write(path: Path, text: str) -> None:
    """Put a private file into a folder, or in the place of one, whole.

    Raises:
        OSError: it cannot be written; what was there stays.
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
    """Rename a file over another, also while that is open on Windows."""
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
    """Hold the system's lock on a file, made if need be, until it is released.

    It ends with the process, however that ends; any thread may release it.

    Raises:
        TimeoutError: somebody else holds it.
        OSError: there can be no such file, or its file system has no locks.
    """
    from filelock import FileLock

    held = FileLock(path, timeout=0, mode=FILE_MODE, thread_local=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without flock the file itself is the lock
        held.acquire()
    return held


def is_open_to_others(path: Path) -> bool:
    """Whether other accounts of this machine may read or write a file."""
    if os.name != "posix":
        return False
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def data_folder() -> Path:
    """Where the store and the conversations are."""
    folder = _at_home("data")
    if folder is None:
        return _stand_in("no_home")
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return folder
    return _stand_in("closed_home", home=there)


def config_folder() -> Path:
    """Where the profiles are."""
    return _at_home("config") or _stand_in("no_home")


def _at_home(kind: str) -> Path | None:
    import platformdirs

    try:
        folder: Path = getattr(platformdirs, f"user_{kind}_path")(NAME)
    except RuntimeError:  # what new versions raise where no home is known
        return None
    return folder if folder.is_absolute() else None  # old ones leave «~»


@functools.cache
def _made() -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{NAME}-"))


@functools.cache
def _stand_in(key: str, **facts: Path) -> Path:
    tell(SettingError(key, folder=_made(), variable=STORE_VARIABLE, **facts))
    return _made()
