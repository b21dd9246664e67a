"""One row per parameter: [send it?] [slider, menu or field] [typed value] [reset].

A row shows «not sent» until it is changed. Callbacks may run on any thread of the
kernel, so a lock serializes what a row reports and shows.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as widgets

from wcode_magics.display.text_table import shown_value
from wcode_magics.errors import WcodeError
from wcode_magics.output.escaping import escape
from wcode_magics.protocol import parameters
from wcode_magics.protocol.parameters import Param
from wcode_magics.text import say
from wcode_magics.widgets.editors import editor_of
from wcode_magics.widgets.label import label, made, mark
from wcode_magics.widgets.text_editors import Json

OnChange = Callable[[str, Any], None]
MOST_LISTED = 40
"""Maximum characters of the values shown beside a folded group's name."""


class Knob:
    """Row of one parameter; ``on_change`` is called with its name and value, or None.

    ``problem`` is the reason why the value cannot be sent, or empty.
    """

    def __init__(self, row: Param, on_change: OnChange) -> None:
        self.row = row
        self.problem = ""
        self._on_change = on_change
        self._lock = threading.RLock()
        self._quiet = False
        self._faded = ""
        self._editor = editor_of(row)
        self._help = say(f"params.{row.name}.help")
        self._sent = made(widgets.Checkbox, description=label(row), indent=False)
        self._reset = made(
            widgets.Button,
            description=say("ui.not_sent"),
            tooltip=self._help,
            disabled=True,
        )
        self._below = made(widgets.HTML, self._page(""), classes="wcode-below")
        first, *rest = self._editor.widgets
        slid = bool(rest) and not isinstance(self._editor, Json)
        cells = [first, *rest, self._reset] if slid else [first, self._reset, *rest]
        cells = [self._sent, *cells, self._below]
        self.widget = made(widgets.Box, cells, classes="wcode-knob")
        self.show(None)
        self._sent.observe(self._ticked, "value")
        self._reset.on_click(lambda _button: self._put(None))
        for part in self._editor.widgets:
            part.observe(self._touched, "value")

    @property
    def sent(self) -> bool:
        """Whether the row is ticked."""
        return bool(self._sent.value)

    def show(self, value: Any, note: str = "") -> None:
        """Show a value as sent, or None as not sent; ``note`` is shown below."""
        with self._lock:
            with self._unreported():
                if value is not None or not note:
                    self._editor.show(value)
                self._sent.value = value is not None
            self._mark(note)

    def fade(self, reason: str) -> None:
        """Grey the row, and say below why; an empty reason undoes it."""
        if reason != self._faded:
            self._faded = reason
            mark(self.widget, "wcode-unmet", on=bool(reason))
            self._mark(self.problem)

    def _ticked(self, change: Any) -> None:
        if change["new"]:
            self._read(self._editor.widgets[0])
        else:
            self._take(None)

    def _touched(self, change: Any) -> None:
        self._read(change["owner"])

    def _read(self, source: Any) -> None:
        with self._lock:
            if self._quiet:
                return
            try:
                value = self._editor.read(source)
            except WcodeError as error:
                self._refuse(str(error))
                return
            self._take(value)

    def _put(self, value: Any) -> None:
        self.show(value)
        self._on_change(self.row.name, value)

    def _refuse(self, reason: str) -> None:
        """Keep an invalid input for correction, but do not send it."""
        self.problem = reason
        with self._unreported():
            self._sent.value = True
        self._mark(reason)
        self._on_change(self.row.name, None)

    def _take(self, value: Any) -> None:
        with self._lock:
            if self._quiet:
                return
            with self._unreported():
                if value is not None:
                    self._editor.show(value)
                self._sent.value = value is not None
            self._mark("")
        self._on_change(self.row.name, value)

    @contextmanager
    def _unreported(self) -> Iterator[None]:
        """Change the widgets in the body without reading them."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _mark(self, note: str) -> None:
        sent = self.sent
        if not (sent and note):
            self.problem = ""
        self._reset.description = say("panel.reset" if sent else "ui.not_sent")
        self._reset.disabled = not sent
        self._reset.tooltip = say("panel.reset_tip") if sent else self._help
        self._below.value = self._page(note)
        mark(self.widget, "wcode-set", on=sent)
        mark(self.widget, "wcode-problem", on=bool(note))

    def _page(self, note: str) -> str:
        """Return the help, which is shown elsewhere, and the note below the row."""
        notes = [line for line in (note, self._faded) if line]
        lines = "".join(f'<div role="status">{escape(line)}</div>' for line in notes)
        return f'<div class="wcode-help">{escape(self._help)}</div>{lines}'


class KnobGroup:
    """Rows that a button unfolds; they are built when they are first seen."""

    def __init__(self, name: str, build: Callable[[], Sequence[Any]]) -> None:
        self.name = name
        self._build = build
        self._rows: Any = None
        self._summary = ""
        self._button = made(
            widgets.ToggleButton,
            description=say(f"groups.{name}"),
            icon="caret-right",
            tooltip=say("panel.fold"),
            classes="wcode-fold",
        )
        self._button.observe(self._turned, "value")
        self.widget = made(widgets.VBox, [self._button])

    def open(self) -> None:
        """Unfold the rows."""
        self._button.value = True

    def show(self, summary: str) -> None:
        """Show beside the name of a folded group what is set in it."""
        self._summary = summary
        shown = "" if self._button.value else summary
        parts = [say(f"groups.{self.name}"), shown]
        self._button.description = " · ".join(filter(None, parts))

    def _turned(self, change: Any) -> None:
        self.show(self._summary)
        self._button.icon = "caret-down" if change["new"] else "caret-right"
        if self._rows is None:
            self._rows = made(widgets.VBox, [*self._build()])
        self.widget.children = (self._button, *[self._rows][: change["new"]])


class Knobs:
    """All rows: common ones first, others folded; ``counted`` gets the number set."""

    def __init__(
        self,
        on_change: OnChange,
        values: Mapping[str, Any],
        counted: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._on_change = on_change
        self._counted = counted
        self._lock = threading.RLock()
        self._values = _stored_text(values)
        self._faded: dict[str, str] = {}
        self._knobs: dict[str, Knob] = {}
        common = [self._knob(row).widget for row in parameters.PARAMS if row.short]
        self._groups = [
            KnobGroup(group, partial(self._rows_of, group))
            for group in parameters.GROUPS
            if _rest_of(group)
        ]
        hint = made(widgets.HTML, escape(say("panel.hint")), classes="wcode-hint")
        rest = [group.widget for group in self._groups]
        self.widget = made(widgets.VBox, [hint, *common, *rest], classes="wcode-knobs")
        self._count()

    def show(self, values: Mapping[str, Any]) -> None:
        """Show the values of parameters; those without a value are not sent."""
        with self._lock:
            self._values = _stored_text(values)
            for name, knob in self._knobs.items():
                knob.show(self._values.get(name))
        self._count()

    def fade(self, reasons: Mapping[str, str]) -> None:
        """Grey the rows of some parameters, by name with the reason, and no others."""
        with self._lock:
            self._faded = dict(reasons)
            for name, knob in self._knobs.items():
                knob.fade(self._faded.get(name, ""))

    def reject(self, name: str, reason: str) -> None:
        """Stop sending a parameter the server refused; keep its value and show why."""
        row = parameters.find(name)
        for group in self._groups:
            if not row.short and group.name == row.group:
                group.open()
        self._knobs[name].show(None, reason)
        self._changed(name, None)

    @property
    def problems(self) -> list[str]:
        """Reasons why ticked rows cannot be sent."""
        return [knob.problem for knob in self._knobs.values() if knob.problem]

    def _knob(self, row: Param) -> Knob:
        knob = self._knobs[row.name] = Knob(row, self._changed)
        if row.name in self._values:
            knob.show(self._values[row.name])
        knob.fade(self._faded.get(row.name, ""))
        return knob

    def _rows_of(self, group: str) -> list[Any]:
        with self._lock:
            return [self._knob(row).widget for row in _rest_of(group)]

    def _changed(self, name: str, value: Any) -> None:
        with self._lock:
            kept = {k: v for k, v in self._values.items() if k != name}
            self._values = kept if value is None else {**kept, name: value}
        self._on_change(name, value)
        self._count()

    def _count(self) -> None:
        self._counted(len(self._values))
        for group in self._groups:
            group.show(_set_in(group.name, self._values))


def _stored_text(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in parameters.NAMES if name in values}


def _rest_of(group: str) -> list[Param]:
    rows = parameters.PARAMS
    return [row for row in rows if row.group == group and not row.short]


def _set_in(group: str, values: Mapping[str, Any]) -> str:
    """Return the values set in a folded group, or their number if they are long."""
    rows = [row for row in _rest_of(group) if row.name in values]
    summary = ", ".join(f"{label(row)} {shown_value(values[row.name])}" for row in rows)
    return (
        summary
        if len(summary) <= MOST_LISTED
        else say("panel.changed", count=len(rows))
    )
