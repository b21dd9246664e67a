"""Probes of endpoints: the newest of each model at each endpoint.

A store of an earlier version that is open for reading only has no such table.
"""

from wcode_magics.protocol.probe import Probe
from wcode_magics.store.checksum import encode
from wcode_magics.store.file import File
from wcode_magics.store.row import decode

_KEEP = "INSERT OR REPLACE INTO probes (base_url, model, probe) VALUES (?, ?, ?)"
_FIND = "SELECT probe FROM probes WHERE base_url = ? AND model = ?"
_THERE = "SELECT count(*) FROM sqlite_master WHERE name = 'probes'"


def keep(file: File, probe: Probe) -> None:
    """Keep a probe instead of an earlier one; raises StoreError."""
    row = (probe.place, probe.model, encode(probe.to_dict()))
    file.commit({_KEEP: [row]})


def find(file: File, place: str, model: str) -> Probe | None:
    """Return the probe of a model at an endpoint, or None.

    Raises:
        StoreError: the store cannot be read.
        ValueError: the probe does not match its checksum.
    """
    if not file.select(_THERE)[0][0]:
        return None
    rows = file.select(_FIND, (place, model))
    return next((Probe.from_dict(decode(data)) for (data,) in rows), None)
