"""One row per parameter: [send it?] [slider, menu or field] [typed value] [reset].

A row shows «not sent» until it is changed. Callbacks may run on any thread of the
kernel, so a lock serializes what a row reports and shows.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import WcodeError
from wcode_magics.output.escaping import escape
from wcode_magics.protocol import parameters
from wcode_magics.protocol.parameters import Param
from wcode_magics.text import say
from wcode_magics.widgets.editors import editor_of
from wcode_magics.widgets.label import FULL, label, name_pages
from wcode_magics.widgets.text_editors import Json

Tell = Callable[[str, Any], None]


class Knob:
    """Row of one parameter; ``tell`` is called with its name and value, or None.

    ``problem`` is the reason why the value cannot be sent, or empty.
    """

    def __init__(self, row: Param, tell: Tell) -> None:
        self.row = row
        self.problem = ""
        self._tell = tell
        self._lock = threading.RLock()
        self._quiet = False
        self._editor = editor_of(row)
        self._sent = widgets.Checkbox(description=label(row), indent=False, layout=FULL)
        self._reset = widgets.Button(layout=FULL)
        self._note = widgets.HTML(layout=widgets.Layout(display="none"))
        self.widget = self._laid_out()
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
            self._quiet = True
            try:
                if value is not None or not note:
                    self._editor.show(value)
                self._sent.value = value is not None
            finally:
                self._quiet = False
            self._mark(note)

    def _laid_out(self) -> Any:
        first, *rest = self._editor.widgets
        slid = bool(rest) and not isinstance(self._editor, Json)
        for wide in () if slid else self._editor.widgets:
            wide.add_class("wcode-wide")
        head, tail = ([first, *rest], []) if slid else ([first], rest)
        help_ = widgets.HTML(escape(say(f"params.{self.row.name}.help")))
        help_.add_class("wcode-help")
        self._note.add_class("wcode-note")
        cells = [self._sent, *head, self._reset, *tail, self._note, help_]
        box = widgets.Box(cells)
        box.add_class("wcode-knob")
        return box

    def _ticked(self, change: Any) -> None:
        if change["new"]:
            self._read(self._editor.widgets[0])
        else:
            self._take(None, "")

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
            self._take(value, "")

    def _put(self, value: Any) -> None:
        self.show(value)
        self._tell(self.row.name, value)

    def _refuse(self, reason: str) -> None:
        """Keep an invalid input for correction, but do not send it."""
        self.problem = reason
        self._tick(sent=True)
        self._mark(reason)
        self._tell(self.row.name, None)

    def _take(self, value: Any, note: str) -> None:
        with self._lock:
            if self._quiet:
                return
            self._quiet = True
            try:
                if value is not None:
                    self._editor.show(value)
            finally:
                self._quiet = False
            self._tick(sent=value is not None)
            self._mark(note)
        self._tell(self.row.name, value)

    def _tick(self, *, sent: bool) -> None:
        self._quiet = True
        try:
            self._sent.value = sent
        finally:
            self._quiet = False

    def _mark(self, note: str) -> None:
        sent = self.sent
        if not (sent and note):
            self.problem = ""
        self._reset.description = say("panel.reset" if sent else "ui.not_sent")
        self._reset.disabled = not sent
        help_ = say(f"params.{self.row.name}.help")
        self._reset.tooltip = say("panel.reset_tip") if sent else help_
        self._note.value = f'<div role="status">{escape(note)}</div>' if note else ""
        self._note.layout.display = "" if note else "none"
        mark = self.widget.add_class if sent else self.widget.remove_class
        mark("wcode-set")
        warn = self.widget.add_class if note else self.widget.remove_class
        warn("wcode-problem")


class Knobs:
    """All rows: the common ones first, the others by group, collapsed."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._knobs = {row.name: Knob(row, self._told) for row in parameters.PARAMS}
        self._head = widgets.HTML()
        common = [k.widget for k in self._knobs.values() if k.row.short]
        self._groups = [
            (group, rows)
            for group in parameters.GROUPS
            if (rows := self._rest_of(group))
        ]
        boxes = [
            widgets.VBox([k.widget for k in rows]) for _group, rows in self._groups
        ]
        self._more = widgets.Accordion(boxes, selected_index=None)
        hint = widgets.HTML(escape(say("panel.hint")))
        hint.add_class("wcode-hint")
        self.widget = widgets.VBox([self._head, hint, *common, self._more])
        self.widget.add_class("wcode-knobs")
        self._count()

    def show(self, values: Mapping[str, Any]) -> None:
        """Show the values of parameters; those without a value are not sent."""
        for name, knob in self._knobs.items():
            knob.show(values.get(name))
        self._count()

    def reject(self, name: str, reason: str) -> None:
        """Stop sending a parameter the server refused; keep its value and show why."""
        self._knobs[name].show(None, reason)
        self._told(name, None)

    @property
    def problems(self) -> list[str]:
        """Reasons why ticked rows cannot be sent."""
        return [knob.problem for knob in self._knobs.values() if knob.problem]

    def _rest_of(self, group: str) -> list[Knob]:
        found = self._knobs.values()
        return [k for k in found if k.row.group == group and not k.row.short]

    def _told(self, name: str, value: Any) -> None:
        self._tell(name, value)
        self._count()

    def _count(self) -> None:
        changed = sum(knob.sent for knob in self._knobs.values())
        told = (
            say("panel.changed", count=changed) if changed else say("panel.unchanged")
        )
        title = escape(say("panel.parameters"))
        shown = f"<b>{title}</b> <span class='wcode-faint'>{escape(told)}</span>"
        if self._head.value != shown:
            self._head.value = shown
        titles = (
            _title(group, sum(knob.sent for knob in rows))
            for group, rows in self._groups
        )
        name_pages(self._more, titles)


def _title(group: str, changed: int) -> str:
    name = say(f"groups.{group}")
    return f"{name} · {say('panel.changed', count=changed)}" if changed else name
