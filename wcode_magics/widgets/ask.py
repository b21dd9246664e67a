"""Panel page that sends the prompt: Send, Stop, cost estimate and answer."""

import threading
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import bundles
from wcode_magics.display.live_display import Live
from wcode_magics.errors import RejectedError, WcodeError
from wcode_magics.output.escaping import escape
from wcode_magics.protocol import parameters
from wcode_magics.protocol.reply import Reply, reply_of
from wcode_magics.sending.reply_history import Spent
from wcode_magics.sending.request_run import Prepared
from wcode_magics.text import say
from wcode_magics.widgets.answer import WidgetScreen, asked, stream
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.token_map import token_map
from wcode_magics.widgets.turns import Turns, turn_html
from wcode_magics.widgets.worker import Later, Worker

PATIENCE_S = 0.4
"""Seconds without typing after which the estimate is updated."""


class AskPage:
    """Page that sends the panel's draft and shows the answer."""

    name = "ask"

    def __init__(self, desk: PanelState) -> None:
        self._desk = desk
        self._worker = Worker(desk.fail, self._busy)
        self._later = Later(PATIENCE_S, self._estimate)
        self._screen = WidgetScreen()
        self._send = widgets.Button(
            description=say("panel.send"), icon="play", button_style="primary"
        )
        self._stop = widgets.Button(
            description=say("panel.stop"), icon="stop", disabled=True
        )
        self._told = widgets.HTML()
        self._send.on_click(desk.guarded(lambda _button: self.send()))
        self._stop.on_click(desk.guarded(lambda _button: self._worker.stop()))
        self._turns = Turns(desk, self.send)
        bar = widgets.HBox([self._send, self._stop])
        self._tokens = token_map(self._branch)
        self._last: Reply | None = None
        parts = [self._turns.widget, bar, self._told, self._screen.widget]
        self.widget = widgets.VBox([*parts, *([self._tokens] if self._tokens else [])])

    def refresh(self) -> None:
        """Show the turns, and update the estimate once the draft stops changing."""
        self._turns.show()
        self._later.ask()

    def send(self) -> None:
        """Send the draft; a running request is cancelled first."""
        self._desk.clear()
        self._worker.start(self._begin)

    def _branch(self, token: int, alternative: int) -> None:
        """Continue the last answer from an alternative to one of its tokens."""
        desk = self._desk
        desk.clear()
        try:
            given = {
                k: v for k, v in desk.draft.values.items() if k in parameters.NAMES
            }
            prepared = desk.session.branch(
                self._last, token=token, alternative=alternative, **given
            )
        except WcodeError as error:
            desk.fail(error)
            return
        self._worker.start(lambda stop: self._run(prepared, stop))

    def close(self) -> None:
        """Cancel pending work without waiting for it."""
        self._later.forget()
        self._worker.stop()

    def _begin(self, stop: threading.Event) -> None:
        desk = self._desk
        desk.barrier.wait()
        desk.check()
        draft = desk.draft
        self._run(draft.prepare(desk.session, desk.names), stop, draft.prompt)

    def _run(
        self, prepared: Prepared, stop: threading.Event, source: str | None = None
    ) -> None:
        desk = self._desk
        live = Live(self._screen, bundles.growing_bundle)
        try:
            reply = stream(desk.session, prepared, live, stop)
        except WcodeError as error:
            if (kept := reply_of(error)) is not None:
                self._end(prepared, kept, source)
            if isinstance(error, RejectedError):
                desk.rejected(error, prepared.request)
            raise
        finally:
            self._screen.clear()
        self._end(prepared, reply, source)

    def _end(self, prepared: Prepared, reply: Reply, source: str | None) -> None:
        """Bind the reply before drawing, so that a drawing error cannot lose it."""
        self._desk.bind(reply)
        asked_ = [m for m in prepared.request.messages if m.role != "system"]
        if prepared.before is not None:
            asked_.pop()
        prompt = asked_[-1].content or ""
        bundle = asked(prompt, bundles.reply_bundle(reply, prepared.resolved["format"]))
        bundle["text/html"] = "".join(map(turn_html, asked_[:-1])) + bundle["text/html"]
        self._desk.picture.show(bundle, bundles.reply_metadata(reply))
        self._turns.add(prompt, reply, source)
        self._last = reply
        if self._tokens is not None:
            self._tokens.show(reply.logprobs)
        self._estimate()

    def _busy(self, busy: bool) -> None:
        self._stop.disabled = not busy
        self._send.icon = "refresh" if busy else "play"

    def _estimate(self) -> None:
        try:
            prepared = self._desk.prepare()
        except WcodeError as error:
            empty = error.key == "empty_prompt"
            self._tell(say("panel.write") if empty else str(error))
        else:
            advice = [say(f"advice.{key}", **facts) for key, facts in prepared.advice]
            place = prepared.resolved.place
            self._tell(bundles.prompt_estimate(prepared.request, place), *advice)

    def _tell(self, *lines: str) -> None:
        spent = say("panel.session", spent=_spent(self._desk.session.ledger.spent))
        said = "".join(f"<div>{escape(line)}</div>" for line in (*lines, spent))
        shown = f'<div class="wcode-faint">{said}</div>'
        if self._told.value != shown:
            self._told.value = shown


def _spent(spent: Spent) -> str:
    """Return answers, tokens and price of a session."""
    facts: dict[str, Any] = {
        "answers": spent.answers,
        "tokens": f"{spent.tokens:,}",
        "price": str(spent.costs),
    }
    return say("panel.spent", **facts)
