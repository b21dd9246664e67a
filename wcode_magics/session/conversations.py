"""Conversations of a session: storage, and building of the next turn.

In a notebook they are files in the user's data folder, one per conversation and
notebook, so that a restarted kernel continues them. Elsewhere they live as long as
the process; :meth:`Chat.save` and :meth:`Chat.load` persist them.
"""

import json
import math
import re
import string
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from wcode_magics.errors import UsageError
from wcode_magics.protocol import token_counts
from wcode_magics.protocol.cut_prompt import least_of
from wcode_magics.protocol.json_extraction import parsed
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import private_files
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session import conversation as chat
from wcode_magics.session.conversation import Conversation, Turn
from wcode_magics.settings.settings import Advice

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""Errors raised by reading a file of arbitrary content."""

KIND = ".json"
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""Names that no file has on Windows, with any ending."""


class Chats:
    """Conversations by name; stored in ``folder``, or in memory if None."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._cache: dict[str, Conversation] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Conversation:
        """Return the conversation of a name; an empty one if there is none."""
        with self._lock:
            if name not in self._cache:
                self._cache[name] = self._read(name)
            return self._cache[name]

    def put(self, conversation: Conversation) -> None:
        """Store a conversation under its name."""
        with self._lock:
            self._cache[conversation.name] = conversation
            self._write(conversation)

    def forget(self, name: str) -> bool:
        """Delete a conversation, even a damaged one; return whether it existed."""
        known = name in self.names() or name in self.damaged()
        with self._lock:
            self._cache.pop(name, None)
            if self._folder is not None:
                self._remove(self._path(name))
        return known

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as wrong:
            raise UsageError("chat.unwritable", path=path, reason=wrong) from wrong

    def names(self) -> list[str]:
        """Return the names of readable conversations that have turns, sorted."""
        return sorted(name for name in self._all() if self._turns(name))

    def damaged(self) -> dict[str, UsageError]:
        """Return the unreadable conversations with their errors."""
        found = {}
        for name in sorted(self._all()):
            try:
                self[name]
            except UsageError as error:
                found[name] = error
        return found

    def _all(self) -> set[str]:
        return {*self._files()} | {*self._cache}

    def _files(self) -> dict[str, Path]:
        """Files by the name of their conversation, whichever way that is quoted."""
        folder = self._folder
        there = folder.iterdir() if folder and folder.is_dir() else ()
        found = sorted((one for one in there if one.name.endswith(KIND)), reverse=True)
        return {unquote(one.name[: -len(KIND)]): one for one in found}

    def _turns(self, name: str) -> tuple[Turn, ...]:
        try:
            return self[name].turns
        except UsageError:
            return ()

    def go_on(self, before: Reply, after: Reply) -> None:
        """Replace an answer that was cut off by its continuation."""
        for name in self.names():
            conversation = self[name]
            last = conversation.turns[-1]
            if last.messages[-1] == _answer(before):
                messages = (*last.messages[:-1], _answer(after))
                turn = replace(
                    last,
                    messages=messages,
                    total_tokens=total(after),
                    least_tokens=None,
                )
                self.put(replace(conversation, turns=(*conversation.turns[:-1], turn)))

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        quoted = self._folder / f"{_file_name(name)}{KIND}"
        return self._files().get(name, quoted)

    def _read(self, name: str) -> Conversation:
        empty = Conversation(name)
        if self._folder is None:
            return empty
        path = self._path(name)
        try:
            return chat.of_file(parsed(path.read_text("utf-8")), name)
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
            facts = {"name": name, "path": path, "reason": wrong}
            raise UsageError("chat.unkept", **facts) from wrong


def _file_name(name: str) -> str:
    """Quote a name so that it is unique on every file system.

    File systems of Windows and macOS ignore case; Windows has names of devices.
    """
    capitals = string.ascii_uppercase
    quoted = [f"%{ord(c):X}" if c in capitals else quote(c, safe=" ") for c in name]
    if _DEVICE.match(name):
        quoted[0] = f"%{ord(name[0]):X}"
    return "".join(quoted)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A turn awaiting its answer; ``start`` is the index of its first message."""

    chats: Chats
    name: str
    cell: str
    start: int
    system: str | None

    def __call__(self, reply: Reply) -> None:
        if not reply.text:
            return
        questions = [
            replace(message, reasoning=None, reasoning_field=None)
            for message in reply.request.messages[self.start :]
        ]  # reasoning is not sent in later turns
        messages = (*questions, _answer(reply))
        turn = Turn(
            self.cell,
            messages,
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
    """Return the prompt as the next turn of a conversation; its answer adds the turn.

    The system prompt of the cell, or of its profile, takes precedence over the
    conversation's, and that over the session's default. ``context`` returns the model's
    context for a prompt length in tokens, like :meth:`Session.context`.

    Raises:
        UsageError: it does not fit the model's context, and ``trim`` is ``stop``.
    """
    conversation = chats[name]
    found = conversation.before(cell)
    system, new = _parted(prepared.request.messages)
    overrides = bool(system) and prepared.resolved.is_own("system")
    own_system = system if overrides or not found.system else None
    head = [Message("system", text) for text in [own_system or found.system] if text]
    kept = _fitted(found, head, new, prepared, context)
    request = _asked(kept, head, new, prepared)
    start = len(request.messages) - len(new)
    advice = (*prepared.advice, *_advice(conversation, kept, cell))
    return replace(
        prepared,
        request=request,
        advice=advice,
        then=_Draft(chats, name, cell, start, own_system),
        prompt_least=_least(kept, found, request, prepared.resolved.place),
    )


def _least(
    kept: Conversation, found: Conversation, request: Request, place: str
) -> int | None:
    """Return the minimum prompt length in tokens, from the count of earlier turns."""
    last = found.turns[-1] if found.turns else None
    if last is None or last.least_tokens is None or kept is not found:
        return None
    same_count = last.counted_as == chat.counted_as(request, place)
    return last.least_tokens if same_count else None


def _asked(
    conversation: Conversation,
    head: Sequence[Message],
    new: Sequence[Message],
    prepared: Prepared,
) -> Request:
    before = [one for turn in conversation.turns for one in turn.messages]
    return replace(prepared.request, messages=(*head, *before, *new))


def _fitted(
    found: Conversation,
    head: Sequence[Message],
    new: Sequence[Message],
    prepared: Prepared,
    learn: Callable[[Prepared, int], int | None],
) -> Conversation:
    request = _asked(found, head, new, prepared)
    how = prepared.resolved["trim"]
    count = token_counts.count_request(request, prepared.resolved.place)
    context = learn(prepared, count.tokens)
    excess = chat.excess(request, count.tokens, context)
    if how != "stop" and not count.exact:
        excess = chat.excess(request, count.most, context)
        excess = math.ceil(excess / token_counts.MARGIN)  # turns are estimates too
    if excess <= 0 or context is None:
        return found
    kept = found if how == "stop" else found.without(how, excess)
    saved = sum(map(chat.turn_tokens, found.turns)) - sum(
        map(chat.turn_tokens, kept.turns)
    )
    if saved < excess:
        raise chat.overfull(found.name, count, context)
    return kept


def _advice(conversation: Conversation, kept: Conversation, cell: str) -> list[Advice]:
    """Return advice about the position of this turn in the conversation."""
    advice: list[Advice] = []
    if conversation.has(cell):
        dropped = conversation.dropped_by(cell)
        key = "chat_dropped" if dropped else "chat_replaced"
        advice.append((key, {"name": conversation.name, "count": dropped}))
    left_out = len(conversation.before(cell).turns) - len(kept.turns)
    if left_out:
        advice.append(("chat_trimmed", {"name": conversation.name, "count": left_out}))
    return advice


def _parted(messages: Sequence[Message]) -> tuple[str | None, tuple[Message, ...]]:
    if messages[0].role == "system":
        return messages[0].content, tuple(messages[1:])
    return None, tuple(messages)


def _answer(reply: Reply) -> Message:
    return Message("assistant", reply.text)


def total(reply: Reply) -> int | None:
    """Return the tokens of a conversation after a reply; None if not reported."""
    return None if reply.usage is None else reply.usage.total_tokens
