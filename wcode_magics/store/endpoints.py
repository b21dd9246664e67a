"""What is kept of endpoints: the newest probe of each model, the last list of models.

A store of an earlier version that is open for reading only lacks their tables.
"""

import time
from typing import Any

from wcode_magics.protocol.probe import Probe
from wcode_magics.store.checksum import encode
from wcode_magics.store.database import CURRENCIES
from wcode_magics.store.file import File
from wcode_magics.store.row import decode

_KEEP_PROBE = "INSERT OR REPLACE INTO probes (base_url, model, probe) VALUES (?, ?, ?)"
_FIND_PROBE = "SELECT probe FROM probes WHERE base_url = ? AND model = ?"
_HAS_PROBES = "SELECT count(*) FROM sqlite_master WHERE name = 'probes'"
_KEEP_LIST = (
    "INSERT OR REPLACE INTO model_lists (base_url, time, models) VALUES (?,?,?)"
)
_FIND_LIST = "SELECT time, models FROM model_lists WHERE base_url = ?"


def keep_probe(file: File, probe: Probe) -> None:
    """Keep a probe instead of an earlier one; raises StoreError."""
    row = (probe.place, probe.model, encode(probe.to_dict()))
    file.commit({_KEEP_PROBE: [row]})


def find_probe(file: File, place: str, model: str) -> Probe | None:
    """Return the probe of a model at an endpoint, or None.

    Raises:
        StoreError: the store cannot be read.
        ValueError: the probe does not match its checksum.
    """
    if not file.select(_HAS_PROBES)[0][0]:
        return None
    rows = file.select(_FIND_PROBE, (place, model))
    return next((Probe.from_dict(decode(data)) for (data,) in rows), None)


def keep_list(file: File, base_url: str, models: list[dict[str, Any]]) -> None:
    """Keep an endpoint's list instead of its former one; raises StoreError."""
    row = (base_url, round(time.time(), 6), encode({"models": models}))
    file.commit({_KEEP_LIST: [row]})


def find_list(file: File, base_url: str) -> tuple[float, list[dict[str, Any]]] | None:
    """Return when an endpoint last listed its models, and what; None if never.

    Raises as :func:`find_probe`.
    """
    if not has_currencies(file):
        return None
    rows = file.select(_FIND_LIST, (base_url,))
    return next(((moment, decode(data)["models"]) for moment, data in rows), None)


def has_currencies(file: File) -> bool:
    """Return whether a file is of version :data:`CURRENCIES` or later."""
    [[version]] = file.select("PRAGMA user_version")
    return int(version) >= CURRENCIES
