"""Answer area of a panel, for an answer that streams and one that has ended.

The streaming blocks and the finished answer are laid over each other, and one message
switches between them, so that nothing on the page moves when an answer ends.
"""

import threading
import time
from collections.abc import Callable
from functools import partial

import ipywidgets as widgets

from wcode_magics.display import bundles, reply_bundles
from wcode_magics.display.live_display import EMPTY, PLACES, Live
from wcode_magics.display.progress import Progress
from wcode_magics.logprobs import heatmap
from wcode_magics.output.escaping import faint
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.session import Session
from wcode_magics.text import say
from wcode_magics.widgets.label import made, mark
from wcode_magics.widgets.token_map import Choose, token_map

FOOT_S = 0.5
"""Seconds between two updates of the line below a streaming answer."""


class WidgetScreen:
    """Outputs as a column of HTML widgets; ``live_display.Screen`` for a panel."""

    def __init__(self) -> None:
        self._blocks = [made(widgets.HTML) for _place in range(PLACES)]
        self.widget = made(widgets.VBox, self._blocks, classes="wcode-stream")

    def show(self, bundle: Bundle, place: int) -> None:
        """Show a bundle in one of the places."""
        self._blocks[place].value = bundle["text/html"]

    def clear(self) -> None:
        """Empty all places."""
        for place in range(PLACES):
            self.show(EMPTY, place)


class AnswerView:
    """Answer as text or tokens, above a footer; ``choose`` as by :func:`token_map`."""

    def __init__(self, choose: Choose) -> None:
        self.screen = WidgetScreen()
        self._text = made(widgets.HTML, classes="wcode-text")
        self._map = token_map(choose)
        self._plain_map = None
        if self._map is None:
            self._plain_map = made(widgets.HTML, classes="wcode-map")
        self._foot = made(widgets.HTML, classes="wcode-foot")
        shown = [self.screen.widget, self._text, self._map or self._plain_map]
        scroll = made(widgets.Box, shown, classes="wcode-scroll")
        self.widget = made(
            widgets.VBox, [scroll, self._foot], classes="wcode-answer wcode-blank"
        )
        self.reply: Reply | None = None

    def begin(self, *, tokens: bool) -> Live:
        """Empty the place and return a display that streams into it."""
        self.screen.clear()
        self._foot.value = faint(say("panel.waiting"))
        for name, on in (("growing", True), ("blank", False), ("stale", False)):
            mark(self.widget, f"wcode-{name}", on=on)
        if tokens:
            growing = partial(reply_bundles.growing_bundle, tokens=True)
            return Live(self.screen, growing, is_markdown=False, first=0.0)
        return Live(self.screen, reply_bundles.growing_bundle, first=0.0)

    def grow(self, line: str) -> None:
        """Show how much of the answer has arrived."""
        self._foot.value = faint(line)

    def fail(self) -> None:
        """Empty the place, as no answer came."""
        self._foot.value = ""
        mark(self.widget, "wcode-growing", on=False)
        mark(self.widget, "wcode-blank", on=self.reply is None)
        if self.reply is not None:
            self._foot.value = reply_bundles.footer_html(self.reply)

    def show(self, reply: Reply, form: str) -> None:
        """Show an answer that has ended."""
        self.reply = reply
        self._text.value = reply_bundles.answer_html(reply, form)
        around = reply_bundles.begin_html(reply), reply_bundles.end_html(reply)
        if self._map is not None:
            self._map.show(reply.logprobs, around)
        elif self._plain_map is not None:
            logprobs = reply.logprobs
            page = "" if logprobs is None else heatmap.html(logprobs)
            self._plain_map.value = page.join(around)
        self._foot.value = reply_bundles.footer_html(reply)
        mark(self.widget, "wcode-has-tokens", on=reply.logprobs is not None)
        mark(self.widget, "wcode-growing", on=False)
        self.screen.clear()

    def view(self, *, tokens: bool) -> None:
        """Switch between the text and its tokens."""
        mark(self.widget, "wcode-as-tokens", on=tokens)

    def set_stale(self, *, stale: bool) -> None:
        """Mark whether the inputs have changed since the answer."""
        mark(self.widget, "wcode-stale", on=stale)


def stream(
    session: Session,
    prepared: Prepared,
    live: Live,
    stop: threading.Event,
    grow: Callable[[str], None],
) -> Reply:
    """Send a request and draw the answer until it ends or ``stop`` is set.

    ``grow`` is called twice a second with a line about what has arrived.

    Returns:
        The reply, complete or partial.

    Raises:
        WcodeError: its ``reply`` holds what arrived.
    """
    if prepared.before is not None:
        live.add(prepared.before.text)
    free = session.endpoint(prepared.resolved).sandbox
    progress = Progress(prepared.request, "" if free else prepared.resolved.place)
    due = 0.0
    with session.stream(prepared) as flow:
        for delta in flow.watched(
            lambda seconds: live.hold(bundles.wait_bundle(seconds)),
            lambda: min(live.until_redraw or 0.02, 0.1),
        ):
            live.take(delta)
            progress.take(delta)
            line = progress.line() if time.monotonic() >= due else ""
            if line:
                grow(line)
                due = time.monotonic() + FOOT_S
            if stop.is_set():
                break
        flow.close()
        live.draw()
        return flow.reply
