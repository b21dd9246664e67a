"""Schema of a structured answer: its fields, and the check of a value."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from wcode_magics.errors import AnswerError
from wcode_magics.protocol.schema_dump import Names, bare, names_of
from wcode_magics.protocol.schema_satisfiability import target
from wcode_magics.protocol.strict_schema import (
    Strict,
    misplaced_truth,
    read_back,
)

_Above = tuple[int, ...]
Kind = Literal["text", "int", "float", "bool", "date", "datetime", "choice", "object"]

_FORMATS: dict[str, Kind] = {"date": "date", "date-time": "datetime"}
_KINDS: dict[str, Kind] = {
    "string": "text",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
}
_DEEP = 40


@dataclass(frozen=True, slots=True)
class Field:
    """Field of an object: name, kind of values, choices, fields of an inner object."""

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
    def _validator(self) -> Any:
        return compiled(self.json, patterns=self._adapter is None)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot be pickled and is made again when needed."""
        return {k: v for k, v in self.__dict__.items() if k != "_validator"}

    @cached_property
    def _names(self) -> Names:
        return names_of(self._adapter.core_schema)

    def _validated(self, value: Any) -> Any:
        from pydantic import ValidationError

        truth = misplaced_truth(value, self._validator)
        if truth is not None:
            raise AnswerError("schema.misfit", path=path_of(truth[0]), problem=truth[1])
        try:
            return self._adapter.validate_json(json.dumps(value))
        except ValidationError as wrong:
            first = wrong.errors()[0]
            path, problem = path_of(first["loc"]), first["msg"]
            raise AnswerError("schema.misfit", path=path, problem=problem) from wrong

    def _misfit(self, value: Any) -> tuple[str, str] | None:
        for error in self._validator.iter_errors(value):
            deepest = _deepest(error)
            return path_of(deepest.instance_path), deepest.message
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


def path_of(steps: Iterable[str | int]) -> str:
    """Format the steps into an answer as a path: ``$.items[1]``."""
    path = "$"
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path


def compiled(schema: Mapping[str, Any], *, patterns: bool = True) -> Any:
    """Compile a JSON Schema into a validator of jsonschema-rs; nothing is fetched.

    ``patterns`` False leaves regular expressions to pydantic, which knows more of them.

    Raises:
        ValueError: it is no JSON Schema (``jsonschema_rs.ValidationError``).
    """
    from jsonschema_rs import Draft202012Validator

    keywords: dict[str, Any] = {"format": _Moment}
    if not patterns:
        keywords["pattern"] = _Anything
    return Draft202012Validator(dict(schema), keywords=keywords, retriever=_refused)


def _refused(uri: str) -> Any:
    raise ValueError(uri)


class _Anything:
    """A keyword that every value satisfies."""

    def __init__(self, _schema: Any, _value: Any, _path: Any) -> None:
        pass

    def validate(self, value: Any) -> None:
        pass


class _Moment:
    """The ``format`` keyword: dates and times are checked, other formats are not."""

    def __init__(self, _schema: Any, name: Any, _path: Any) -> None:
        self._kind = _FORMATS.get(str(name))

    def validate(self, value: Any) -> None:
        if self._kind is None or not isinstance(value, str):
            return
        try:
            moment(value, self._kind)
        except ValueError as wrong:
            raise ValueError(f"{value!r} is not a {self._kind}") from wrong


def _deepest(error: Any) -> Any:
    """Return the error deepest inside the value; alternatives that fail are searched.

    An alternative is preferred only where it leads further into the value than the
    choice between them.
    """
    branches = getattr(error.kind, "context", ())
    inner = [_deepest(one) for branch in branches for one in branch]
    return max([error, *inner], key=lambda one: len(one.instance_path))


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
