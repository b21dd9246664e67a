"""Panel page that sends the prompt: Send, Stop, cost estimate and answer."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import bundles, reply_bundles
from wcode_magics.errors import RejectedError, WcodeError
from wcode_magics.protocol import parameters
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply, reply_of
from wcode_magics.sending.reply_history import Spent
from wcode_magics.sending.request_run import Prepared
from wcode_magics.text import say
from wcode_magics.widgets.answer import AnswerView, stream
from wcode_magics.widgets.buttons import send_and_stop
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.label import made
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.static_copy import with_prompt
from wcode_magics.widgets.status import StatusLine
from wcode_magics.widgets.turns import Turns, turn_html
from wcode_magics.widgets.worker import Later, Worker

TYPING_PAUSE_S = 0.4
"""Seconds without typing after which the estimate is updated."""
PROBABILITIES: Mapping[str, Any] = {"logprobs": True, "top_logprobs": 5}
"""Parameters that the switch sends."""


class AskPage:
    """Page that sends the panel's draft and shows the answer."""

    name = "ask"

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self.status = state.status = StatusLine()
        self._worker = Worker(self.status.fail, self._busy)
        self._later = Later(TYPING_PAUSE_S, self._estimate)
        self._send, self._stop = send_and_stop(
            state, "send", "play", self.send, self._worker.stop
        )
        self.turns = Turns(state, self.send)
        self._tokens = _switch("probabilities", on=self._wants_tokens())
        self._keep = _switch("talk", on=self.turns.is_on)
        self._tokens.observe(state.guarded(self._switched), "value")
        self._keep.observe(state.guarded(self._kept), "value")
        switches = made(widgets.HBox, [self._tokens, self._keep])
        parts = [self._send, self._stop, switches, self.status.widget]
        self.bar = made(widgets.HBox, parts, classes="wcode-bar")
        self.answer = AnswerView(self._branch)
        self.answer.view(tokens=self._tokens.value)
        self._sent: Draft | None = None
        self._last_prompt = ""
        self.arranged: Callable[[], None] = lambda: None
        """Called when the order of the parts has changed."""

    def parts(self, prompt: Any) -> list[Any]:
        """Return the parts of the page around the prompt, from top to bottom."""
        if self.turns.is_on:
            return [self.turns.widget, self.answer.widget, prompt, self.bar]
        return [self.turns.widget, prompt, self.bar, self.answer.widget]

    def refresh(self) -> None:
        """Show the draft, and update the estimate once it stops changing."""
        self.turns.show()
        self._tokens.value = self._wants_tokens()
        self.answer.set_stale(stale=self._is_stale())
        self._later.ask()

    def send(self, again: Draft | None = None) -> None:
        """Send the draft, or ``again`` an earlier turn's; cancel a running request."""
        self.status.clear()
        self._worker.start(lambda stop: self._begin(stop, again))

    def close(self) -> None:
        """Cancel pending work without waiting for it."""
        self._later.forget()
        self._worker.stop()

    def _branch(self, token: int, alternative: int) -> None:
        """Continue the last answer from an alternative to one of its tokens."""
        state = self._state
        self.status.clear()
        try:
            params = {
                k: v for k, v in state.draft.values.items() if k in parameters.NAMES
            }
            prepared = state.session.branch(
                self.answer.reply, token=token, alternative=alternative, **params
            )
        except WcodeError as error:
            self.status.fail(error)
            return
        self._worker.start(lambda stop: self._run(prepared, stop))

    def _begin(self, stop: threading.Event, again: Draft | None) -> None:
        state = self._state
        state.barrier.wait()
        state.check()
        before = state.draft
        draft = again or before
        prepared = draft.prepare(state.session, state.names)
        if not self.turns.is_on:
            self._run(prepared, stop, draft.prompt)
            return

        def clear_prompt(now: Draft) -> Draft:
            prompt = now.prompt if again else ""
            return replace(draft, values=now.values, prompt=prompt)

        def restore(now: Draft) -> Draft:
            return replace(
                before, values=now.values, prompt=now.prompt or before.prompt
            )

        self.turns.ask(prepared.request.messages[-1].content)
        state.take(clear_prompt)
        try:
            self._run(prepared, stop, draft.prompt)
        finally:
            if state.draft.turns == draft.turns:
                self.turns.ask(None)
                state.take(restore)

    def _run(
        self, prepared: Prepared, stop: threading.Event, source: str | None = None
    ) -> None:
        state = self._state
        self._sent = state.draft
        live = self.answer.begin(tokens=bool(prepared.request.params.get("logprobs")))
        try:
            reply = stream(state.session, prepared, live, stop, self.answer.grow)
        except WcodeError as error:
            if (partial := reply_of(error)) is not None:
                self._end(prepared, partial, source)
            else:
                self.answer.fail()
            if isinstance(error, RejectedError):
                state.rejected(error, prepared.request)
            raise
        self._end(prepared, reply, source)

    def _end(self, prepared: Prepared, reply: Reply, source: str | None) -> None:
        """Bind the reply before drawing, so that a drawing error cannot lose it."""
        self._state.bind(reply)
        messages = [m for m in prepared.request.messages if m.role != "system"]
        if prepared.before is not None:
            messages.pop()
        form = prepared.resolved["format"]
        self.answer.show(reply, form)
        self._last_prompt = messages[-1].content or ""
        if self.turns.is_on:
            self.turns.add(self._last_prompt, reply, source)
        self.answer.set_stale(stale=self._is_stale())
        self._estimate()
        self._copy(messages, reply, form)

    def _copy(self, messages: list[Message], reply: Reply, form: str) -> None:
        bundle = with_prompt(
            messages[-1].content or "", reply_bundles.reply_bundle(reply, form)
        )
        before = "".join(map(turn_html, messages[:-1]))
        bundle["text/html"] = before + bundle["text/html"]
        self._state.picture.show(bundle, reply_bundles.reply_metadata(reply))

    def _busy(self, busy: bool) -> None:
        self._stop.disabled = not busy
        self._send.icon = "refresh" if busy else "play"

    def _wants_tokens(self) -> bool:
        return bool(self._state.draft.values.get("logprobs"))

    def _switched(self, change: Any) -> None:
        on = bool(change["new"])
        self.answer.view(tokens=on)
        if on == self._wants_tokens():
            return

        def edit(draft: Draft) -> Draft:
            kept = {k: v for k, v in draft.values.items() if k not in PROBABILITIES}
            values = {**PROBABILITIES, **draft.values} if on else kept
            return replace(draft, values=values)

        self._state.take(edit)

    def _kept(self, change: Any) -> None:
        """Begin a conversation with the answer that is shown, or forget it."""
        self.turns.keep(on=bool(change["new"]))
        sent, reply = self._sent, self.answer.reply
        if self.turns.is_on and sent is not None and reply is not None:
            self.turns.add(self._last_prompt, reply, sent.prompt)
            if self._state.draft.prompt == sent.prompt:
                self._state.take(lambda draft: replace(draft, prompt=""))
        self.arranged()

    def _is_stale(self) -> bool:
        """Return whether other inputs would be sent now; probabilities do not count."""
        if self._sent is None or self.answer.reply is None or self.turns.is_on:
            return False
        same: bool = _inputs(self._sent) == _inputs(self._state.draft)
        return not same

    def _estimate(self) -> None:
        state = self._state
        lines = [say("panel.stale")] if self._is_stale() else []
        try:
            prepared = state.prepare()
        except WcodeError as error:
            empty = error.key == "empty_prompt"
            lines.append(say("panel.write") if empty else str(error))
        else:
            lines += state.row_note
            place = state.session.answering(prepared.resolved)
            lines.append(bundles.prompt_estimate(prepared.request, place))
            lines += [say(f"advice.{key}", **facts) for key, facts in prepared.advice]
        if state.front_end is None:
            lines.append(say("panel.needs_anywidget"))
        spent = state.session.pool.spent
        if spent.answers:
            lines.append(say("panel.session", spent=_spent(spent)))
        self.status.show(lines)


def _switch(key: str, *, on: bool) -> Any:
    return made(
        widgets.ToggleButton,
        value=on,
        description=say(f"panel.{key}"),
        tooltip=say(f"panel.{key}_tip"),
        classes="wcode-switch",
    )


def _inputs(draft: Draft) -> Any:
    values = {k: v for k, v in draft.values.items() if k not in PROBABILITIES}
    return draft.prompt, values


def _spent(spent: Spent) -> str:
    """Return answers, tokens and price of a session, with «–» for what is unknown."""
    parts = [say("panel.spent_answers", count=spent.answers)]
    if spent.tokens or not spent.uncounted:
        parts.append(say("panel.spent_tokens", count=f"{spent.tokens:,}"))
    return " · ".join([*parts, spent.costs.beside(spent.unpriced)])
