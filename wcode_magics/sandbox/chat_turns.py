"""Messages of a request as turns of text, with the images that they show."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import images
from .bad_request import BadRequest, shown
from .images import SeenImage

_ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One message as text; ``calls`` is the assistant's tool calls as JSON text."""

    role: str
    text: str
    calls: str = ""
    pictures: tuple[SeenImage, ...] = ()


def read_turns(body: Mapping[str, Any]) -> tuple[ChatTurn, ...]:
    """Return the messages of a body as turns; raises BadRequest."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest(
            "`messages` must be a list with at least one message.", "messages"
        )
    return tuple(_turn(item, f"messages[{i}]") for i, item in enumerate(messages))


def _turn(item: object, where: str) -> ChatTurn:
    if not isinstance(item, dict):
        raise BadRequest(f"`{where}` must be an object.", "messages")
    role = item.get("role")
    if role not in _ROLES:
        message = (
            f"`{where}.role` is {shown(role)}; it must be one of {', '.join(_ROLES)}."
        )
        raise BadRequest(message, "messages")
    calls = item.get("tool_calls")
    text, seen = _content(item.get("content"), where, optional=bool(calls))
    if role == "tool" and not isinstance(item.get("tool_call_id"), str):
        raise BadRequest(f"`{where}.tool_call_id` is missing.", "messages")
    called = json.dumps(calls, ensure_ascii=False) if calls else ""
    return ChatTurn(role, text, called, seen)


def _content(
    content: object, where: str, *, optional: bool
) -> tuple[str, tuple[SeenImage, ...]]:
    if isinstance(content, str):
        return content, ()
    if content is None and optional:
        return "", ()
    if not isinstance(content, list):
        message = f"`{where}.content` must be a string or a list of parts."
        raise BadRequest(message, "messages")
    texts, seen = [], []
    for place, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url" and isinstance(part.get("image_url"), dict):
            at = f"{where}.content[{place}]"
            seen.append(images.read(part["image_url"].get("url"), at))
        else:
            message = f"`{where}.content[{place}]` must be a text or image_url part."
            raise BadRequest(message, "messages")
    return "".join(texts), tuple(seen)
