"""Conversation as a value: turns identified by the cell that produced them.

A cell has one turn. Running it again, edited or not, restores the conversation to its
state before that turn; the new turn replaces the old one and all later ones. So a
conversation equals the result of running the notebook from the top to this cell.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from wcode_magics.errors import UsageError, mistyped
from wcode_magics.prompts import image_sources
from wcode_magics.protocol import token_counts
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.json_extraction import parsed
from wcode_magics.protocol.messages import Message, ToolCall
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.token_counts import Count
from wcode_magics.runtime.imports import data_frame
from wcode_magics.runtime.serialization import Value, checked
from wcode_magics.text import say

if TYPE_CHECKING:
    import pandas as pd

ROOM_FOR_ANSWER = 1_024
_ODD = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a message raises that is none."""
_IN_PROMPTS = ("tools", "tool_choice", "response_format", "structured_outputs")
"""Parameters that chat templates may write into a prompt."""


@dataclass(frozen=True, slots=True)
class Turn(Value):
    """The messages exchanged in one cell.

    ``messages`` begin with the user's and end with the model's, with tool calls and
    their results in between. ``system`` is the cell's system prompt, if any.
    ``total_tokens`` counts the whole conversation up to here, as reported by the
    endpoint; ``least_tokens`` of these also occur in the next prompt, if its
    ``counted_as`` equals this one's.
    """

    cell: str
    messages: tuple[Message, ...]
    system: str | None = None
    total_tokens: int | None = None
    least_tokens: int | None = None
    counted_as: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the turn from the result of :meth:`to_dict`."""
        messages = tuple(Message.from_dict(item) for item in data["messages"])
        return cls(**{**checked(cls, data), "messages": messages})


@dataclass(frozen=True, slots=True)
class Conversation(Value):
    """A named sequence of turns."""

    name: str
    turns: tuple[Turn, ...] = ()

    @property
    def system(self) -> str | None:
        """The system prompt in force: that of the newest turn that has one."""
        prompts = (turn.system for turn in reversed(self.turns))
        return next((system for system in prompts if system), None)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages, the system prompt first."""
        system = [Message("system", self.system)] if self.system else []
        return (*system, *(one for turn in self.turns for one in turn.messages))

    def before(self, cell: str) -> Self:
        """Return the conversation up to a cell, without its turn and later ones."""
        at = self._place(cell)
        return self if at is None else replace(self, turns=self.turns[:at])

    def dropped_by(self, cell: str) -> int:
        """Return how many turns of other cells a new turn of this cell drops."""
        at = self._place(cell)
        later = self.turns[at:] if at is not None else ()
        return sum(_cell_id(turn.cell) != _cell_id(cell) for turn in later)

    def has(self, cell: str) -> bool:
        """Return whether a cell has a turn."""
        return self._place(cell) is not None

    def with_turn(self, turn: Turn) -> Self:
        """Return the conversation ending in a turn, which replaces its cell's."""
        kept = self.before(turn.cell)
        return replace(kept, turns=(*kept.turns, turn))

    def without(self, how: str, excess: int) -> Self:
        """Return the conversation without turns that add up to ``excess`` tokens.

        ``how``: ``oldest`` removes turns from the start, ``middle`` keeps the first
        turn and removes those after it. The system prompt stays.
        """
        kept, first = list(self.turns), int(how == "middle")
        system = self.system
        while excess > 0 and len(kept) > first:
            excess -= turn_tokens(kept.pop(first))
        if system and kept and not any(turn.system for turn in kept):
            kept[0] = replace(kept[0], system=system)
        return replace(self, turns=tuple(kept))

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per message: turn (from 1), cell, role, content, tool."""
        return [
            {
                "turn": number,
                "cell": turn.cell,
                "role": message.role,
                "content": message.content or "",
                "tool": _tool(message),
            }
            for number, turn in enumerate(self.turns, 1)
            for message in turn.messages
        ]

    def frame(self) -> "pd.DataFrame":
        """Return the rows as a DataFrame: turn, cell, role, content, tool."""
        columns = ["turn", "cell", "role", "content", "tool"]
        return data_frame(self.rows(), columns=columns)

    def to_json(self) -> str:
        """Return the messages as a JSON array in OpenAI format."""
        wires = [message.wire() for message in self.messages]
        return json.dumps(wires, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, name: str, text: str) -> Self:
        """Parse messages in OpenAI format: an array, or a request body.

        Raises:
            UsageError: the text is not JSON, or a message is invalid.
        """
        try:
            data = parsed(text)
            listed = data["messages"] if isinstance(data, dict) else data
            messages = [_message(item) for item in listed]
        except _ODD as odd:
            reason = f"{type(odd).__name__}: {odd}"
            raise UsageError("chat.bad_messages", reason=reason) from odd
        return cls(name, tuple(_turns(messages)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the conversation from the result of :meth:`to_dict`."""
        return cls(data["name"], tuple(map(Turn.from_dict, data.get("turns", ()))))

    def _place(self, cell: str) -> int | None:
        cells = [turn.cell for turn in self.turns]
        return cells.index(cell) if cell in cells else None


