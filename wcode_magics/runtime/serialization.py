"""Conversion of frozen values to plain dicts and back.

Dicts come from files that may be damaged, or another's: types are checked.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

_JSON = frozenset({str, int, float, bool})
"""Most values by far: they are the same in JSON."""


class Value:
    """Base class of values that convert to and from plain dicts.

    Unknown fields are refused, and plain ones of another type. Most values are
    dataclasses. One of which an answer or a table has thousands, and that can be in no
    cycle, is a struct (``gc=False``): it is made in a tenth of the time, and the
    garbage collector does not walk it.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set (not None, not empty), as JSON-ready data."""
        kind: Any = type(self)
        return plain_fields(self, kind.__match_args__)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a value from :meth:`to_dict`.

        Raises:
            TypeError: a field is unknown, or of another type.
        """
        return cls(**checked(cls, data))


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


def checked(kind: type[Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a value if the plain ones have their types.

    Raises:
        TypeError: one has not.
    """
    plain: Any = kind
    types = _plain_types(plain)
    for name, value in data.items():
        allowed, given = types.get(name), type(value)
        if allowed is None or given in allowed:
            continue
        if given is bool or not issubclass(given, allowed):  # a bool is an int
            raise TypeError(f"{name}: {given.__name__}")
    return data


@cache
def _plain_types(kind: type[Any]) -> dict[str, tuple[type, ...]]:
    """Return the types of the fields that are the same in JSON, by name."""
    hints = get_type_hints(kind).items()
    found = {name: _types(hint) for name, hint in hints}
    return {name: types for name, types in found.items() if types}


def _types(hint: Any) -> tuple[type, ...]:
    """Return the types of a plain hint; none for any other."""
    if get_origin(hint) is Literal:
        return (str,)
    if get_origin(hint) in (Union, UnionType):
        parts = [_types(part) for part in get_args(hint)]
        return tuple(one for part in parts for one in part) if all(parts) else ()
    if hint is float:
        return (float, int)
    return (hint,) if hint in _JSON or hint is NoneType else ()


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return list(value)
    return value
