"""Build a task from the arguments of a call: its kind, prompt and parameters."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wcode_magics.errors import UsageError
from wcode_magics.protocol.schema import Schema
from wcode_magics.protocol.schema_source import as_json, schema_of
from wcode_magics.session.session import Session
from wcode_magics.settings.options import staged
from wcode_magics.settings.settings import Resolved
from wcode_magics.tables.labels import Classify, folded
from wcode_magics.tables.task import Extract, Task, language_of
from wcode_magics.text import say

ALTERNATIVES, MOST_ALTERNATIVES = 5, 20
ROOM = 64
"""Tokens allowed besides the label: quotes, white space, end of text."""
_OWN = ("labels", "schema", "prefix", "flat", "confidence", "details", "into")


def task_of(
    session: Session, template: str, options: Mapping[str, Any]
) -> tuple[Task, Resolved, dict[str, Any]]:
    """Return the task, the settings in force, and the call as plain data.

    ``options``: ``into``, ``details``, one of ``labels`` and ``schema`` (with
    ``prefix``, ``flat``, ``confidence``) or neither, and request options.

    Raises:
        UsageError: labels, schema or an option are invalid.
    """
    _refuse_odd(template, options)
    own = {name: options[name] for name in _OWN if name in options}
    rest = {name: value for name, value in options.items() if name not in _OWN}
    common = {"into": own["into"], "details": bool(own.get("details"))}
    given = as_json({**own, **rest, "template": template})
    if own.get("schema") is not None:
        schema = schema_of(own["schema"])
        given["schema"] = dict(schema.json)
        sure = bool(own.get("confidence"))
        base, resolved = _prepared(session, *_extracting(template, schema, sure), rest)
        marks = {name: own[name] for name in ("prefix", "flat") if name in own}
        extract = Extract(base, **common, schema=schema, confidence=sure, **marks)
        return extract, resolved, given
    if "labels" in own:
        labels = _checked(own["labels"])
        given["labels"] = list(labels)
        told = rest.get("logprobs")
        asked = _classifying(template, labels, sure=told is None or bool(told))
        base, resolved = _prepared(session, *asked, rest)
        return Classify(base, **common, labels=labels), resolved, given
    base, resolved = _prepared(session, template, {}, rest)
    return Task(base, **common), resolved, given


def _refuse_odd(template: Any, options: Mapping[str, Any]) -> None:
    into = options["into"]
    if not _is_text(into) or not into:
        raise UsageError("frame.into", given=repr(into))
    if not isinstance(template, str):
        raise UsageError("frame.template", given=type(template).__name__)
    for name in sorted(staged("conversation", "run", "cell") | {"frame"}):
        if options.get(name):
            raise UsageError("frame.for_cells", name=name)


def _prepared(
    session: Session, prompt: str, defaults: Mapping[str, Any], rest: Mapping[str, Any]
) -> tuple[Any, Resolved]:
    prepared = session.prepare(prompt, **{**defaults, **rest})
    return prepared.request, prepared.resolved


def _extracting(
    template: str, schema: Schema, sure: bool
) -> tuple[str, dict[str, Any]]:
    shown = json.dumps(schema.json, ensure_ascii=False)
    asked = say("frame.fill", language_of([template]), schema=_literal(shown))
    params: dict[str, Any] = {"response_format": schema.response_format}
    if sure:
        params |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES}
    return f"{template}\n\n{asked}", params


def _classifying(
    template: str, labels: Sequence[str], *, sure: bool
) -> tuple[str, dict[str, Any]]:
    shown = " / ".join(labels)
    asked = say("frame.choose", language_of([template]), labels=_literal(shown))
    schema = Schema("label", {"type": "string", "enum": list(labels)})
    params: dict[str, Any] = {
        "temperature": 0,
        "max_tokens": max(len(label.encode()) for label in labels) + ROOM,
        "response_format": schema.response_format,
    }
    if sure:
        most = min(max(ALTERNATIVES, len(labels)), MOST_ALTERNATIVES)
        params |= {"logprobs": True, "top_logprobs": most}
    return f"{template}\n\n{asked}", params


def _checked(labels: Any) -> tuple[str, ...]:
    """Validate labels, in order; refuse sets, whose order varies by process."""
    unordered = isinstance(labels, str | set | frozenset)
    try:
        listed = () if unordered else tuple(labels)
    except TypeError:
        listed = ()
    texts = [folded(label) for label in listed if _is_text(label)]
    if len(texts) < 2 or "" in texts or len(set(texts)) < len(listed):
        raise UsageError("frame.labels", given=repr(labels))
    return listed


def _is_text(value: Any) -> bool:
    """Return whether a value is a text that can be encoded as UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _literal(text: str) -> str:
    """Return a template that renders to exactly this text."""
    if "{{" not in text and "{%" not in text:
        return text
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}"
