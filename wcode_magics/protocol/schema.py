"""Schema of a structured answer, created from any of the supported forms.

A pydantic model, dataclass, TypedDict, Enum, Literal or any other type; a JSON
Schema; or ``{"name": "type"}``, where a type is a word (``str``, ``int``, ``float``,
``bool``, ``date``, ``datetime``, ``list[str]``, ``int | None``), a type, or a list of
choices. Types are handled by pydantic, JSON Schemas by jsonschema; both are imported
when a schema is created.
"""

import datetime as dt
import json
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.protocol.parameters import hint
from wcode_magics.protocol.schema_dump import Names, bare, names_of
from wcode_magics.protocol.schema_satisfiability import ABSENT, flaw_of, target
from wcode_magics.protocol.strict_schema import (
    DECIMAL,
    Strict,
    misplaced_truth,
    read_back,
)
from wcode_magics.runtime import imports

_Above = tuple[int, ...]
Kind = Literal["text", "int", "float", "bool", "date", "datetime", "choice", "object"]

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
_FORMATS: dict[str, Kind] = {"date": "date", "date-time": "datetime"}
_KINDS: dict[str, Kind] = {
    "string": "text",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
}
_EXAMPLES = {"const", "default", "enum", "examples"}
_DEEP = 40


@dataclass(frozen=True, slots=True)
class Field:
    """Field of an object: its name, the kind of its values, its choices.

    ``fields`` are the fields of a nested object.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    fields: tuple["Field", ...] = ()


@dataclass(frozen=True)
class Schema:
    """Schema that an answer must match; create one with :func:`schema_of`.

    ``json`` is the JSON Schema; :attr:`strict` is the form that is sent.
    """

    name: str
    json: Mapping[str, Any]
    _adapter: Any = field(default=None, repr=False, compare=False)

    @property
    def response_format(self) -> dict[str, Any]:
        """Value of the ``response_format`` parameter for this schema."""
        sent = self.strict
        inner = {"name": self.name, "strict": sent.closed, "schema": sent.json}
        return {"type": "json_schema", "json_schema": inner}

    @cached_property
    def strict(self) -> Strict:
        """The schema in the form that strict endpoints require."""
        return Strict(self.json)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Fields of the answer; empty if the answer is not an object."""
        whole = self._resolved(self.json)
        return tuple(self._fields(whole, (id(whole),)))

    @cached_property
    def value(self) -> Field:
        """The answer as a single field, if it is not an object."""
        return self._field(self.name, self.json, ())

    def check(self, value: Any) -> Any:
        """Validate a value and return it as the requested type.

        For a JSON Schema the value is returned as JSON data.

        Raises:
            AnswerError: it does not match; names the path that fails and the reason.
        """
        value = read_back(value, self.json)
        if self._adapter is not None:
            return _guarded(self._validated, value)
        found = _guarded(self._misfit, value)
        if found is not None:
            raise AnswerError("schema.misfit", path=found[0], problem=found[1])
        return value

    def plain(self, value: Any) -> Any:
        """Convert a validated value to JSON data with the schema's field names.

        Raises:
            AnswerError: it contains a value that JSON cannot represent.
        """
        if self._adapter is None:
            return value
        return _guarded(lambda held: bare(held, self._names), value)

    @cached_property
    def _names(self) -> Names:
        return names_of(self._adapter.core_schema)

    def _validated(self, value: Any) -> Any:
        from pydantic import ValidationError

        truth = misplaced_truth(value, self.json)
        if truth is not None:
            raise AnswerError("schema.misfit", path=path_of(truth[0]), problem=truth[1])
        try:
            return self._adapter.validate_json(json.dumps(value))
        except ValidationError as wrong:
            first = wrong.errors()[0]
            path, problem = path_of(first["loc"]), first["msg"]
            raise AnswerError("schema.misfit", path=path, problem=problem) from wrong

    def _misfit(self, value: Any) -> tuple[str, str] | None:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match

        validator = Draft202012Validator(self.json, format_checker=_moments())
        error = best_match(validator.iter_errors(value))
        if error is not None:
            return path_of(error.absolute_path), error.message
        nothing = value is None and "type" in self._resolved(self.json)
        if self.fields and not nothing and not isinstance(value, Mapping):
            return "$", f"{value!r} is not of type 'object'"
        return None

    def _resolved(self, part: Any) -> Mapping[str, Any]:
        for _ in range(_DEEP):
            if not isinstance(part, Mapping):
                return {}
            if "$ref" in part:
                part = self._referred(str(part["$ref"]))
            elif len(part.get("allOf", ())) == 1:
                part = part["allOf"][0]
            else:
                options = [p for p in part.get("anyOf", ()) if p != {"type": "null"}]
                if len(options) != 1:
                    return part
                part = options[0]
        return {}

    def _referred(self, reference: str) -> Mapping[str, Any]:
        part = target(self.json, reference)
        return part if isinstance(part, Mapping) else {}

    def _fields(self, part: Mapping[str, Any], above: _Above) -> Iterator[Field]:
        for name, inner in part.get("properties", {}).items():
            yield self._field(name, inner, above)

    def _field(self, name: str, part: Mapping[str, Any], above: _Above) -> Field:
        """Create a field; recursion into an enclosing object stops there."""
        part = self._resolved(part)
        choices = part.get("enum") or ([part["const"]] if "const" in part else [])
        if choices and all(isinstance(choice, str) for choice in choices):
            return Field(name, "choice", tuple(dict.fromkeys(choices)))
        kind = part.get("type")
        kinds = [k for k in kind if k != "null"] if isinstance(kind, list) else [kind]
        word = kinds[0] if len(kinds) == 1 else None
        if word == "string":
            return Field(name, _FORMATS.get(part.get("format", ""), "text"))
        again = id(part) in above
        inner = () if again else tuple(self._fields(part, (*above, id(part))))
        return Field(name, _KINDS.get(str(word), "object"), (), inner)


