"""Streaming answer of a panel, and the plain output that replaces it.

A streaming answer is shown in widgets; once complete, it becomes an ordinary output
below the panel, which a saved notebook keeps and shows without a kernel.
"""

import threading
import traceback
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import bundles
from wcode_magics.display.live_display import EMPTY, PLACES, Live
from wcode_magics.errors import WcodeError
from wcode_magics.output.escaping import escape
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.output.mimebundle import bundle as bundle_of
from wcode_magics.protocol.messages import Delta
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.session import Session
from wcode_magics.text import say

MARK = "wcode-picture"
_HIDE_DEAD = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .wcode-picture)"
    ":not(:has(.widget-box)){display:none}</style>"
)
"""Hides the panel above, which shows only «model not found» without a kernel."""


class WidgetScreen:
    """Outputs as a column of HTML widgets; ``live_display.Screen`` for a panel."""

    def __init__(self) -> None:
        self._blocks = [widgets.HTML() for _place in range(PLACES)]
        self.widget = widgets.VBox(self._blocks)
        self.widget.add_class("wcode-answer")

    def show(self, bundle: Bundle, place: int) -> None:
        """Show a bundle in one of the places."""
        self._blocks[place].value = bundle["text/html"]

    def clear(self) -> None:
        """Empty all places."""
        for place in range(PLACES):
            self.show(EMPTY, place)


class Picture:
    """Output below the panel: the last result, as HTML and plain text."""

    def __init__(self) -> None:
        self._handle: Any = None

    def open(self) -> None:
        """Display the output, still empty."""
        from IPython.display import DisplayHandle

        self._handle = DisplayHandle()
        self._handle.display(self._bundle(bundles.note_bundle("")), raw=True)

    def show(self, bundle: Bundle, metadata: dict[str, Any] | None = None) -> None:
        """Replace the result shown."""
        if self._handle is not None:
            shown = self._bundle(bundle)
            self._handle.update(shown, raw=True, metadata=metadata or {})

    def _bundle(self, bundle: Bundle) -> Bundle:
        plain = bundle["text/plain"]
        body = bundle["text/html"] if plain else ""
        shown = f'<div class="{MARK}">{_HIDE_DEAD}{body}</div>'
        return bundle_of(shown, plain)


def stream(
    session: Session, prepared: Prepared, live: Live, stop: threading.Event
) -> Reply:
    """Send a request and draw the answer until it ends or ``stop`` is set.

    Returns:
        The reply, complete or partial.

    Raises:
        WcodeError: its ``reply`` holds what arrived.
    """
    if prepared.before is not None:
        live.add(prepared.before.text)
    with session.stream(prepared) as flow:
        for delta in flow.watched(
            lambda seconds: live.hold(bundles.wait_bundle(seconds)),
            lambda: min(live.patience or 0.02, 0.1),
        ):
            live.take(delta or Delta())
            if stop.is_set():
                break
        flow.close()
        return flow.reply


def asked(prompt: str, bundle: Bundle) -> Bundle:
    """Return a result below the prompt that it answers."""
    head = f'<div style="{bundles.NOTE};white-space:pre-wrap">{escape(prompt)}</div>'
    plain = f"> {prompt}\n\n{bundle['text/plain']}"
    return bundle_of(head + bundle["text/html"], plain)


def problem_html(error: BaseException) -> str:
    """Return an error as HTML, with a traceback if it is not a WcodeError."""
    if isinstance(error, WcodeError):
        return str(bundles.note_bundle(str(error))["text/html"])
    said = bundles.note_bundle(f"{type(error).__name__}: {error}")["text/html"]
    lines = "".join(traceback.format_exception(error))
    details = f"<details><summary>{escape(say('panel.details'))}</summary>"
    return f"{said}{details}<pre>{escape(lines)}</pre></details>"
