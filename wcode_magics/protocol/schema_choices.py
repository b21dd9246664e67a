"""Find the values that a JSON Schema allows at a path, if they are finitely many."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wcode_magics.protocol.schema_satisfiability import target

DEEP = 40
"""Maximum depth of references and unions that are followed."""


def choices_at(response_format: Any, steps: Sequence[str | int]) -> tuple[Any, ...]:
    """Return the JSON values that a ``response_format`` allows at a path.

    ``enum``, ``const``, booleans and null are finite choices, also within ``anyOf``;
    empty if another value is allowed, or nothing is known.
    """
    schema = response_format
    for name in ("json_schema", "schema"):
        schema = schema.get(name) if isinstance(schema, Mapping) else None
    parts = list(_parts(schema, schema))
    for step in steps:
        parts = [one for part in parts for one in _inside(schema, part, step)]
    found: dict[str, Any] = {}
    for part in parts:
        values = _values(part)
        if values is None:
            return ()
        found.update((repr(value), value) for value in values)
    return tuple(found.values())


def _parts(whole: Any, part: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the subschemas that a value may match, without references and unions."""
    if not isinstance(part, Mapping) or depth > DEEP:
        yield {}
    elif "$ref" in part:
        yield from _parts(whole, target(whole, str(part["$ref"])), depth + 1)
    elif len(part.get("allOf", ())) == 1:
        yield from _parts(whole, part["allOf"][0], depth + 1)
    elif part.get("anyOf") or part.get("oneOf"):
        for option in part.get("anyOf") or part["oneOf"]:
            yield from _parts(whole, option, depth + 1)
    else:
        yield part


def _inside(whole: Any, part: Any, step: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(step, str):
        inner = part.get("properties", {}).get(step)
    else:
        first = part.get("prefixItems", [])
        inner = first[step] if step < len(first) else part.get("items")
    if inner is not None:
        yield from _parts(whole, inner)


def _values(part: Mapping[str, Any]) -> list[Any] | None:
    """Return the values of a subschema; None if they are not finitely many."""
    if "enum" in part:
        return [value for value in part["enum"] if not isinstance(value, list | dict)]
    if "const" in part:
        return [part["const"]]
    kinds = part.get("type")
    known: dict[Any, list[Any]] = {"boolean": [True, False], "null": [None]}
    found: list[Any] = []
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in known:
            return None
        found += known[kind]
    return found
