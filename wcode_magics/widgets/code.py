"""Panel page that shows the request as a cell or in any supported language."""

import threading
from functools import partial
from typing import Any

import ipywidgets as widgets

from wcode_magics import snippets
from wcode_magics.display import highlight
from wcode_magics.errors import WcodeError
from wcode_magics.output.escaping import attribute, escape
from wcode_magics.text import say
from wcode_magics.widgets.buttons import button
from wcode_magics.widgets.label import made
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.status import StatusLine
from wcode_magics.widgets.worker import Later, Worker

CELL = "cell"
TYPING_PAUSE_S = 0.3
_COPY = (
    "navigator.clipboard.writeText("
    "this.closest('.wcode-code').querySelector('.wcode-source').innerText)"
)


class CodePage:
    """Page that shows the panel's draft as a ``%%wcode`` cell or as a program."""

    name = "code"

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self._later = Later(TYPING_PAUSE_S, self._draw)
        self.status = state.status = StatusLine()
        self._worker = Worker(self.status.fail)
        rows = [(f"{row.title} · {row.library}", row.key) for row in snippets.TARGETS]
        self._menu = made(
            widgets.Dropdown,
            options=[(say("panel.cell"), CELL), *rows],
            description=say("panel.language"),
            classes="wcode-grows",
        )
        self._menu.observe(state.guarded(lambda _change: self._draw()), "value")
        self._shown = made(widgets.HTML)
        parts = [self._menu]
        if state.front_end is not None:
            insert = partial(self._worker.start, self._put_in)
            parts.append(button(state, "insert", insert, icon="plus"))
        parts.append(made(widgets.HTML, _copy_html(), classes="wcode-copy"))
        bar = made(widgets.HBox, parts, classes="wcode-unseen")
        shown = [bar, self.status.widget, self._shown]
        self.widget = made(widgets.VBox, shown, classes="wcode-code")
        self._draw()

    def refresh(self) -> None:
        """Redraw the code once the draft stops changing."""
        self._later.ask()

    def close(self) -> None:
        """Cancel a pending redraw."""
        self._later.forget()

    def _put_in(self, _stop: threading.Event) -> None:
        self._state.barrier.wait()
        source = self._state.draft.cell if self._menu.value == CELL else self._program()
        self._state.front_end.insert(source)

    def _program(self) -> str:
        prepared = self._state.prepare()
        endpoint = self._state.session.endpoint(prepared.resolved)
        return snippets.render(
            prepared.request,
            self._menu.value,
            base_url=endpoint.base_url,
            needs_key=endpoint.key is not None,
        )

    def _draw(self) -> None:
        note: list[str] = []
        try:
            if self._menu.value == CELL:
                shown = f"<pre>{escape(self._state.draft.cell)}</pre>"
            else:
                note = self._state.row_note
                lexer = snippets.find(self._menu.value).title
                shown = highlight.html(self._program(), lexer)
        except WcodeError as error:
            self._put(f'<div class="wcode-faint">{escape(str(error))}</div>')
            return
        self.status.show(note)
        self._put(f'<div class="wcode-source">{shown}</div>')

    def _put(self, html: Any) -> None:
        if self._shown.value != html:
            self._shown.value = html


def _copy_html() -> str:
    """Return a button that copies the code without the kernel."""
    return (
        f'<button class="jupyter-button" onclick="{attribute(_COPY)}">'
        f'<i class="fa fa-copy"></i> {escape(say("panel.copy"))}</button>'
    )
