"""Conversion of frozen values to plain dicts and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self


class Value:
    """Base class of values that convert to and from plain dicts.

    Unknown fields are refused.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set (not None, not empty), as JSON-ready data."""
        pairs = ((f.name, getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return {k: _plain(v) for k, v in pairs if v is not None and v != ()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a value from :meth:`to_dict`; raises TypeError on an unknown field."""
        return cls(**data)


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return list(value)
    return value
