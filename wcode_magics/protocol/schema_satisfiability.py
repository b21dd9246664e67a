"""Find a part of a JSON Schema that no value can satisfy.

Only certain flaws are reported: bounds that exclude each other, an empty choice, an
object that must contain itself. Keywords that would need a search (patterns, ``not``,
``multipleOf``) are assumed satisfiable. An array may be empty, so an object may contain
arrays of itself; but an unsatisfiable ``items`` is a mistake and is reported.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

ABSENT: Any = object()
_Above = tuple[str, ...]
_KINDS = ("string", "number", "integer", "array", "object", "null", "boolean")
_KIND_OF_KEYWORD = {
    "properties": "object",
    "minProperties": "object",
    "items": "array",
    "minItems": "array",
    "minLength": "string",
    "minimum": "number",
    "exclusiveMinimum": "number",
}
"""Keywords that imply the type if there is no ``type``."""
_COUNTS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


class Flaw(NamedTuple):
    """Unsatisfiable subschema; ``endless``: because it must contain itself."""

    path: str
    reason: str
    endless: bool = False


def flaw_of(schema: Any) -> Flaw | None:
    """Return a part of the schema that no value can satisfy, or None."""
    return _Search(schema).part(schema, "$", ())


def target(schema: Any, reference: str) -> Any:
    """Resolve a reference such as ``#/$defs/a``; :data:`ABSENT` if it dangles."""
    for step in reference.removeprefix("#").split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdigit() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, Mapping) and name in schema:
            schema = schema[name]
        else:
            return ABSENT
    return schema


class _Search:
    """Search in one schema; visits each satisfiable reference only once."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._met: set[str] = set()

    def part(self, part: Any, path: str, above: _Above) -> Flaw | None:
        if part is False:
            return Flaw(path, "false")
        if not isinstance(part, Mapping):
            return None
        if part.get("enum") == []:
            return Flaw(path, "enum []")
        return (
            self._referred(part, path, above)
            or self._first(part.get("allOf", ()), path, above)
            or _shared(self.part(one, path, above) for one in part.get("anyOf", ()))
            or _shared(self.part(one, path, above) for one in part.get("oneOf", ()))
            or self._kinds(part, path, above)
        )

    def _referred(
        self, part: Mapping[str, Any], path: str, above: _Above
    ) -> Flaw | None:
        reference = part.get("$ref")
        if not isinstance(reference, str) or reference in self._met:
            return None
        if reference in above:
            return Flaw(path, f"{reference} ∋ {reference}", endless=True)
        if reference != "#" and not reference.startswith("#/"):
            return None
        found = self.part(target(self._whole, reference), path, (*above, reference))
        if found is None:
            self._met.add(reference)
        return found

    def _first(self, parts: Iterable[Any], path: str, above: _Above) -> Flaw | None:
        found = (self.part(one, path, above) for one in parts)
        return next((flaw for flaw in found if flaw), None)

    def _kinds(self, part: Mapping[str, Any], path: str, above: _Above) -> Flaw | None:
        implied = {kind for word, kind in _KIND_OF_KEYWORD.items() if word in part}
        kinds = part.get("type", implied or _KINDS)
        listed = [kinds] if isinstance(kinds, str) else kinds
        return _shared(self._kind(kind, part, path, above) for kind in listed)

    def _kind(
        self, kind: str, part: Mapping[str, Any], path: str, above: _Above
    ) -> Flaw | None:
        if kind in {"number", "integer"}:
            return _bounds(part, path, whole=kind == "integer")
        if kind in _COUNTS:
            low, high = _COUNTS[kind]
            if part.get(low, 0) > part.get(high, math.inf):
                return Flaw(path, f"{low} {part[low]} > {high} {part[high]}")
        if kind == "array":
            return self._array(part, path, above)
        return self._object(part, path, above) if kind == "object" else None

    def _array(self, part: Mapping[str, Any], path: str, above: _Above) -> Flaw | None:
        least, first = int(part.get("minItems", 0)), part.get("prefixItems", [])
        for number, one in enumerate(first[:least]):
            flaw = self.part(one, f"{path}[{number}]", above)
            if flaw:
                return flaw
        flaw = self.part(part.get("items", True), f"{path}[{len(first)}]", above)
        slip = flaw and not flaw.endless and part["items"] is not False
        return flaw if slip or least > len(first) else None

    def _object(self, part: Mapping[str, Any], path: str, above: _Above) -> Flaw | None:
        inside, others = part.get("properties", {}), part.get("additionalProperties")
        for name in part.get("required", ()):
            within = f"{path}.{name}"
            if name in inside:
                flaw = self.part(inside[name], within, above)
            elif part.get("patternProperties"):
                flaw = None
            elif others is False:
                flaw = Flaw(path, f"required {name}")
            else:
                flaw = self.part(others, within, above)
            if flaw:
                return flaw
        return None


def _bounds(part: Mapping[str, Any], path: str, *, whole: bool) -> Flaw | None:
    """Return the flaw of a range without any number, or any integer if ``whole``."""
    lows = [(part[n], n) for n in ("minimum", "exclusiveMinimum") if n in part]
    highs = [(-part[n], n) for n in ("maximum", "exclusiveMaximum") if n in part]
    if not lows or not highs:
        return None
    (low, least), (high, most) = max(lows, key=_strict), max(highs, key=_strict)
    beyond = least.startswith("exclusive"), most.startswith("exclusive")
    empty = low > -high or (low == -high and any(beyond))
    if whole:
        empty = empty or _next(low, beyond=beyond[0]) > -_next(high, beyond=beyond[1])
    sign = " >" if low > -high else ","
    return Flaw(path, f"{least} {low}{sign} {most} {-high}") if empty else None


def _strict(bound: tuple[float, str]) -> tuple[float, bool]:
    return bound[0], bound[1].startswith("exclusive")


def _next(low: float, *, beyond: bool) -> float:
    """Return the least integer from ``low`` on, or greater than it if ``beyond``."""
    if isinstance(low, float) and not math.isfinite(low):
        return low
    return math.floor(low) + 1 if beyond else math.ceil(low)


def _shared(flaws: Iterable[Flaw | None]) -> Flaw | None:
    """Return a flaw, not an endless one if possible, if all alternatives have one."""
    found = []
    for flaw in flaws:
        if flaw is None:
            return None
        found.append(flaw)
    return min(found, key=lambda flaw: flaw.endless, default=None)
