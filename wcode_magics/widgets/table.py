"""Panel page that sends the prompt for each row of a DataFrame in the notebook."""

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import UsageError
from wcode_magics.output.escaping import FAINT, escape, without_tex
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.protocol import parameters
from wcode_magics.settings import options
from wcode_magics.text import say
from wcode_magics.widgets.closing import release
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.label import FULL
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.worker import Worker

TICK_S = 0.2
SHOWN = 5
MOST_COLUMNS = 12
_SENT = ("model", "system", "timeout", "param", *parameters.NAMES)


class TablePage:
    """Page with the prompt as a template over rows; binds the result to a variable."""

    name = "table"

    def __init__(self, desk: PanelState) -> None:
        self._desk = desk
        self._worker = Worker(desk.fail, self._busy)
        self._frame = widgets.Dropdown(
            options=[], description=say("panel.frame"), layout=FULL
        )
        self._columns = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self._kind = widgets.Dropdown(
            options=[(say(f"panel.kind_{kind}"), kind) for kind in _KINDS],
            description=say("panel.kind"),
            layout=FULL,
        )
        self._more = _field("kind_more", "positive, negative", "")
        self._into = _field("into", "answer", "answer")
        self._out = _field("result", "", "")
        self._told = widgets.HTML()
        self._head = widgets.HTML()
        self._head.add_class("wcode-rows")
        bar = self._bar()
        rows = [self._frame, self._kind, self._more, self._into, self._out]
        self.widget = widgets.VBox(
            [rows[0], self._columns, *rows[1:], bar, self._told, self._head]
        )
        self.widget.add_class("wcode-fields")
        self._frame.observe(desk.guarded(lambda _change: self._chosen()), "value")
        self._kind.observe(desk.guarded(lambda _change: self._chosen_kind()), "value")
        self._chosen_kind()
        self.refresh()

    def refresh(self) -> None:
        """Update the list of the notebook's DataFrames."""
        names = tuple(self._frames())
        if names != tuple(self._frame.options):
            chosen = self._frame.value
            self._frame.options = names
            first = names[0] if names else None
            self._frame.value = chosen if chosen in names else first
            self._chosen()

    def close(self) -> None:
        """Pause the run; answers received so far are in the store."""
        self._worker.stop()

    def _bar(self) -> Any:
        buttons = {
            "estimate_run": ("calculator", self._estimate),
            "run": ("play", self._run),
            "pause": ("pause", self._worker.stop),
            "look": ("refresh", self.refresh),
        }
        made = {}
        for key, (icon, call) in buttons.items():
            made[key] = widgets.Button(
                description=say(f"panel.{key}"), icon=icon, layout={"width": "auto"}
            )
            made[key].on_click(self._desk.guarded(_calling(call)))
        self._start, self._pause = made["run"], made["pause"]
        self._start.button_style, self._pause.disabled = "primary", True
        return widgets.HBox([*made.values()], layout={"flex_flow": "row wrap"})

    def _frames(self) -> dict[str, Any]:
        pandas: Any = sys.modules.get("pandas")
        held = self._desk.names
        if pandas is None or held is None:
            return {}
        return {
            name: value
            for name, value in list(held.items())
            if isinstance(value, pandas.DataFrame) and not name.startswith("_")
        }

    def _chosen(self) -> None:
        name = self._frame.value
        frame = self._frames().get(name)
        old, self._columns.children = self._columns.children, ()
        release(*old)
        if frame is None:
            self._told.value = f'<div class="wcode-faint">{say("panel.no_frame")}</div>'
            return
        self._out.value = f"{name}_{self._into.value or 'answer'}"
        self._columns.children = [
            self._inserter(column) for column in list(frame.columns)[:MOST_COLUMNS]
        ]
        self._show(frame)
        self._told.value = ""

    def _inserter(self, column: Any) -> Any:
        name = str(column)
        inner = name if name.isidentifier() else f"row[{column!r}]"
        button = widgets.Button(
            description=f"+ {name}",
            tooltip=f"{{{{ {inner} }}}}",
            layout={"width": "auto"},
        )

        def insert(_button: Any) -> None:
            def edit(draft: Draft) -> Draft:
                gap = "" if draft.prompt[-1:] in {"", " ", "\n"} else " "
                return replace(draft, prompt=f"{draft.prompt}{gap}{{{{ {inner} }}}}")

            self._desk.take(edit)

        button.on_click(self._desk.guarded(insert))
        return button

    def _chosen_kind(self) -> None:
        kind = self._kind.value
        self._more.layout.display = "none" if kind == "text" else ""
        self._more.placeholder = _KINDS[kind]

    def _call(self) -> Any:
        from wcode_magics.tables.run import call_of

        desk = self._desk
        desk.barrier.wait()
        frame = self._frames().get(self._frame.value)
        if frame is None:
            raise UsageError("panel.no_frame")
        desk.check()
        given = {k: v for k, v in desk.draft.values.items() if k in _SENT}
        given |= {"into": self._into.value.strip() or "answer", "overwrite": True}
        given |= _returned(self._kind.value, self._more.value)
        names = {k: v for k, v in (desk.names or {}).items() if not k.startswith("_")}
        given |= {"names": names, "progress": False}
        return call_of(frame, desk.draft.prompt, given, through=desk.session)

    def _estimate(self) -> None:
        self._desk.clear()
        self._worker.start(lambda _stop: self._tell(str(self._call().forecast())))

    def _run(self) -> None:
        self._desk.clear()
        self._worker.start(self._work)

    def _work(self, stop: threading.Event) -> None:
        call, out = self._call(), self._out.value.strip()
        options.checked(options.flag("--out"), out)
        batch = call.batch()
        future = call.begin(batch)
        stopped = False
        while not future.done():
            if stop.wait(TICK_S) and not stopped:
                batch.stop()
                stopped = True
            if stopped:
                threading.Event().wait(TICK_S)
            self._tell(_standing(batch.tally))
        outcomes = future.result()
        made = call.result(outcomes, batch)
        if self._desk.shell is not None:
            self._desk.shell.user_ns[out] = made
        paused = any(outcome.status == "stopped" for outcome in outcomes)
        self._start.description = say("panel.go_on" if paused else "panel.run")
        told = call.told(outcomes, batch)
        why = "" if batch.reason is None else str(batch.reason)
        self._tell(_standing(batch.tally), why, told, say("panel.bound", name=out))
        self._show(made)
        self._desk.picture.show(_bundle(out, made, _standing(batch.tally)))

    def _show(self, frame: Any) -> None:
        page = frame.head(SHOWN).to_html(border=0, max_cols=8)
        self._head.value = without_tex(page)

    def _tell(self, *lines: str) -> None:
        said = "".join(f"<div>{escape(line)}</div>" for line in lines if line)
        self._told.value = f'<div class="wcode-faint">{said}</div>'

    def _busy(self, busy: bool) -> None:
        self._pause.disabled = not busy
        self._start.disabled = busy


