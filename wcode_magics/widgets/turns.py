"""Conversation as a chat: every turn once, the newest at the bottom.

A turn is edited where it stands, sent again, copied or deleted.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import markdown
from wcode_magics.output.escaping import attribute, escape
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.text import say
from wcode_magics.widgets.buttons import button
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.label import made, release
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.static_copy import QUOTE

PAIR = 2
"""Messages per turn: the user's, and the answer."""
_COPY = "navigator.clipboard.writeText(this.dataset.text)"


class Turns:
    """Turns before the prompt; ``send`` sends the draft of one of them again.

    The answer of the last turn is shown elsewhere, in the place of answers, if it is
    the one given to :meth:`add`.
    """

    def __init__(self, state: PanelState, send: Callable[[Draft], None]) -> None:
        self._state = state
        self._send = send
        self._answer = ""
        self._pending: str | None = None
        self._editing: int | None = None
        self._shown: Any = ()
        self.is_on = bool(state.draft.turns)
        self.widget = made(widgets.VBox, classes="wcode-turns")
        self.show()

    def keep(self, *, on: bool) -> None:
        """Begin a conversation, or forget it."""
        self.is_on = on
        if not on:
            self._state.take(lambda draft: replace(draft, turns=(), sources={}))
        self.show()

    def ask(self, prompt: str | None) -> None:
        """Show a prompt whose answer is awaited, after all turns; None: no more."""
        self._pending, self._editing = prompt, None
        if prompt is not None:
            self._answer = ""
        self.show()

    def add(self, prompt: str, reply: Reply, source: str | None) -> None:
        """Add a turn to the conversation.

        ``source`` is what the user wrote; None replaces the last turn, which the new
        one continues.
        """
        turn = Message("user", prompt), Message("assistant", reply.text)

        def edit(draft: Draft) -> Draft:
            if source is not None or not draft.turns:
                return draft.with_turn(*turn, source)
            last = len(draft.turns) - PAIR
            return draft.without(last, PAIR).with_turn(*turn, draft.sources.get(last))

        self._pending, self._answer = None, reply.text
        self._state.take(edit)

    def show(self) -> None:
        """Show the turns of the draft, but for the answer that is shown elsewhere."""
        turns = self._state.draft.turns
        shown = turns
        if turns and self._pending is None and turns[-1].content == self._answer:
            shown = turns[:-1]
        contents = (shown, self._pending, self._editing)
        if contents == self._shown:
            return
        self._shown = contents
        rows = [self._row(at, message) for at, message in enumerate(shown)]
        if self._pending is not None:
            prompt = turn_html(Message("user", self._pending))
            rows.append(made(widgets.HTML, prompt, classes="wcode-turn"))
        old, self.widget.children = self.widget.children, rows
        release(*old)

    def _row(self, at: int, message: Message) -> Any:
        if at == self._editing:
            return self._editor(at, message)
        text = made(widgets.HTML, turn_html(message), classes="wcode-said")
        buttons = [self._button("edit", "pencil", lambda: self._edit(at))]
        if message.role == "user":
            buttons += [
                self._button("resend", "refresh", lambda: self._resend(at)),
                self._button("delete", "trash", lambda: self._delete(at)),
            ]
        copied = _copy_html(message.content or "")
        copy = made(widgets.HTML, copied, classes="wcode-copy")
        row = [text, copy, *buttons]
        return made(widgets.HBox, row, classes=f"wcode-turn wcode-by-{message.role}")

    def _editor(self, at: int, message: Message) -> Any:
        is_user = message.role == "user"
        source = self._state.draft.source(at) if is_user else message.content or ""
        name = say("panel.edited")
        field = made(
            widgets.Textarea, source, description=name, rows=1, classes="wcode-field"
        )
        keep = {"edit_keep": lambda: self._rewrite(at, field.value)}
        if is_user:
            keep["edit_send"] = lambda: self._resend(at, field.value)
        keep["edit_cancel"] = lambda: self._edit(None)
        bar = [self._button(key, "", call) for key, call in keep.items()]
        row = [field, made(widgets.HBox, bar)]
        return made(widgets.VBox, row, classes="wcode-turn wcode-unseen")

    def _button(self, key: str, icon: str, call: Callable[[], None]) -> Any:
        return button(self._state, key, call, words=not icon, icon=icon)

    def _edit(self, at: int | None) -> None:
        self._editing = at
        self.show()

    def _rewrite(self, at: int, text: str) -> None:
        """Change the text of a turn; the turns after it stay."""
        self._editing = None
        self._state.take(lambda draft: draft.with_text(at, text, self._state.names))

    def _resend(self, at: int, text: str | None = None) -> None:
        """Send a turn again, as it was or changed; the turns after it are removed."""
        again = self._state.draft.before(at)
        self._editing = None
        self._send(again if text is None else replace(again, prompt=text))

    def _delete(self, at: int) -> None:
        self._editing = None
        self._state.take(lambda draft: draft.without(at, PAIR))


def turn_html(message: Message) -> str:
    """Render one message: the user's as a note, the model's as Markdown."""
    if message.role == "user":
        content = escape(message.content or "")
        return f'<div style="{QUOTE}">{content}</div>'
    return markdown.html(message.content or "")


def _copy_html(text: str) -> str:
    label = attribute(say("panel.copy"))
    return (
        f'<button class="jupyter-button" title="{label}" aria-label="{label}" '
        f'data-text="{attribute(text)}" onclick="{attribute(_COPY)}">'
        '<i class="fa fa-copy"></i></button>'
    )
