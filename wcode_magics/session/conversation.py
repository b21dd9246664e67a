"""A conversation as a value: turns by the cell that made them.

A cell has one turn. Running it again, edited or not, gives it the conversation as it
stood before that turn, and the new turn takes the place of the old one and of all that
came after it. So a conversation is what the notebook would say if it were run to here.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from wcode_magics.errors import UsageError
from wcode_magics.protocol import token_counts
from wcode_magics.protocol.messages import Message, ToolCall
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.token_counts import Count
from wcode_magics.runtime.value import Value
from wcode_magics.text import say

if TYPE_CHECKING:
    import pandas as pd

ROOM_FOR_ANSWER = 1_024
_IN_PROMPTS = ("tools", "tool_choice", "response_format", "structured_outputs")
"""Parameters that templates may write into a prompt."""


@dataclass(frozen=True, slots=True)
class Turn(Value):
    """What was said and heard in one cell.

    ``messages`` begin with the person's and end with the model's, tool calls and
    their results between them. ``system`` is the system prompt the cell gave, if any.
    ``total_tokens`` counts the whole conversation up to here, as the endpoint did;
    ``least_tokens`` of these are in the next prompt too, if that is ``counted_as``
    this one was.
    """

    cell: str
    messages: tuple[Message, ...]
    system: str | None = None
    total_tokens: int | None = None
    least_tokens: int | None = None
    counted_as: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The turn from :meth:`to_dict`."""
        messages = tuple(Message.from_dict(item) for item in data["messages"])
        return cls(**{**data, "messages": messages})


@dataclass(frozen=True, slots=True)
class Conversation(Value):
    """A named row of turns."""

    name: str
    turns: tuple[Turn, ...] = ()

    @property
    def system(self) -> str | None:
        """The system prompt in force: the newest that a turn gave."""
        given = (turn.system for turn in reversed(self.turns))
        return next((system for system in given if system), None)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages, the system prompt first."""
        system = [Message("system", self.system)] if self.system else []
        return (*system, *(one for turn in self.turns for one in turn.messages))

    def before(self, cell: str) -> Self:
        """The conversation as a cell finds it, without its turn and what follows."""
        at = self._place(cell)
        return self if at is None else replace(self, turns=self.turns[:at])

    def dropped_by(self, cell: str) -> int:
        """How many turns of other cells a new turn of this cell drops."""
        at = self._place(cell)
        later = self.turns[at:] if at is not None else ()
        return sum(_whose(turn.cell) != _whose(cell) for turn in later)

    def has(self, cell: str) -> bool:
        """Whether a cell has a turn."""
        return self._place(cell) is not None

    def with_turn(self, turn: Turn) -> Self:
        """The conversation with a turn in its place, and nothing after it."""
        kept = self.before(turn.cell)
        return replace(kept, turns=(*kept.turns, turn))

    def without(self, how: str, excess: int) -> Self:
        """The conversation with turns left out that sum up to ``excess`` tokens.

        ``how``: ``oldest`` leaves out from the beginning, ``middle`` keeps the first
        turn and leaves out after it. The system prompt stays.
        """
        kept, first = list(self.turns), int(how == "middle")
        system = self.system
        while excess > 0 and len(kept) > first:
            excess -= turn_tokens(kept.pop(first))
        if system and kept and not any(turn.system for turn in kept):
            kept[0] = replace(kept[0], system=system)
        return replace(self, turns=tuple(kept))

    def rows(self) -> list[dict[str, Any]]:
        """One dict a message: turn (from 1), cell, role, content, tool."""
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
        """The rows as a DataFrame with columns turn, cell, role, content, tool."""
        import pandas as pd

        columns = ["turn", "cell", "role", "content", "tool"]
        return pd.DataFrame(self.rows(), columns=columns)

    def to_json(self) -> str:
        """The messages as a JSON array in the OpenAI form."""
        wires = [message.wire() for message in self.messages]
        return json.dumps(wires, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, name: str, text: str) -> Self:
        """The conversation of messages in the OpenAI form: an array, or a request.

        Raises:
            UsageError: it is not JSON, or a message is not one.
        """
        try:
            data = json.loads(text)
            listed = data["messages"] if isinstance(data, dict) else data
            messages = [_message(item) for item in listed]
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            reason = f"{type(wrong).__name__}: {wrong}"
            raise UsageError("chat.bad_messages", reason=reason) from wrong
        return cls(name, tuple(_turns(messages)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The conversation from :meth:`to_dict`."""
        return cls(data["name"], tuple(map(Turn.from_dict, data.get("turns", ()))))

    def _place(self, cell: str) -> int | None:
        cells = [turn.cell for turn in self.turns]
        return cells.index(cell) if cell in cells else None


def checked(data: Any, name: str) -> Conversation:
    """The conversation of a file, each part of the type that it is used as.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none.
    """
    found = replace(Conversation.from_dict(data), name=name)
    for turn in found.turns:
        texts = [turn.cell, turn.system, *(one.content for one in turn.messages)]
        roles = [one.role for one in turn.messages]
        if not roles or not all(isinstance(role, str) for role in [*roles, turn.cell]):
            raise TypeError(turn)
        if not all(isinstance(text, str | None) for text in texts):
            raise TypeError(turn)
        counts = turn.total_tokens, turn.least_tokens
        if not all(isinstance(count, int | None) for count in counts):
            raise TypeError(turn)
    return found


def counted_as(request: Request, place: str) -> str:
    """What tokens of a prompt depend on beside its turns, as a short mark."""
    system = [one.content for one in request.messages if one.role == "system"]
    params = {name: request.params.get(name) for name in _IN_PROMPTS}
    parts = [place, request.model, system, params, dict(request.extra)]
    told = json.dumps(parts, sort_keys=True, default=repr)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def excess(request: Request, prompt: int, context: int | None) -> int:
    """How many tokens a request is too long, for an answer of ``max_tokens``.

    ``prompt`` is its length. At most zero where it fits, or where the context of the
    model is not known.
    """
    if context is None:
        return 0
    room = min(ROOM_FOR_ANSWER, context // 4)
    return prompt + int(request.params.get("max_tokens", room)) - context


def overfull(name: str, prompt: Count, context: int) -> UsageError:
    """The error of a conversation that no longer fits."""
    approx = "" if prompt.exact else say("ui.approx")
    shown = f"{approx}{prompt.tokens:,}"
    return UsageError("chat.full", name=name, tokens=shown, context=f"{context:,}")


def turn_tokens(turn: Turn) -> int:
    """About how many tokens a turn takes in a request."""
    return sum(token_counts.count(m.content or "").tokens + 5 for m in turn.messages)


def _whose(cell: str) -> str:
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
            said = "\n\n".join(system) or None
            turns.append(Turn(f"loaded#{len(turns)}", (message,), said))
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
    if isinstance(content, list):
        content = "".join(part["text"] for part in content)
    if not isinstance(data["role"], str) or not isinstance(content, str | None):
        raise TypeError(data["role"])
    called, name = data.get("tool_call_id"), data.get("name")
    return Message(data["role"], content, calls, called, name)
