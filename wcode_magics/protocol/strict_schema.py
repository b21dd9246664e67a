"""Convert a JSON Schema for strict endpoints, and convert answers back.

Strict endpoints require every property to be required, forbid additional properties,
and allow no keyword beside a ``$ref``. An optional property is therefore sent as
nullable, and a null that the original schema does not allow is removed from the answer.
Keywords that a grammar cannot express are not sent; the answer is validated against
the original schema.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wcode_magics.protocol.json_extraction import Digits
from wcode_magics.protocol.schema_patterns import portable
from wcode_magics.protocol.schema_satisfiability import ABSENT, target

DECIMAL = {"type": "string", "format": "decimal"}
"""Alternative to the number of a Decimal, so that its digits may be text."""
_NULL = {"type": "null"}
_KEPT = frozenset({"const", "enum", "examples"})
"""Keywords whose values are data, not schemas."""
_ABOUT = frozenset({"discriminator", "$schema", "$id"})
_LEFT_OUT = _ABOUT | {"default", "examples"}


@dataclass
class Strict:
    """Strict form of a schema, in ``json``; ``patterns`` are those that are not sent.

    ``closed`` is whether all objects forbid additional properties, which strict mode
    requires. With ``whole`` false, properties may stay optional, as in the arguments
    of a tool.
    """

    schema: Mapping[str, Any]
    patterns: list[str] = field(default_factory=list)
    closed: bool = True
    whole: bool = True

    def __post_init__(self) -> None:
        self.json: dict[str, Any] = self._part(self.schema, ())

    def _part(self, part: Any, above: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [self._part(inner, above) for inner in part]
        if not isinstance(part, Mapping):
            return part
        if (only := _only_of(part)) is not None:
            beside = {key: value for key, value in part.items() if key != "allOf"}
            return self._part({**only, **beside}, above)
        if "$ref" in part and set(part) - {"$ref", "$defs"}:
            return self._merged(part, above)
        if _is_decimal(part):
            return self._part(_as_number(part), above)
        made = {
            "anyOf" if key == "oneOf" else key: self._word(key, value, above)
            for key, value in part.items()
            if key not in (_LEFT_OUT if self.whole else _ABOUT)
        }
        if "pattern" in made:
            made |= self._pattern(made.pop("pattern"))
        if not (self.whole and _is_object(made)):
            return made
        return self._object(made, part)

    def _word(self, key: str, value: Any, above: tuple[str, ...]) -> Any:
        if key in _KEPT:
            return value
        if key in {"properties", "$defs", "definitions", "patternProperties"}:
            return {name: self._part(inner, above) for name, inner in value.items()}
        return self._part(value, above)

    def _merged(self, part: Mapping[str, Any], above: tuple[str, ...]) -> Any:
        """Inline a reference that has keywords beside it, and merge these keywords."""
        reference = part["$ref"]
        beside = {key: value for key, value in part.items() if key != "$ref"}
        there = target(self.schema, reference)
        if reference in above or not isinstance(there, Mapping):
            kept = {"$ref": reference}
            return kept | {
                k: self._part(v, above) for k, v in beside.items() if k[0] == "$"
            }
        return self._part({**there, **beside}, (*above, reference))

    def _pattern(self, pattern: Any) -> dict[str, str]:
        spelt = portable(pattern) if isinstance(pattern, str) else None
        if spelt is None:
            self.patterns.append(str(pattern))
            return {}
        return {"pattern": spelt}

    def _object(self, made: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
        inside = made.get("properties")
        if inside is None or made.get("additionalProperties", False) is not False:
            self.closed = False
            return made
        needed = set(part.get("required", ()))
        made["properties"] = {
            name: inner if name in needed else _nullable(inner)
            for name, inner in inside.items()
        }
        beyond = [name for name in part.get("required", ()) if name not in inside]
        made["required"] = [*inside, *beyond]
        made["additionalProperties"] = False
        return made


def _only_of(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the only schema under ``allOf``: Pydantic's form of an annotated $ref."""
    match part.get("allOf"):
        case [Mapping() as only]:
            return only
    return None


def _is_decimal(part: Any) -> bool:
    """Return whether a subschema stands for a Decimal."""
    return isinstance(part, Mapping) and DECIMAL in part.get("anyOf", ())


