"""A JSON schema as this model can follow it: references resolved, sizes bounded."""

from collections.abc import Mapping
from typing import Any

LONGEST_STRING = 240
MOST_ITEMS = 8
MOST_PROPERTIES = 8
_DEEPEST = 6


def resolve(
    schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, depth: int = 0
) -> dict[str, Any]:
    """Return a schema with local references put in place, for reading only."""
    root = schema if root is None else root
    found = dict(schema)
    if isinstance(found.get("$ref"), str):
        target: Any = root
        for part in found.pop("$ref").lstrip("#/").split("/"):
            target = (
                target.get(part, {}) if part and isinstance(target, Mapping) else target
            )
        found = {**target, **found}
        if depth > _DEEPEST:
            return {"type": found.get("type", "null")}
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(found.get(key), list):
            found[key] = [resolve(part, root, depth + 1) for part in found[key]]
    if isinstance(found.get("allOf"), list):
        for part in found.pop("allOf"):
            found = {**part, **found}
    if isinstance(found.get("items"), Mapping):
        found["items"] = resolve(found["items"], root, depth + 1)
    if isinstance(found.get("properties"), Mapping):
        rows = found["properties"].items()
        found["properties"] = {
            key: resolve(part, root, depth + 1)
            for key, part in rows
            if isinstance(part, Mapping)
        }
    return found


def bound(schema: Any) -> Any:
    """Return a narrower schema: no endless strings or arrays, so answers end."""
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
"""What JSON mode allows without a schema: an object, two levels deep."""
