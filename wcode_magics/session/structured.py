"""Structured answers: the request parameters, and the parsing of the text."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wcode_magics.errors import AnswerError, OptionError, UsageError
from wcode_magics.protocol import providers
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.parameters import NAMES
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.schema import Schema
from wcode_magics.protocol.schema_source import schema_of
from wcode_magics.sending.request_run import Prepared
from wcode_magics.settings.resolved import Resolved
from wcode_magics.settings.settings import Advice
from wcode_magics.text import say

Reader = Callable[[Reply], Any]

JSON_MODE = {"type": "json_object"}


def requested_form(
    resolved: Resolved,
) -> tuple[dict[str, Any], Reader | None, list[Advice]]:
    """Return request parameters, reader and advice for ``schema`` or ``json``.

    Raises:
        UsageError: ``schema`` is not a schema.
        OptionError: two of schema, json and response_format are set.
    """
    schema, json = resolved["schema"], resolved["json"]
    requested = [
        name
        for name in ("schema", "json", "response_format")
        if resolved[name] and resolved.layer(name) == "cell"
    ]
    if len(requested) > 1:
        one, other = (f"--{name.replace('_', '-')}" for name in requested[:2])
        raise OptionError("not_together", one=one, other=other)
    if schema is not None:
        made = schema_of(schema)
        patterns = made.strict.patterns
        held: Advice = ("patterns_held", {"patterns": ", ".join(patterns)})
        form = {"response_format": made.response_format}
        return form, _reader(made), [held] if patterns else []
    if json:
        return {"response_format": JSON_MODE}, _read_json, []
    return {}, None, []


def repaired(
    prepared: Prepared, reply: Reply, options: Mapping[str, Any] | None = None
) -> Prepared:
    """Return a repair request that reports the answer's error to the model.

    ``options`` replace those of the first request.

    Raises:
        UsageError: the answer was not requested in a form, or it is valid.
    """
    read = reply._read  # noqa: SLF001 - reader requested for this answer
    if read is None:
        raise UsageError("no_form")
    try:
        read(reply)
    except AnswerError as error:
        error.reply = None
        prompt = reply.request.messages[-1].content or ""
        wrong = say("prompts.repair", problem=error, prompt=prompt)
    else:
        raise UsageError("nothing_wrong")
    turn = (Message("assistant", reply.text), Message("user", wrong))
    options = options or {}
    own = {name: value for name, value in options.items() if name in NAMES}
    request = replace(
        reply.request,
        messages=(*reply.request.messages, *turn),
        params={**reply.request.params, **own},
    )
    resolved = prepared.resolved.over(options)
    ready = replace(prepared, request=request, resolved=resolved, read=read)
    return replace(ready, before=None, advice=())


def _reader(schema: Schema) -> Reader:
    return lambda reply: schema.check(_read_json(reply))


def _read_json(reply: Reply) -> Any:
    try:
        return reply.json
    except AnswerError as error:
        if reply.finish_reason == "length":
            length = "–" if reply.usage is None else reply.usage.completion_tokens
            raise AnswerError("cut_json", tokens=length) from error
        if error.key == "text_not_json":
            thinks = providers.is_silent_on_thinking(reply.request.extra)
            key = "asked_not_json" if thinks else "asked_not_json_at_all"
            raise AnswerError(key, **error.facts) from error
        raise


def plain_value(value: Any) -> Any:
    """Convert a parsed value to dicts, lists and scalars for display."""
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(Any).dump_python(value, mode="json")
    except ValueError:
        return str(value)
