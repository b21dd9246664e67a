"""Where a store lies: one whole path, whatever folder the process goes to later."""

import os
from pathlib import Path

from wcode_magics.errors import StoreError


def located(said: str | Path) -> Path:
    """The absolute path of what a person said, ``~`` their home.

    Raises:
        StoreError: no file can have such a path.
    """
    try:
        path = Path(said).expanduser()
    except RuntimeError:
        raise StoreError("store.homeless", path=said) from None
    if "\0" in str(path) or not _is_name(path):
        told = str(path).encode("unicode_escape").decode()
        raise StoreError("store.unnameable", path=told)
    try:
        return path.absolute()
    except OSError as wrong:
        raise StoreError("store.failed", path=path, reason=str(wrong)) from wrong


def _is_name(path: Path) -> bool:
    try:
        return bool(os.fsencode(path))
    except UnicodeEncodeError:
        return False
