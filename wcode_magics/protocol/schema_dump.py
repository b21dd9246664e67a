"""Dump a validated value to JSON data that follows the requested schema.

Each field has the name it has in the schema that was sent, whatever alias that is, and
the value that the validators returned. Serializers and exclusions of the type are
meant for other output and are ignored.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

Names = Mapping[Any, Mapping[str, str]]
"""Names of fields in the schema, by class and field."""

_DATA = {"metadata", "default", "expected", "serialization", "config"}
_SCALARS = frozenset({bool, int, float, str})
_WHOLE = {"model", "dataclass"}


def names_of(core: Any) -> Names:
    """Return the schema names of the fields of each class in a pydantic core schema."""
    return dict(_classes(core, None))


def bare(value: Any, names: Names) -> Any:
    """Convert to dicts, lists and scalars; raises as pydantic does if it cannot."""
    if value is None or type(value) in _SCALARS:
        return value
    if isinstance(value, Enum):
        return bare(value.value, names)
    if hasattr(value, "get_secret_value"):
        return bare(value.get_secret_value(), names)
    if isinstance(value, Mapping):
        return {_key(key, names): bare(inner, names) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [bare(inner, names) for inner in value]
    return _object(value, names)


def _object(value: Any, names: Names) -> Any:
    from pydantic import BaseModel, RootModel

    if isinstance(value, RootModel):
        return bare(value.root, names)
    if isinstance(value, BaseModel):
        own, fields = vars(value), type(value).model_fields
        values = {name: own[name] for name in fields if name in own}
        values |= value.model_extra or {}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        known = (field.name for field in dataclasses.fields(value))
        values = {name: getattr(value, name) for name in known if hasattr(value, name)}
    else:
        return _anything().dump_python(value, mode="json")
    aliases = names.get(type(value), {})
    return {
        aliases.get(name, name): bare(inner, names) for name, inner in values.items()
    }


@cache
def _anything() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Any)


def _key(key: Any, names: Names) -> str:
    return key if type(key) is str else str(bare(key, names))


def _classes(part: Any, owner: Any) -> Iterator[tuple[Any, Mapping[str, str]]]:
    if isinstance(part, list | tuple):
        for inner in part:
            yield from _classes(inner, owner)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if kind in _WHOLE:
        owner = part["cls"]
    elif kind == "model-fields":
        yield owner, {name: _name(name, one) for name, one in part["fields"].items()}
    elif kind == "dataclass-args":
        yield owner, {one["name"]: _name(one["name"], one) for one in part["fields"]}
    for key, inner in part.items():
        if key not in _DATA:
            yield from _classes(inner, owner)


def _name(name: str, field: Mapping[str, Any]) -> str:
    """Return the name in the schema: the first alias that is not a path."""
    alias = field.get("validation_alias", name)
    paths = alias if isinstance(alias, list) else [[alias]]
    plain = (path[0] for path in paths if isinstance(path, list) and len(path) == 1)
    return next((first for first in plain if isinstance(first, str)), name)
