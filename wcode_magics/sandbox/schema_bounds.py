"""Simplify a JSON Schema for this model: resolve references, bound sizes."""

from collections.abc import Mapping
from typing import Any

LONGEST_STRING = 240
MOST_ITEMS = 8


def resolve(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with local references inlined, for drafting only.

    A recursive reference becomes an empty array, as drafts do not recurse.
    """
    return _resolve(schema, schema, ())


def _resolve(
    schema: Mapping[str, Any], root: Mapping[str, Any], within: tuple[str, ...]
) -> dict[str, Any]:
    found = dict(schema)
    name = found.pop("$ref", None)
    if isinstance(name, str):
        if name in within:
            return {"type": "array", "maxItems": 0}
        within = (*within, name)
        found = {**_target(name, root), **found}
    for part in found.pop("allOf", ()):
        found = {**_resolve(part, root, within), **found}
    for key in ("anyOf", "oneOf"):
        if isinstance(found.get(key), list):
            found[key] = [_resolve(part, root, within) for part in found[key]]
    items = found.get("items")
    if isinstance(items, Mapping):
        if items.get("$ref") in within:
            return {**found, "maxItems": 0}
        found["items"] = _resolve(items, root, within)
    if isinstance(found.get("properties"), Mapping):
        rows = found["properties"].items()
        found["properties"] = {
            key: _resolve(part, root, within)
            for key, part in rows
            if isinstance(part, Mapping)
        }
    return found


def _target(name: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in name.removeprefix("#").strip("/").split("/"):
        if part:
            found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def bound(schema: Any) -> Any:
    """Return a narrower schema with bounded strings and arrays, so answers end."""
    if isinstance(schema, list):
        return [bound(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {k: v if k in _OPAQUE else _bound_named(k, v) for k, v in schema.items()}
    kind = found.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    free = not found.keys() & {"enum", "const", "pattern", "format", "maxLength"}
    if "string" in kinds and free:
        found["maxLength"] = max(LONGEST_STRING, found.get("minLength", 0))
    if "array" in kinds and "maxItems" not in found:
        found["maxItems"] = max(MOST_ITEMS, found.get("minItems", 0))
    return found


def _bound_named(key: str, value: Any) -> Any:
    if key in _NAMED and isinstance(value, Mapping):
        return {name: bound(part) for name, part in value.items()}
    return bound(value)


_OPAQUE = frozenset({"enum", "const", "default", "examples", "required", "description"})
_NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties"})

ANYTHING = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "maxLength": LONGEST_STRING},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {
                "type": "array",
                "items": {
                    "anyOf": [
                        {"type": "string", "maxLength": LONGEST_STRING},
                        {"type": "number"},
                    ]
                },
                "maxItems": MOST_ITEMS,
            },
            {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": LONGEST_STRING},
            },
        ]
    },
}
"""Schema of JSON mode: an object, two levels deep."""
