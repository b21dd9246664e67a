"""Panel page that sends one prompt with several values and lays out the answers."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import ipywidgets as widgets

from wcode_magics.display.live_display import REDRAW_S
from wcode_magics.display.logprob_bundles import runs
from wcode_magics.display.sweep_bundles import bundle as sweep_bundle
from wcode_magics.errors import UsageError
from wcode_magics.logprobs.alignment import agree
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.output.escaping import escape
from wcode_magics.protocol import parameters
from wcode_magics.session.repeat import RUN, Runs
from wcode_magics.session.sweep import (
    CONCURRENCY,
    Point,
    Sweep,
    estimated,
    grid_of,
    grid_points,
    refuse_many,
)
from wcode_magics.settings import option_values, options
from wcode_magics.text import say
from wcode_magics.widgets.buttons import button, send_and_stop
from wcode_magics.widgets.cards import Card, title
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.label import entry, made, mark, release
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.static_copy import with_prompt
from wcode_magics.widgets.status import StatusLine
from wcode_magics.widgets.worker import Worker

DIMENSIONS = ("dimension", "second_dimension")
BESIDE = 4
"""Maximum number of answers of one parameter beside each other."""


class ComparePage:
    """Page for a grid over one or two parameters, or for several runs of one prompt.

    Its values are those of ``--sweep`` and ``--models``, if given; the runs those of
    ``--repeat``.
    """

    name = "compare"

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self.status = state.status = StatusLine()
        self._sent: Draft | None = None
        self._summary = ""
        self._worker = Worker(self.status.fail, self._busy)
        self._dimensions = [_Dimension(key, self._touched) for key in DIMENSIONS]
        grid = grid_of(state.draft.values).items()
        for dimension, (name, values) in zip(self._dimensions, grid, strict=False):
            dimension.show(name, values)
        self._runs = made(
            widgets.BoundedIntText,
            value=state.draft.values.get("repeat") or 1,
            min=1,
            description=say("panel.runs"),
            classes="wcode-runs",
        )
        self._runs.observe(lambda _change: self._touched(), "value")
        self._start, self._stop = send_and_stop(
            state, "compare", "columns", self._send, self._worker.stop
        )
        self._layout = widgets.Layout()
        self._grid = made(widgets.GridBox, layout=self._layout, classes="wcode-grid")
        rows = [dimension.widget for dimension in self._dimensions]
        bar = [self._start, self._stop, self._runs, self.status.widget]
        bar_ = made(widgets.HBox, bar, classes="wcode-bar")
        self.widget = made(widgets.VBox, [*rows, bar_, self._grid])

    def refresh(self) -> None:
        """Mark the answers if the draft is no longer the one they belong to."""
        if self._sent is not None:
            self._mark(stale=self._sent != self._state.draft)

    def close(self) -> None:
        """Cancel all requests."""
        self._worker.stop()

    def _touched(self) -> None:
        if self._sent is not None:
            self._mark(stale=True)

    def _mark(self, *, stale: bool) -> None:
        mark(self._grid, "wcode-stale", on=stale)
        self.status.show([say("panel.stale") if stale else self._summary])

    def _send(self) -> None:
        self.status.clear()
        self._worker.start(self._begin)

    def _begin(self, stop: threading.Event) -> None:
        state = self._state
        state.barrier.wait()
        state.check()
        read = [one.read(state.names or {}) for one in self._dimensions]
        grid = dict(pair for pair in read if pair is not None)
        draft = state.draft
        if grid:
            points = grid_points(grid)
            drafts = [reduce(_set, point.items(), draft) for point in points]
        elif self._runs.value > 1:
            points = [{RUN: number + 1} for number in range(self._runs.value)]
            drafts = [draft] * len(points)
        else:
            raise UsageError("panel.nothing_varies")
        cards = [
            Card(point, each.prepare(state.session, state.names))
            for point, each in zip(points, drafts, strict=True)
        ]
        ready = [card.prepared for card in cards]
        place = self._state.session.answering
        _tokens, most = estimated([(one.request, place(one.resolved)) for one in ready])
        refuse_many(len(cards), most)
        self._sent, self._summary = draft, ""
        self._mark(stale=False)
        self._lay_out(cards, drafts)
        self._run(cards, stop)

    def _lay_out(self, cards: Sequence[Card], drafts: Sequence[Draft]) -> None:
        cells = [
            self._box(card, draft) for card, draft in zip(cards, drafts, strict=True)
        ]
        points = [card.point for card in cards]
        columns = _columns(points)
        names = [*points[0]]
        table: list[Any] = []
        if len(names) == len(DIMENSIONS):
            self._arrange(f"max-content repeat({columns}, minmax(9em, 1fr))")
            heads = [title(point, names[1:]) for point in points[:columns]]
            table += [_head(""), *map(_head, heads)]
            for at in range(0, len(cells), columns):
                table.append(_head(title(points[at], names[:1])))
                table += cells[at : at + columns]
        elif columns > 1:
            self._arrange(f"repeat({columns}, minmax(9em, 1fr))")
            table += [*(_head(title(point, names)) for point in points), *cells]
        else:
            self._arrange("max-content minmax(9em, 1fr)")
            for point, box in zip(points, cells, strict=True):
                table += [_head(title(point, names)), box]
        old, self._grid.children = self._grid.children, table
        release(*old)

    def _arrange(self, columns: str) -> None:
        self._layout.grid_template_columns = columns

    def _box(self, card: Card, draft: Draft) -> Any:
        last = [card.foot]
        if RUN not in card.point:
            adopt = partial(self._adopt, draft.values)
            last.append(button(self._state, "adopt", adopt, classes="wcode-small"))
        foot = made(widgets.HBox, last, classes="wcode-card-foot")
        return made(widgets.VBox, [card.body, foot], classes="wcode-card")

    def _adopt(self, values: Mapping[str, Any]) -> None:
        self._state.take(lambda draft: replace(draft, values=values))

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
            for card in waiting[: 0 if halted else CONCURRENCY - len(open_)]:
                card.open(self._state.session)
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
        self._state.bind(replies[0])
        self._summary = str(agree(replies))
        for card in cards:
            card.end(replies[0])
        self._mark(stale=self._sent != self._state.draft)
        prompt = cards[0].prepared.request.messages[-1].content or ""
        trials = tuple(card.trial for card in cards)
        several = RUN in cards[0].point
        shown = runs(Runs(trials)) if several else sweep_bundle(Sweep(trials))
        self._state.picture.show(with_prompt(prompt, shown))

    def _busy(self, busy: bool) -> None:
        self._stop.disabled = not busy


class _Dimension:
    """Parameter and the values it takes; ``touched`` is called when one changes."""

    def __init__(self, key: str, touched: Callable[[], None]) -> None:
        rows = [(say("panel.model"), "model")]
        rows += [(say(f"params.{name}.label"), name) for name in parameters.NAMES]
        self._name = made(
            widgets.Dropdown,
            options=[(say(f"panel.{key}"), ""), *rows],
            description=say(f"panel.{key}"),
        )
        self._values = entry("values", say("panel.values"))
        pair = [self._name, self._values]
        self.widget = made(widgets.Box, pair, classes="wcode-pair wcode-unseen")
        for one in pair:
            one.observe(lambda _change: touched(), "value")

    def show(self, name: str, values: Sequence[Any]) -> None:
        """Show a parameter and its values."""
        self._name.value = name
        self._values.value = ", ".join(_written(value) for value in values)

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


def _columns(points: Sequence[Point]) -> int:
    """Return how many answers stand beside each other: the second parameter's values.

    One parameter's values stand in a row if they are few, else below each other.
    """
    if len(points[0]) == len(DIMENSIONS):
        first = next(iter(points[0].items()))
        return sum(next(iter(point.items())) == first for point in points)
    return len(points) if len(points) <= BESIDE else 1


def _head(title: str) -> Any:
    return made(widgets.HTML, f"<b>{escape(title)}</b>", classes="wcode-head-cell")


def _written(value: Any) -> str:
    """Return a value as the user types it."""
    if isinstance(value, float):
        return decimal(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _set(draft: Draft, item: tuple[str, Any]) -> Draft:
    return draft.put(*item)