def moment(text: str, kind: Kind) -> dt.datetime:
    """Parse a ``date`` or ``datetime`` into a naive datetime in UTC.

    A value without an offset is taken as UTC.

    Raises:
        ValueError: the text is not an ISO date or time, or is out of range.
    """
    if kind == "date":
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time())
    at = dt.datetime.fromisoformat(text.upper())
    try:
        zoned = at.replace(tzinfo=at.tzinfo or dt.UTC)
        return zoned.astimezone(dt.UTC).replace(tzinfo=None)
    except OverflowError as wrong:
        raise ValueError(text) from wrong


def schema_of(thing: Any, *, name: str = "answer") -> Schema:
    """Create a schema from any of the forms in the module docstring.

    Raises:
        UsageError: ``thing`` is not a schema, or one that no answer can satisfy.
    """
    if isinstance(thing, Schema):
        return thing
    imports.prepare(imports.SCHEMAS)
    if isinstance(thing, Mapping) and _is_json_schema(thing):
        schema = Schema(name, _valid(as_json(thing)))
    elif isinstance(thing, Mapping):
        fields = {str(key): _type(str(key), word) for key, word in thing.items()}
        schema = _from_type(_typed_dict(name, fields, frozenset(fields)), name)
    else:
        schema = _from_type(thing, getattr(thing, "__name__", None) or name)
    flaw = flaw_of(schema.json)
    if flaw:
        raise UsageError("schema.unfillable", path=flaw.path, reason=flaw.reason)
    return schema


def _from_type(kind: Any, name: str) -> Schema:
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        kind = _typed_dict(name, hints, kind.__required_keys__)
    try:
        adapter = TypeAdapter(kind)
        found = adapter.json_schema(schema_generator=_generator())
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as wrong:
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
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as wrong:
        where = f"JSON Schema {path_of(wrong.absolute_path)}"
        reason = wrong.message
        raise UsageError("schema.no_schema", given=where, reason=reason) from wrong
    for reference in _references(schema):
        if not reference.startswith("#") or target(schema, reference) is ABSENT:
            raise UsageError("schema.reference", reference=reference)
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


def path_of(steps: Iterable[str | int]) -> str:
    """Format the steps into an answer as a path: ``$.items[1]``."""
    path = "$"
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path


@cache
def _moments() -> Any:
    """Return jsonschema's format checker for dates and times."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, kind in _FORMATS.items():
        checker.checks(name, raises=ValueError)(
            lambda said, kind=kind: (
                not isinstance(said, str) or bool(moment(said, kind))
            )
        )
    return checker


def _guarded(read: Callable[[Any], Any], value: Any) -> Any:
    """Return ``read(value)``; exceptions from user code count as invalid values.

    Raises:
        AnswerError: ``read`` raised an exception.
    """
    try:
        return read(value)
    except AnswerError:
        raise
    except Exception as wrong:
        problem = f"{type(wrong).__name__}: {wrong}"
        raise AnswerError("schema.misfit", path="$", problem=problem) from wrong
