"""How a request says from which beginning its answer is to go on: one dialect a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request


@dataclass(frozen=True, slots=True)
class Prefix:
    """One dialect.

    The beginning is the last message, an assistant's, whose fields ``flags`` are true;
    ``body`` are fields of the request. Or, with ``field``, the beginning is no message
    but that field of the request.
    """

    body: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    field: str = ""


PREFIXES: Mapping[str, Prefix] = {
    "continue": Prefix(  # vLLM, SGLang, llama.cpp
        {"continue_final_message": True, "add_generation_prompt": False}
    ),
    "partial": Prefix(flags=("partial",)),  # DashScope, Moonshot
    "prefix": Prefix(flags=("prefix",)),  # DeepSeek, at another base URL
    "field": Prefix(field="prefix"),  # SiliconFlow
    "plain": Prefix(),  # OpenRouter, llama.cpp of before 2026
}
"""Dialects by name; of an unknown endpoint the first is tried."""

DEFAULT = next(iter(PREFIXES))
_BODY = frozenset(name for row in PREFIXES.values() for name in row.body)
_FIELDS = frozenset(row.field for row in PREFIXES.values() if row.field)


def begun(request: Request, text: str, dialect: str) -> Request:
    """Return a request without a beginning as one whose answer goes on from a text."""
    row = PREFIXES[dialect]
    if row.field:
        return replace(request, extra={**request.extra, row.field: text})
    beginning = Message("assistant", text, flags=row.flags)
    extra = {**request.extra, **row.body}
    return replace(request, messages=(*request.messages, beginning), extra=extra)


def beginning(request: Request, *, plain: bool) -> str | None:
    """Return the text that the answer is to go on from, or None.

    ``plain``: a last message of the assistant's is one, without any mark as well.
    """
    text = next((request.extra[name] for name in _FIELDS & {*request.extra}), None)
    if text is not None:
        return str(text)
    last = request.messages[-1]
    marked = plain or last.flags or _BODY & {*request.extra}
    return (last.content or "") if last.role == "assistant" and marked else None


def without(request: Request, *, plain: bool) -> Request:
    """Return a request without its beginning, if it has one."""
    if beginning(request, plain=plain) is None:
        return request
    has_no_field = _FIELDS.isdisjoint(request.extra)
    kept = {n: v for n, v in request.extra.items() if n not in _BODY | _FIELDS}
    messages = request.messages[:-1] if has_no_field else request.messages
    return replace(request, messages=messages, extra=kept)
