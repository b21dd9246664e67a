"""Conversation in the panel, whose turns can be edited, sent again or deleted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import bundles, markdown
from wcode_magics.output.escaping import escape
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.text import say
from wcode_magics.widgets.closing import release
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.state import PanelState

PAIR = 2
"""Messages per turn: the user's, and the answer."""


class Turns:
    """Turns before the prompt; ``send`` sends the draft."""

    def __init__(self, desk: PanelState, send: Callable[[], None]) -> None:
        self._desk = desk
        self._send = send
        self._drawn: tuple[Message, ...] | None = None
        self._keep = widgets.Checkbox(
            description=say("panel.talk"), value=bool(desk.draft.turns), indent=False
        )
        self._keep.observe(desk.guarded(self._kept), "value")
        self._rows = widgets.VBox()
        self._rows.add_class("wcode-turns")
        self.widget = widgets.VBox([self._keep, self._rows])
        self.show()

    def add(self, prompt: str, reply: Reply, source: str | None) -> None:
        """Add a turn to the conversation, if one is kept.

        ``source`` is what the user wrote; None replaces the last turn, which the new
        one continues.
        """
        if not self._keep.value:
            return
        turn = Message("user", prompt), Message("assistant", reply.text)

        def edit(draft: Draft) -> Draft:
            if source is not None or not draft.turns:
                return draft.taking(*turn, source)
            last = len(draft.turns) - PAIR
            return draft.without(last, PAIR).taking(*turn, draft.sources.get(last))

        self._desk.take(edit)

    def show(self) -> None:
        """Show the turns of the draft."""
        turns = self._desk.draft.turns
        if turns == self._drawn:
            return
        self._drawn = turns
        old = self._rows.children
        self._rows.children = [
            self._row(at, message) for at, message in enumerate(turns)
        ]
        release(*old)

    def _kept(self, change: Any) -> None:
        if not change["new"]:
            self._desk.take(lambda draft: replace(draft, turns=(), sources={}))

    def _row(self, at: int, message: Message) -> Any:
        text = widgets.HTML(turn_html(message), layout={"flex": "1 1 auto"})
        if message.role != "user":
            return widgets.HBox([text])
        buttons = [
            self._button("edit", "pencil", lambda: self._edit(at)),
            self._button("resend", "refresh", lambda: self._resend(at)),
            self._button("delete", "trash", lambda: self._delete(at)),
        ]
        return widgets.HBox([text, *buttons])

    def _button(self, key: str, icon: str, call: Callable[[], None]) -> Any:
        button = widgets.Button(
            icon=icon, tooltip=say(f"panel.{key}"), layout={"width": "32px"}
        )
        button.on_click(self._desk.guarded(lambda _button: call()))
        return button

    def _edit(self, at: int) -> None:
        """Move a turn's prompt back into the field; remove it and later turns."""
        self._desk.take(lambda draft: draft.before(at))

    def _resend(self, at: int) -> None:
        self._edit(at)
        self._send()

    def _delete(self, at: int) -> None:
        self._desk.take(lambda draft: draft.without(at, PAIR))


def turn_html(message: Message) -> str:
    """Render one message: the user's as a note, the model's as Markdown."""
    if message.role == "user":
        said = escape(message.content or "")
        return f'<div style="{bundles.NOTE};white-space:pre-wrap">{said}</div>'
    return markdown.html(message.content or "")
