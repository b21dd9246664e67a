"""Panel page that sends one prompt with several values and lays out the answers."""

import threading
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import ipywidgets as widgets

from wcode_magics.display.live_display import REDRAW_S
from wcode_magics.errors import OptionError, UsageError
from wcode_magics.logprobs import comparison_html
from wcode_magics.logprobs.alignment import agree
from wcode_magics.output.escaping import escape
from wcode_magics.protocol import parameters
from wcode_magics.session.sweep import AT_ONCE, estimated, grid_points, refuse_many
from wcode_magics.settings import option_values, options
from wcode_magics.text import say
from wcode_magics.widgets.answer import asked
from wcode_magics.widgets.cards import Card, bundle, foot, marked
from wcode_magics.widgets.closing import release
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.label import FULL
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.worker import Worker

DIMENSIONS = 2


class ComparePage:
    """Page for a grid over one or two parameters."""

    name = "compare"

    def __init__(self, desk: PanelState) -> None:
        self._desk = desk
        self._worker = Worker(desk.fail, self._busy)
        self._dimensions = [_Dimension() for _ in range(DIMENSIONS)]
        self._start = widgets.Button(
            description=say("panel.compare"), icon="columns", button_style="primary"
        )
        self._stop = widgets.Button(
            description=say("panel.stop"), icon="stop", disabled=True
        )
        self._told = widgets.HTML()
        self._grid = widgets.GridBox()
        self._grid.add_class("wcode-grid")
        self._start.on_click(desk.guarded(lambda _button: self._send()))
        self._stop.on_click(desk.guarded(lambda _button: self._worker.stop()))
        rows = [dimension.widget for dimension in self._dimensions]
        bar = widgets.HBox([self._start, self._stop])
        self.widget = widgets.VBox([*rows, bar, self._told, self._grid])

    def refresh(self) -> None:
        """Do nothing: a comparison does not follow the draft."""

    def close(self) -> None:
        """Cancel all requests."""
        self._worker.stop()

    def _send(self) -> None:
        self._desk.clear()
        self._worker.start(self._begin)

    def _begin(self, stop: threading.Event) -> None:
        desk = self._desk
        desk.barrier.wait()
        read = [one.read(desk.names or {}) for one in self._dimensions]
        grid = dict(pair for pair in read if pair is not None)
        if not grid:
            raise OptionError("sweep.empty", name=say("panel.compare"))
        points = grid_points(grid)
        drafts = [reduce(_set, point.items(), desk.draft) for point in points]
        cards = [
            Card(point, draft.prepare(desk.session, desk.names))
            for point, draft in zip(points, drafts, strict=True)
        ]
        ready = [card.prepared for card in cards]
        _tokens, most = estimated([(one.request, one.resolved.place) for one in ready])
        refuse_many(len(cards), most)
        self._lay_out(cards, drafts, len(list(grid.values())[-1]))
        self._run(cards, stop)

    def _lay_out(
        self, cards: Sequence[Card], drafts: Sequence[Draft], columns: int
    ) -> None:
        boxes = []
        for card, draft in zip(cards, drafts, strict=True):
            card.head.value = f"<b>{escape(card.title)}</b>"
            adopt = widgets.Button(
                description=say("panel.adopt"),
                tooltip=say("panel.adopt_tip"),
                layout=widgets.Layout(width="auto", flex="none"),
            )
            adopt.on_click(self._desk.guarded(self._adopter(draft.values)))
            top = widgets.HBox([card.head, adopt])
            top.add_class("wcode-card-head")
            box = widgets.VBox([top, card.body])
            box.add_class("wcode-card")
            boxes.append(box)
        self._grid.layout.grid_template_columns = f"repeat({columns}, minmax(9em, 1fr))"
        old, self._grid.children = self._grid.children, boxes
        release(*old)
        self._told.value = ""

    def _adopter(self, values: Mapping[str, Any]) -> Any:
        def adopt(_button: Any) -> None:
            desk = self._desk
            desk.take(lambda draft: Draft(draft.prompt, values, draft.turns))

        return adopt

    def _run(self, cards: Sequence[Card], stop: threading.Event) -> None:
        """Answer all cards; no stream is left open, however it ends."""
        try:
            self._answer(cards, stop)
        finally:
            for card in cards:
                card.close()
        self._end(cards)

    def _answer(self, cards: Sequence[Card], stop: threading.Event) -> None:
        while not all(card.over for card in cards):
            halted = stop.is_set()
            open_ = [card for card in cards if card.flow and not card.over]
            waiting = [card for card in cards if card.flow is None and not card.over]
            for card in waiting[: 0 if halted else AT_ONCE - len(open_)]:
                card.open(self._desk.session)
                open_.append(card)
            for card in open_:
                card.take(stop=halted)
                card.draw()
            if halted:
                break
            stop.wait(REDRAW_S)

    def _end(self, cards: Sequence[Card]) -> None:
        replies = [card.reply for card in cards if card.reply is not None]
        if not replies:
            return
        self._desk.bind(replies[0])
        told = comparison_html.agreement(agree(replies))
        self._told.value = f'<div class="wcode-faint">{escape(told)}</div>'
        for card in cards:
            if card.reply is not None:
                card.body.value = marked(replies[0], card.reply) + foot(card.reply)
        prompt = cards[0].prepared.request.messages[-1].content or ""
        self._desk.picture.show(asked(prompt, bundle(cards, replies[0], told)))

    def _busy(self, busy: bool) -> None:
        self._stop.disabled = not busy


class _Dimension:
    """Parameter and the values it takes."""

    def __init__(self) -> None:
        rows = [(say("panel.model"), "model")]
        rows += [(say(f"params.{name}.label"), name) for name in parameters.NAMES]
        self._name = widgets.Dropdown(
            options=[(say("panel.dimension"), ""), *rows],
            description=say("panel.dimension"),
            layout=FULL,
        )
        self._values = widgets.Text(
            description=say("panel.values"),
            placeholder=say("panel.values"),
            continuous_update=False,
            layout=FULL,
        )
        self.widget = widgets.Box([self._name, self._values])
        self.widget.add_class("wcode-pair")
        self.widget.add_class("wcode-unseen")

    def read(self, variables: Mapping[str, Any]) -> tuple[str, Sequence[Any]] | None:
        """Return name and checked values, or None if unset; raises UsageError."""
        name = self._name.value
        if not name:
            return None
        if not self._values.value.strip():
            raise UsageError("panel.no_values", name=name)
        raw = f"{name}={self._values.value.strip()}"
        found: tuple[str, Sequence[Any]] = option_values.read(
            options.flag("--sweep"), raw, variables
        )
        return found


def _set(draft: Draft, item: tuple[str, Any]) -> Draft:
    return draft.put(*item)
