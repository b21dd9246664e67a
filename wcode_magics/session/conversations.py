"""The conversations of a session: kept, and given the next prompt.

In a notebook they are files beside the person's other data, one for each conversation
of each notebook, so that a restarted kernel goes on where it was. Elsewhere they live
as long as the process; :meth:`Chat.save` and :meth:`Chat.load` carry them over.
"""

import json
import math
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote

from wcode_magics.errors import UsageError, VariableError
from wcode_magics.protocol import token_counts
from wcode_magics.protocol.cut_prompt import least_of
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import private_files
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session import conversation as chat
from wcode_magics.session.conversation import Conversation, Turn

if TYPE_CHECKING:
    import pandas as pd

    from wcode_magics.sending.request_run import Prompt, Stream

_OWN = {"cell", "profile"}
_UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError),
)
"""What reading a file of any content raises."""

KIND = ".json"


class Chats:
    """Conversations by name; in ``folder``, or in memory where that is None."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._held: dict[str, Conversation] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Conversation:
        """The conversation of a name; an empty one where there is none."""
        with self._lock:
            if name not in self._held:
                self._held[name] = self._read(name)
            return self._held[name]

    def put(self, conversation: Conversation) -> None:
        """Keep a conversation under its name."""
        with self._lock:
            self._held[conversation.name] = conversation
            self._write(conversation)

    def forget(self, name: str) -> bool:
        """Forget a conversation, also a damaged one; tells whether there was one."""
        known = name in self.names() or name in self.damaged()
        with self._lock:
            self._held.pop(name, None)
            if self._folder is not None:
                self._remove(self._path(name))
        return known

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as wrong:
            raise UsageError("chat.unwritable", path=path, reason=wrong) from wrong

    def names(self) -> list[str]:
        """The conversations that have turns, sorted; without damaged ones."""
        return sorted(name for name in self._all() if self._turns(name))

    def damaged(self) -> dict[str, UsageError]:
        """The conversations that cannot be read, and why."""
        found = {}
        for name in sorted(self._all()):
            try:
                self[name]
            except UsageError as error:
                found[name] = error
        return found

    def _all(self) -> set[str]:
        folder = self._folder
        there = folder.iterdir() if folder and folder.is_dir() else ()
        names = {one.name[: -len(KIND)] for one in there if one.name.endswith(KIND)}
        return {*map(unquote, names)} | {*self._held}

    def _turns(self, name: str) -> tuple[Turn, ...]:
        try:
            return self[name].turns
        except UsageError:
            return ()

    def go_on(self, before: Reply, after: Reply) -> None:
        """Put a continued answer in the place of the one that was cut off."""
        for name in self.names():
            held = self[name]
            last = held.turns[-1]
            if last.messages[-1] == _answer(before):
                said = (*last.messages[:-1], _answer(after))
                turn = replace(
                    last, messages=said, total_tokens=total(after), least_tokens=None
                )
                self.put(replace(held, turns=(*held.turns[:-1], turn)))

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{quote(name, safe=' ')}{KIND}"

    def _read(self, name: str) -> Conversation:
        empty = Conversation(name)
        if self._folder is None:
            return empty
        path = self._path(name)
        try:
            return chat.checked(json.loads(path.read_text("utf-8")), name)
        except FileNotFoundError:
            return empty
        except _UNREADABLE as wrong:
            reason = f"{type(wrong).__name__}: {wrong}"
            raise UsageError("chat.damaged", path=path, reason=reason) from wrong

    def _write(self, conversation: Conversation) -> None:
        if self._folder is None:
            return
        name, path = conversation.name, self._path(conversation.name)
        try:
            kept = json.dumps(conversation.to_dict(), ensure_ascii=False)
            private_files.make_folder(path.parent)
            private_files.write(path, kept)
        except (OSError, ValueError) as wrong:
            reason = str(wrong)
            raise UsageError(
                "chat.unkept", name=name, path=path, reason=reason
            ) from wrong


@dataclass(frozen=True, slots=True)
class _Draft:
    """A turn that waits for its answer; ``start`` is its first message's place."""

    chats: Chats
    name: str
    cell: str
    start: int
    system: str | None

    def __call__(self, reply: Reply) -> None:
        if not reply.text:
            return
        asked = map(_without_reasoning, reply.request.messages[self.start :])
        said = (*asked, _answer(reply))
        turn = Turn(
            self.cell,
            said,
            self.system,
            total(reply),
            least_of(reply),
            chat.counted_as(reply.request, reply.base_url),
        )
        self.chats.put(self.chats[self.name].with_turn(turn))


def next_turn(
    chats: Chats,
    name: str,
    cell: str,
    prepared: Prepared,
    context: Callable[[Prepared, int], int | None],
) -> Prepared:
    """The prompt as the next turn of a conversation, which takes it when answered.

    The system prompt of the cell, or of its profile, counts over that of the
    conversation, and that over what the session has by default. ``context`` tells the
    model's context for a prompt of so many tokens, as :meth:`Session.context` does.

    Raises:
        UsageError: it does not fit the model's context, and ``trim`` is ``stop``.
    """
    held = chats[name]
    found = held.before(cell)
    system, said = _parted(prepared.request.messages)
    own = bool(system) and prepared.resolved.layer("system") in _OWN
    given = system if own or not found.system else None
    system = given or found.system
    kept = _fitted(found, system, said, prepared, context)
    head = [Message("system", system)] if system else []
    before = [one for turn in kept.turns for one in turn.messages]
    request = replace(prepared.request, messages=(*head, *before, *said))
    start = len(head) + len(before)
    advice = (*prepared.advice, *_news(held, kept, cell))
    return replace(
        prepared,
        request=request,
        advice=advice,
        then=_Draft(chats, name, cell, start, given),
        prompt_least=_least(kept, found, request, prepared.resolved.place),
    )