def read_back(value: Any, schema: Mapping[str, Any]) -> Any:
    """Convert an answer to the strict schema into one to the original schema.

    Removes nulls that stand for omitted properties; turns digits of Decimals into text.
    """
    return _Reading(schema).value(value, [schema])


def misplaced_truth(
    value: Any, validator: Any
) -> tuple[Iterable[str | int], str] | None:
    """Return path and reason of the first disallowed boolean, or None.

    Pydantic would accept it as the number 0 or 1. ``validator`` is jsonschema-rs's.
    """
    if not _holds_truth(value):
        return None
    errors = validator.iter_errors(value)
    wrong = next((one for one in errors if isinstance(one.instance, bool)), None)
    return None if wrong is None else (wrong.instance_path, wrong.message)


def _holds_truth(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_truth, value.values()))
    if isinstance(value, list):
        return any(map(_holds_truth, value))
    return isinstance(value, bool)


class _Reading:
    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._whole = whole

    def value(self, value: Any, parts: list[Any]) -> Any:
        known = [one for part in parts for one in self._branches(part, set())]
        if isinstance(value, Digits):
            return value.text if any(map(_is_decimal, known)) else float(value)
        if isinstance(value, list):
            return [self.value(one, _items(known, n)) for n, one in enumerate(value)]
        if not isinstance(value, dict):
            return value
        return {
            name: self.value(inner, _properties(known, name))
            for name, inner in value.items()
            if inner is not None or not self._is_left_out(name, known)
        }

    def _branches(self, part: Any, seen: set[str]) -> Iterator[Mapping[str, Any]]:
        """Yield a subschema and all that it references or combines."""
        if not isinstance(part, Mapping):
            return
        yield part
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            there = target(self._whole, reference)
            if there is not ABSENT:
                yield from self._branches(there, {*seen, reference})
        for word in ("anyOf", "oneOf", "allOf"):
            for one in part.get(word, ()):
                yield from self._branches(one, seen)

    def _is_left_out(self, name: str, known: list[Mapping[str, Any]]) -> bool:
        """Return whether null can only mean that an optional property is absent."""
        own = [part for part in known if name in part.get("properties", {})]
        needed = any(name in part.get("required", ()) for part in own)
        return (
            bool(own)
            and not needed
            and not any(self._allows_null(part["properties"][name]) for part in own)
        )

    def _allows_null(self, part: Any) -> bool:
        if part is True or part == {}:
            return True
        return any(map(_says_null, self._branches(part, set())))


def _as_number(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the number schema of a Decimal, as models write numbers."""
    beside = {key: value for key, value in part.items() if key != "anyOf"}
    numbers = [one for one in _flat(part) if one.get("type") == "number"]
    return {**(numbers[0] if numbers else {"type": "number"}), **beside}


def _flat(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in part.get("anyOf", ()):
        yield from _flat(one) if "anyOf" in one else [one]


def _says_null(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    plain = not {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"} & set(part)
    listed = None in part.get("enum", ()) or part.get("const", 0) is None
    return (
        plain or listed or kind == "null" or (isinstance(kind, list) and "null" in kind)
    )


def _items(known: list[Mapping[str, Any]], place: int) -> list[Any]:
    first = [part.get("prefixItems", ()) for part in known]
    own = [parts[place] for parts in first if place < len(parts)]
    return own or [part["items"] for part in known if "items" in part]


def _properties(known: list[Mapping[str, Any]], name: str) -> list[Any]:
    own = [p["properties"][name] for p in known if name in p.get("properties", {})]
    return own or [
        part["additionalProperties"] for part in known if "additionalProperties" in part
    ]


def _is_object(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return (
        "properties" in part
        or kind == "object"
        or (isinstance(kind, list) and "object" in kind)
    )


def _nullable(part: Any) -> Any:
    """Return the subschema with null allowed as well."""
    if not isinstance(part, Mapping) or not part or _says_null(part):
        return part
    kind = part.get("type")
    if "anyOf" in part:
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        has = any(isinstance(b, Mapping) and _says_null(b) for b in part["anyOf"])
        return part if has else {**rest, "anyOf": [*part["anyOf"], _NULL]}
    if isinstance(kind, str) and not {"enum", "const"} & set(part):
        return {**part, "type": [kind, "null"]}
    return {"anyOf": [dict(part), _NULL]}