_KINDS = {
    "text": "",
    "labels": "positive, negative",
    "fields": "name: str, age: int",
}


def _returned(kind: str, more: str) -> dict[str, Any]:
    items = [item.strip() for item in more.split(",") if item.strip()]
    if kind == "labels":
        return {"labels": items}
    if kind == "fields":
        pairs = (item.partition(":") for item in items)
        return {"schema": {n.strip(): t.strip() or "str" for n, _colon, t in pairs}}
    return {}


def _standing(tally: Any) -> str:
    facts: dict[str, Any] = {"done": f"{tally.done:,}", "total": f"{tally.total:,}"}
    facts |= {"failed": tally.failed, "replayed": tally.replayed}
    return say("panel.standing", price=str(tally.costs), **facts)


def _bundle(name: str, frame: Any, told: str) -> Bundle:
    head = frame.head(SHOWN)
    title = f"<b>{escape(name)}</b> {escape(told)}"
    note = f'<div style="{FAINT}">{title}</div>'
    plain = f"{name}: {told}\n{head.to_string()}"
    return bundle(note + without_tex(head.to_html(border=0)), plain)


def _field(name: str, hint: str, value: str) -> Any:
    return widgets.Text(
        value=value,
        description=say(f"panel.{name}"),
        placeholder=hint,
        continuous_update=False,
        layout={"width": "auto", "min_width": "0"},
    )


def _calling(call: Callable[[], None]) -> Callable[[Any], None]:
    return lambda _button: call()
