"""Output format of an answer: ``response_format`` or vLLM's ``structured_outputs``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .bad_request import BadRequest

_GUIDES = ("choice", "regex", "grammar", "json", "json_object")


@dataclass(frozen=True, slots=True)
class Form:
    """Requested output format.

    ``kind``: text, json, schema, choice, regex or grammar. ``schema`` is a JSON Schema,
    ``rule`` the regular expression or grammar, ``param`` the parameter that set it.
    """

    kind: str = "text"
    schema: Mapping[str, Any] | None = None
    choices: tuple[str, ...] = ()
    rule: str = ""
    param: str = "response_format"

    @property
    def is_json(self) -> bool:
        """Whether the answer is JSON."""
        return self.kind in {"json", "schema"}


def read_form(body: Mapping[str, Any], texts: Sequence[str]) -> Form:
    """Return the output format of a body with these texts; raises BadRequest."""
    structured = body.get("structured_outputs")
    if not isinstance(structured, bool | dict | None):
        message = "`structured_outputs` must be true, false or an object."
        raise BadRequest(message, "structured_outputs")
    form = _response_format(body, texts)
    if structured is False and form.kind == "schema":
        message = "`structured_outputs` is false, so json_schema may not be used."
        raise BadRequest(message, "structured_outputs")
    if not isinstance(structured, dict):
        return form
    if form.kind != "text":
        message = "`structured_outputs` and `response_format` exclude each other."
        raise BadRequest(message, "structured_outputs")
    return _structured(structured)


def _structured(structured: Mapping[str, Any]) -> Form:
    param = "structured_outputs"
    names = [name for name, value in structured.items() if value is not None]
    if len(names) != 1 or names[0] not in _GUIDES:
        message = f"`structured_outputs` must have one of {', '.join(_GUIDES)}."
        raise BadRequest(message, param)
    (name,) = names
    value = structured[name]
    if name == "json_object" and value is True:
        return Form("json", param=param)
    if name == "choice" and isinstance(value, list) and value:
        if all(isinstance(one, str) and one for one in value):
            return Form("choice", choices=tuple(value), param=param)
    elif name == "json":
        schema = _schema(value)
        if schema is not None:
            return Form("schema", schema, param=param)
    elif isinstance(value, str) and value:
        return Form(name, rule=value, param=param)
    raise BadRequest(f"`structured_outputs.{name}` cannot be used as it is.", param)


def _schema(value: Any) -> Mapping[str, Any] | None:
    try:
        schema = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return schema if isinstance(schema, dict) else None


def _response_format(body: Mapping[str, Any], texts: Sequence[str]) -> Form:
    response_format = body.get("response_format")
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if response_format is None or kind == "text":
        return Form()
    if kind == "json_object":
        if not any("json" in text.lower() for text in texts):
            message = (
                "With `response_format` json_object the messages must contain "
                "the word 'json'."
            )
            raise BadRequest(message, "response_format")
        return Form("json")
    if kind == "json_schema":
        form = response_format.get("json_schema")
        schema = form.get("schema") if isinstance(form, dict) else None
        if not isinstance(schema, dict):
            message = "`response_format.json_schema.schema` must be an object."
            raise BadRequest(message, "response_format")
        return Form("schema", schema)
    message = "`response_format.type` must be text, json_object or json_schema."
    raise BadRequest(message, "response_format")
