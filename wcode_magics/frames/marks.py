"""What a table remembers of how its columns were asked for."""

from collections.abc import Mapping
from typing import Any

CALLS = "wcode"
"""Where a result keeps, among its ``attrs``, how each column was asked for."""


def calls_of(frame: Any) -> dict[str, Any]:
    """How the columns of a frame were asked for; empty where something else is."""
    held = getattr(frame, "attrs", {}).get(CALLS)
    return dict(held) if isinstance(held, Mapping) else {}
