"""One point of a comparison as a card: its request and its result."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import answer_notes, bundles, markdown
from wcode_magics.display.sweep_bundles import marked
from wcode_magics.display.text_table import shown_value
from wcode_magics.errors import WcodeError
from wcode_magics.logprobs.number_format import number
from wcode_magics.output.escaping import WRAPPED, faint
from wcode_magics.protocol import models, parameters
from wcode_magics.protocol.reply import Reply, is_answer, reply_of
from wcode_magics.sending.request_run import Prepared, Stream
from wcode_magics.session.repeat import RUN
from wcode_magics.session.session import Session
from wcode_magics.session.sweep import Point, Trial
from wcode_magics.text import say
from wcode_magics.widgets.label import made
from wcode_magics.widgets.status import problem_html


@dataclass
class Card:
    """One point of the grid: its request and its result."""

    point: Point
    prepared: Prepared
    flow: Stream | None = None
    text: str = ""
    reply: Reply | None = None
    error: WcodeError | None = None
    body: Any = field(default_factory=lambda: made(widgets.HTML))
    foot: Any = field(default_factory=lambda: made(widgets.HTML, classes="wcode-foot"))

    @property
    def trial(self) -> Trial:
        """The point with its result."""
        return Trial(self.point, self.reply, self.error)

    @property
    def over(self) -> bool:
        """Whether the request has been answered or has failed."""
        return self.reply is not None or self.error is not None

    def take(self, *, stop: bool) -> None:
        """Read what has arrived; with ``stop``, cancel the stream."""
        if self.flow is None or self.over:
            return
        try:
            while (delta := self.flow.get(0)) is not None:
                self.text += delta.text
            if stop:
                self.flow.close()
            if stop or self.flow.over:
                self.reply = self.flow.reply
        except WcodeError as error:
            kept = reply_of(error)
            self.error = error
            self.reply = kept if kept is not None and is_answer(kept) else None

    def open(self, session: Session) -> None:
        """Send the request; an error is kept in ``error``."""
        try:
            self.flow = session.stream(self.prepared)
        except WcodeError as error:
            self.error = error

    def close(self) -> None:
        """Cancel the stream if it is open."""
        if self.flow is not None:
            self.flow.close()

    def draw(self) -> None:
        """Show the text received so far."""
        page = markdown.html(self.text)
        if self.error is not None:
            page += problem_html(self.error)
        elif self.flow is not None:
            page += bundles.wait_bundle(self.flow.waits)["text/html"]
        self.body.value = page

    def end(self, first: Reply) -> None:
        """Show the answer, with its differences from the first one, and its foot."""
        if self.reply is not None:
            problem = "" if self.error is None else problem_html(self.error)
            text = marked(first.text, self.reply.text)
            self.body.value = f'<div style="{WRAPPED}">{text}</div>{problem}'
            self.foot.value = foot(self.reply)


def foot(reply: Reply) -> str:
    """Return warning, tokens, price and seconds of an answer as a line of HTML."""
    parts = [answer_notes.badge(reply)]
    if reply.usage is not None:
        count = reply.usage.completion_tokens
        parts.append(say("panel.answer_tokens", count=f"{count:,}"))
    cost = reply.cost
    parts.append("" if cost is None else models.money(cost, reply.currency))
    parts.append(say("ui.seconds", seconds=number(reply.elapsed)))
    line = " · ".join(filter(None, parts))
    return faint(line)


def title(point: Point, names: Iterable[str]) -> str:
    """Return some values of a point, such as ``Temperature 0.5 · Seed 1``."""
    return " · ".join(f"{_label(name)} {shown_value(point[name])}" for name in names)


def _label(dimension: str) -> str:
    if dimension in parameters.NAMES:
        return say(f"params.{dimension}.label")
    return say("panel.run_label" if dimension == RUN else "panel.model")
