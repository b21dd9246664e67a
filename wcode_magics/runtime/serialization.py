"""Conversion of frozen values to plain dicts and back."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

_JSON = frozenset({str, int, float, bool})
"""Most values by far: they are the same in JSON."""


class Value:
    """Base class of values that convert to and from plain dicts.

    Unknown fields are refused. Most values are dataclasses. One of which an answer or
    a table has thousands, and that can be in no cycle, is a struct (``gc=False``): it
    is made in a tenth of the time, and the garbage collector does not walk it.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set (not None, not empty), as JSON-ready data."""
        kind: Any = type(self)
        return plain_fields(self, kind.__match_args__)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a value from :meth:`to_dict`; raises TypeError on an unknown field."""
        return cls(**data)


def plain_fields(value: Value, names: Iterable[str]) -> dict[str, Any]:
    """Return some fields, those of them that are set, as JSON-ready data."""
    plain = {}
    for name in names:
        held = getattr(value, name)
        if type(held) in _JSON:
            plain[name] = held
        elif held is not None and held != ():
            plain[name] = _plain(held)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return list(value)
    return value