def of_file(data: Any, name: str) -> Conversation:
    """Build the conversation of a file, each of whose turns has messages.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the data is not one.
    """
    found = replace(Conversation.from_dict(data), name=name)
    if not all(turn.messages for turn in found.turns):
        raise ValueError("messages")
    return found


def counted_as(request: Request, place: str) -> str:
    """Return a short hash of what affects a prompt's token count besides its turns."""
    system = [one.content for one in request.messages if one.role == "system"]
    params = {name: request.params.get(name) for name in _IN_PROMPTS}
    parts = [place, request.model, system, params, dict(request.extra)]
    encoded = json.dumps(parts, sort_keys=True, default=repr)
    return hashlib.sha256(encoded.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def excess(request: Request, prompt: int, context: int | None) -> int:
    """Return by how many tokens a request exceeds the context.

    Reserves ``max_tokens`` for the answer. ``prompt`` is the prompt's length in tokens.
    Zero or negative if it fits, or zero if the context is unknown.
    """
    if context is None:
        return 0
    room = min(ROOM_FOR_ANSWER, context // 4)
    return prompt + int(request.params.get("max_tokens", room)) - context


def overfull(name: str, prompt: Count, context: int) -> UsageError:
    """Return the error for a conversation that no longer fits."""
    approx = "" if prompt.exact else say("ui.approx")
    shown = f"{approx}{prompt.tokens:,}"
    return UsageError("chat.full", name=name, tokens=shown, context=f"{context:,}")


def turn_tokens(turn: Turn) -> int:
    """Return the estimated tokens of a turn in a request."""
    images = sum(image.tokens for m in turn.messages for image in m.images)
    texts = (token_counts.count(m.content or "").tokens + 5 for m in turn.messages)
    return images + sum(texts)


def messages_of(prompt: Any) -> str | list[Message]:
    """Return a prompt as text or messages; dicts are messages in OpenAI format.

    Raises:
        UsageError: it is neither, or a message is invalid.
    """
    if isinstance(prompt, str):
        return prompt
    listed = isinstance(prompt, Sequence) and not isinstance(prompt, bytes | bytearray)
    if not listed or not all(isinstance(one, Message | Mapping) for one in prompt):
        raise mistyped("prompt", prompt, "prompt")
    try:
        return [one if isinstance(one, Message) else _message(one) for one in prompt]
    except _ODD as odd:
        reason = f"{type(odd).__name__}: {odd}"
        raise UsageError("chat.bad_messages", reason=reason) from odd


def _cell_id(cell: str) -> str:
    return cell.rpartition("#")[0] or cell


def _tool(message: Message) -> str:
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return ", ".join(calls) or message.name or ""


def _turns(messages: Sequence[Message]) -> list[Turn]:
    turns: list[Turn] = []
    system: list[str] = []
    for message in messages:
        if message.role in {"system", "developer"}:
            system.append(message.content or "")
        elif message.role == "user" or not turns:
            prompt = "\n\n".join(system) or None
            turns.append(Turn(f"loaded#{len(turns)}", (message,), prompt))
            system.clear()
        else:
            last = turns[-1]
            turns[-1] = replace(last, messages=(*last.messages, message))
    return turns


def _message(data: Mapping[str, Any]) -> Message:
    calls = tuple(
        ToolCall(c["id"], c["function"]["name"], c["function"]["arguments"])
        for c in data.get("tool_calls") or ()
    )
    content = data.get("content")
    images: list[ImagePart] = []
    if isinstance(content, list):
        content, images = _of_parts(content)
    if not isinstance(data["role"], str) or not isinstance(content, str | None):
        raise TypeError(data["role"])
    called, name = data.get("tool_call_id"), data.get("name")
    return Message(data["role"], content, calls, called, name, images=tuple(images))


def _of_parts(parts: Sequence[Mapping[str, Any]]) -> tuple[str, list[ImagePart]]:
    """Return the text of content parts, and their images with their places."""
    text, images = "", list[ImagePart]()
    for part in parts:
        if part.get("type") == "image_url":
            url = str(part["image_url"]["url"])
            if not url.startswith(("data:", "http://", "https://")):
                raise ValueError(url[:40])  # never a file that only the text names
            images.append(replace(image_sources.load(url), at=len(text)))
        else:
            text += part["text"]
    return text, images