def _least(
    kept: Conversation, found: Conversation, request: Request, place: str
) -> int | None:
    """The tokens that the prompt has at least, by what was counted of its turns."""
    last = found.turns[-1] if found.turns else None
    if last is None or last.least_tokens is None or kept is not found:
        return None
    alike = last.counted_as == chat.counted_as(request, place)
    return last.least_tokens if alike else None


def _fitted(
    found: Conversation,
    system: str | None,
    said: Sequence[Message],
    prepared: Prepared,
    learn: Callable[[Prepared, int], int | None],
) -> Conversation:
    head = [Message("system", system)] if system else []
    before = [one for turn in found.turns for one in turn.messages]
    request = replace(prepared.request, messages=(*head, *before, *said))
    how = prepared.resolved["trim"]
    count = token_counts.count_request(request, prepared.resolved.place)
    context = learn(prepared, count.tokens)
    excess = chat.excess(request, count.tokens, context)
    if how != "stop" and not count.exact:
        excess = chat.excess(request, count.most, context)
        excess = math.ceil(excess / token_counts.MARGIN)  # turns are estimated as well
    if excess <= 0 or context is None:
        return found
    kept = found if how == "stop" else found.without(how, excess)
    saved = sum(map(chat.turn_tokens, found.turns)) - sum(
        map(chat.turn_tokens, kept.turns)
    )
    if saved < excess:
        raise chat.overfull(found.name, count, context)
    return kept


def _news(
    held: Conversation, kept: Conversation, cell: str
) -> list[tuple[str, Mapping[str, Any]]]:
    """What the person should know about the place of this turn."""
    news: list[tuple[str, Mapping[str, Any]]] = []
    if held.has(cell):
        dropped = held.dropped_by(cell)
        key = "chat_dropped" if dropped else "chat_replaced"
        news.append((key, {"name": held.name, "count": dropped}))
    left_out = len(held.before(cell).turns) - len(kept.turns)
    if left_out:
        news.append(("chat_trimmed", {"name": held.name, "count": left_out}))
    return news


class Asks(Protocol):
    """What a conversation needs of its session."""

    chats: Chats

    def context(self, prepared: Prepared, size: int) -> int | None:
        """The context of the model, or None where nobody tells."""

    def prepare(self, prompt: "Prompt", **given: Any) -> Prepared:
        """A prompt made a request, with nothing sent."""

    def ask(self, prompt: "Prompt", **given: Any) -> Reply:
        """Send a prompt and wait for its whole answer."""

    def stream(self, prompt: "Prompt", **given: Any) -> "Stream":
        """Send a prompt; its answer comes as deltas."""


class Chat:
    """One conversation of a session: ``session.chat("tutor").ask("Hello")``."""

    def __init__(self, session: Asks, name: str) -> None:
        self._session = session
        self.name = name

    @property
    def conversation(self) -> Conversation:
        """The turns so far, as a value."""
        return self._session.chats[self.name]

    def prepare(
        self, prompt: Any, *, cell: str | None = None, **given: Any
    ) -> Prepared:
        """The next turn, with nothing sent; sending it by any way adds the turn.

        ``cell`` is whose turn it is: a second one of the same cell replaces the first
        and drops what came after it. None: a new one.
        """
        prepared = self._session.prepare(prompt, **given)
        cell = cell or secrets.token_hex(8)
        session = self._session
        return next_turn(session.chats, self.name, cell, prepared, session.context)

    def ask(self, prompt: Any, **given: Any) -> Reply:
        """The next turn, as :meth:`Session.ask`."""
        return self._session.ask(self.prepare(prompt, **given))

    def stream(self, prompt: Any, **given: Any) -> "Stream":
        """The next turn, as :meth:`Session.stream`."""
        return self._session.stream(self.prepare(prompt, **given))

    def frame(self) -> "pd.DataFrame":
        """A row a message: turn, cell, role, content, tool."""
        return self.conversation.frame()

    def reset(self) -> bool:
        """Forget all turns; tells whether there were any."""
        return self._session.chats.forget(self.name)

    def save(self, path: str | Path) -> None:
        """Write the messages as JSON in the OpenAI form."""
        target = Path(path).expanduser()
        try:
            private_files.write(target, self.conversation.to_json() + "\n")
        except OSError as wrong:
            raise UsageError("chat.unwritable", path=target, reason=wrong) from wrong

    def load(self, path: str | Path) -> None:
        """Begin anew with messages in the OpenAI form from a JSON file.

        Raises:
            VariableError: the file cannot be read.
            UsageError: it holds no messages.
        """
        source = Path(path).expanduser()
        try:
            text = source.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as wrong:
            raise VariableError("unreadable_file", path=path, reason=wrong) from wrong
        self._session.chats.put(Conversation.from_json(self.name, text))


def _parted(messages: Sequence[Message]) -> tuple[str | None, tuple[Message, ...]]:
    if messages[0].role == "system":
        return messages[0].content, tuple(messages[1:])
    return None, tuple(messages)


def _without_reasoning(message: Message) -> Message:
    """What stays in the conversation: thinking is for its own turn alone."""
    return replace(message, reasoning=None, reasoning_field=None)


def _answer(reply: Reply) -> Message:
    return Message("assistant", reply.text)


def total(reply: Reply) -> int | None:
    """The tokens of a conversation after a reply, where the endpoint counted."""
    return None if reply.usage is None else reply.usage.total_tokens
