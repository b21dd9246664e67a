"""ChatTurns of one conversation of a session, to prepare, save and load."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import UsageError, mistyped
from wcode_magics.runtime import private_files
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.conversation import Conversation
from wcode_magics.session.conversations import next_turn
from wcode_magics.session.planner import Planner
from wcode_magics.settings.option_values import read_text

if TYPE_CHECKING:
    import pandas as pd


class ChatTurns:
    """The turns of one conversation: to prepare the next one, to save and load."""

    def __init__(self, planner: Planner, name: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise mistyped("name", name, "text")
        self._planner = planner
        self.name = name

    def __repr__(self) -> str:
        turns = len(self.conversation.turns)
        return f"<{type(self).__name__} {self.name!r}: turns {turns}>"

    @property
    def conversation(self) -> Conversation:
        """The turns so far, as a value."""
        return self._planner.chats[self.name]

    def prepare(
        self, prompt: Any, *, cell: str | None = None, **options: Any
    ) -> Prepared:
        """Prepare the next turn without sending it; any way of sending adds the turn.

        ``cell`` identifies the turn: a second turn of the same cell replaces the first
        and drops all later ones. None creates a new one.
        """
        prepared = self._planner.prepare(prompt, **options)
        cell = cell or secrets.token_hex(8)
        planner = self._planner
        return next_turn(planner.chats, self.name, cell, prepared, planner.context)

    def frame(self) -> "pd.DataFrame":
        """Return one row per message: turn, cell, role, content, tool."""
        return self.conversation.frame()

    def reset(self) -> bool:
        """Delete all turns; return whether there were any."""
        return self._planner.chats.forget(self.name)

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
        conversation = Conversation.from_json(self.name, read_text(path))
        self._planner.chats.put(conversation)
