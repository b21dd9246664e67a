"""One conversation of a session, to ask, stream, save and load."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wcode_magics.errors import UsageError, VariableError
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime import private_files
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.conversation import Conversation
from wcode_magics.session.conversations import Chats, next_turn

if TYPE_CHECKING:
    import pandas as pd

    from wcode_magics.sending.request_run import Prompt, Stream


class Asks(Protocol):
    """Session interface that a conversation uses."""

    chats: Chats

    def context(self, prepared: Prepared, size: int) -> int | None:
        """Return the context of the model in tokens, or None if unknown."""

    def prepare(self, prompt: "Prompt", **given: Any) -> Prepared:
        """Build the request for a prompt without sending it."""

    def ask(self, prompt: "Prompt", **given: Any) -> Reply:
        """Send a prompt and wait for the whole answer."""

    def stream(self, prompt: "Prompt", **given: Any) -> "Stream":
        """Send a prompt and return a stream of its answer's deltas."""


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
        """Prepare the next turn without sending it; any way of sending adds the turn.

        ``cell`` identifies the turn: a second turn of the same cell replaces the first
        and drops all later ones. None creates a new one.
        """
        prepared = self._session.prepare(prompt, **given)
        cell = cell or secrets.token_hex(8)
        session = self._session
        return next_turn(session.chats, self.name, cell, prepared, session.context)

    def ask(self, prompt: Any, **given: Any) -> Reply:
        """Send the next turn, like :meth:`Session.ask`."""
        return self._session.ask(self.prepare(prompt, **given))

    def stream(self, prompt: Any, **given: Any) -> "Stream":
        """Stream the next turn, like :meth:`Session.stream`."""
        return self._session.stream(self.prepare(prompt, **given))

    def frame(self) -> "pd.DataFrame":
        """Return one row per message: turn, cell, role, content, tool."""
        return self.conversation.frame()

    def reset(self) -> bool:
        """Delete all turns; return whether there were any."""
        return self._session.chats.forget(self.name)

    def save(self, path: str | Path) -> None:
        """Write the messages as JSON in OpenAI format."""
        try:
            target = Path(path).expanduser()
            private_files.write(target, self.conversation.to_json() + "\n")
        except (OSError, RuntimeError) as wrong:  # ~nobody
            raise UsageError("chat.unwritable", path=path, reason=wrong) from wrong

    def load(self, path: str | Path) -> None:
        """Replace the conversation by messages in OpenAI format from a JSON file.

        Raises:
            VariableError: the file cannot be read.
            UsageError: it contains no messages.
        """
        try:
            text = Path(path).expanduser().read_text("utf-8")
        except (OSError, RuntimeError, UnicodeDecodeError) as wrong:  # ~nobody
            raise VariableError("unreadable_file", path=path, reason=wrong) from wrong
        self._session.chats.put(Conversation.from_json(self.name, text))
