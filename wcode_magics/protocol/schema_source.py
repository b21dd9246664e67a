"""Schema of a structured answer, created from any of the supported forms.

A pydantic model, dataclass, TypedDict, Enum, Literal or any other type; a JSON
Schema; or ``{"name": "type"}``, where a type is a word (``str``, ``int``, ``float``,
``bool``, ``date``, ``datetime``, ``list[str]``, ``int | None``), a type, or a list of
choices. Types are handled by pydantic, JSON Schemas by jsonschema-rs; both are imported
when a schema is created.
"""

import datetime as dt
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from wcode_magics.errors import UsageError
from wcode_magics.protocol.json_extraction import parsed, where_invalid
from wcode_magics.protocol.parameters import hint
from wcode_magics.protocol.schema import Schema, compiled, path_of
from wcode_magics.protocol.schema_satisfiability import ABSENT, flaw_of, target
from wcode_magics.protocol.strict_schema import DECIMAL
from wcode_magics.runtime import imports

WORDS: dict[str, Any] = {
    "str": str,
    "text": str,
    "string": str,
    "int": int,
    "integer": int,
    "float": float,
    "number": float,
    "bool": bool,
    "boolean": bool,
    "date": dt.date,
    "datetime": dt.datetime,
    "list": list[Any],
    "dict": dict[str, Any],
    "any": Any,
    "None": None,
}
_JSON_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
_JSON_WORDS = {"properties", "$ref", "anyOf", "oneOf", "allOf", "const", "$schema"}
_NO_TYPE = re.compile(r"Unable to generate pydantic-core schema for (.{1,200}?)\. Set ")
_EXAMPLES = {"const", "default", "enum", "examples"}
_NAME = "answer"


def schema_of(thing: Any) -> Schema:
    """Create a schema from any of the forms in the module docstring.

    Raises:
        UsageError: ``thing`` is not a schema, or one that no answer can satisfy.
    """
    if isinstance(thing, Schema):
        return thing
    if isinstance(thing, str):
        thing = from_text(thing)
    if thing is None or isinstance(thing, str) or thing == {}:
        raise UsageError("schema.not_a_type", given=repr(thing))
    imports.prepare(imports.SCHEMAS)
    if isinstance(thing, Mapping) and _is_json_schema(thing):
        schema = Schema(_NAME, _valid(as_json(thing)))
    elif isinstance(thing, Mapping):
        fields = {str(key): _type(str(key), word) for key, word in thing.items()}
        schema = _from_type(_typed_dict(_NAME, fields, frozenset(fields)), _NAME)
    else:
        schema = _from_type(thing, getattr(thing, "__name__", None) or _NAME)
    flaw = flaw_of(schema.json)
    if flaw:
        raise UsageError("schema.unfillable", path=flaw.path, reason=flaw.reason)
    return schema


def from_text(text: str) -> Any:
    """Return the object or array of a JSON text; other text is returned as it is.

    Raises:
        UsageError: the text begins like JSON and is none.
    """
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    try:
        return parsed(text)
    except ValueError as wrong:
        raise UsageError(
            "bad_json", name="schema", reason=where_invalid(wrong)
        ) from wrong


def _from_type(kind: Any, name: str) -> Schema:
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError
    from pydantic_core import SchemaError

    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        kind = _typed_dict(name, hints, kind.__required_keys__)
    try:
        adapter = TypeAdapter(kind)
        found = adapter.json_schema(schema_generator=_generator())
    except PydanticSchemaGenerationError as wrong:
        named = _NO_TYPE.match(str(wrong))
        given = named[1] if named else getattr(kind, "__name__", None) or repr(kind)
        raise UsageError("schema.not_a_type", given=given) from wrong
    except (PydanticUserError, SchemaError, NameError) as wrong:
        shown = getattr(kind, "__name__", None) or repr(kind)
        reason = str(wrong).splitlines()[0]
        raise UsageError("schema.no_schema", given=shown, reason=reason) from wrong
    return Schema(re.sub(r"[^\w-]", "_", name)[:64], _closed(as_json(found)), adapter)


@cache
def _generator() -> Any:
    """Return Pydantic's JSON Schema generator, extended to mark Decimals."""
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        def decimal_schema(self, schema: Any) -> dict[str, Any]:
            return {"anyOf": [super().decimal_schema(schema), DECIMAL]}

    return Generator


def _typed_dict(name: str, fields: Mapping[str, Any], required: frozenset[str]) -> Any:
    from typing_extensions import TypedDict

    known = {
        key: kind if key in required else typing.NotRequired[kind]
        for key, kind in fields.items()
    }
    return TypedDict(name, known)  # type: ignore[operator]


def _type(name: str, word: Any) -> Any:
    if isinstance(word, list | tuple):
        return Literal[tuple(word)] if word else _unknown(name, word)
    if isinstance(word, Mapping):
        inner = {str(key): _type(f"{name}.{key}", kind) for key, kind in word.items()}
        return _typed_dict(name, inner, frozenset(inner))
    if not isinstance(word, str):
        return word
    options = [_word(name, part.strip()) for part in word.split("|")]
    return options[0] if len(options) == 1 else typing.Union[tuple(options)]  # noqa: UP007


def _word(name: str, word: str) -> Any:
    listed = re.fullmatch(r"list\[(.+)\]", word)
    if listed:
        inner: Any = _word(name, listed[1].strip())
        return list[inner]
    return WORDS[word] if word in WORDS else _unknown(name, word)


def _unknown(name: str, word: Any) -> Any:
    near = hint(str(word), tuple(WORDS))
    allowed = ", ".join(WORDS)
    raise UsageError(
        "schema.unknown_type", name=name, given=word, hint=near, allowed=allowed
    )


def _is_json_schema(thing: Mapping[str, Any]) -> bool:
    kind = thing.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    typed = all(isinstance(k, str) and k in _JSON_TYPES for k in kinds)
    listed = isinstance(thing.get("enum"), list) and len(thing) == 1
    return typed or listed or bool(_JSON_WORDS & set(thing))


def _valid(schema: dict[str, Any]) -> dict[str, Any]:
    from jsonschema_rs import ValidationError

    for reference in _references(schema):
        if not reference.startswith("#") or target(schema, reference) is ABSENT:
            raise UsageError("schema.reference", reference=reference)
    try:
        compiled(schema)
    except ValidationError as wrong:
        where = f"JSON Schema {path_of(wrong.instance_path)}"
        reason = wrong.message
        raise UsageError("schema.no_schema", given=where, reason=reason) from wrong
    return schema


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = [inner for key, inner in part.items() if key not in _EXAMPLES]
    for inner in part if isinstance(part, list) else ():
        yield from _references(inner)


def _closed(part: Any) -> Any:
    """Forbid additional properties in all objects, as strict endpoints require."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(value) for key, value in part.items()}
    if isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def as_json(value: Any) -> Any:
    """Replace NumPy and pandas values by plain Python values, recursively."""
    if hasattr(value, "tolist") and not isinstance(value, type):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: as_json(inner) for key, inner in value.items()}
    return [*map(as_json, value)] if isinstance(value, list | tuple) else value
