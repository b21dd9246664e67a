"""What endpoints list of their models, kept with the time it was listed.

A store of an earlier version that is open for reading only has no such table.
"""

import time
from typing import Any

from wcode_magics.store.checksum import encode
from wcode_magics.store.database import CURRENCIES
from wcode_magics.store.file import File
from wcode_magics.store.row import decode

_KEEP = "INSERT OR REPLACE INTO model_lists (base_url, time, models) VALUES (?,?,?)"
_FIND = "SELECT time, models FROM model_lists WHERE base_url = ?"


def keep(file: File, base_url: str, models: list[dict[str, Any]]) -> None:
    """Keep an endpoint's list instead of its former one; raises StoreError."""
    row = (base_url, round(time.time(), 6), encode({"models": models}))
    file.commit({_KEEP: [row]})


def find(file: File, base_url: str) -> tuple[float, list[dict[str, Any]]] | None:
    """Return when an endpoint last listed its models, and what; None if never.

    Raises:
        StoreError: the store cannot be read.
        ValueError: the list does not match its checksum.
    """
    if not has_currencies(file):
        return None
    rows = file.select(_FIND, (base_url,))
    return next(((moment, decode(data)["models"]) for moment, data in rows), None)


def has_currencies(file: File) -> bool:
    """Return whether a file is of version :data:`CURRENCIES` or later."""
    [[version]] = file.select("PRAGMA user_version")
    return int(version) >= CURRENCIES
