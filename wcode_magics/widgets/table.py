"""Panel page that sends the prompt for each row of a DataFrame in the notebook."""

import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.output.escaping import clipped, escape
from wcode_magics.output.terminal import width
from wcode_magics.protocol import parameters
from wcode_magics.settings import options
from wcode_magics.tables.rows import is_writable, written
from wcode_magics.text import say
from wcode_magics.widgets.buttons import button, send_and_stop
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.frame_head import FirstRow, head_bundle, head_html
from wcode_magics.widgets.label import entry, made, mark, release
from wcode_magics.widgets.label_chips import LabelChips
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.status import StatusLine, problem_html
from wcode_magics.widgets.worker import Later, Worker

if TYPE_CHECKING:
    from wcode_magics.widgets.review import Review

TICK_S = 0.2
TYPING_PAUSE_S = 0.3
MOST_SHOWN = 2_000
"""Maximum characters shown of a prompt that is filled in."""
MOST_COLUMNS = 12
KINDS = ("text", "labels", "fields")
_SENT = ("model", "system", "timeout", "param", *parameters.NAMES)


class TablePage:
    """Page with the prompt as a template over rows; binds the result to a variable."""

    name = "table"

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self.status = state.status = StatusLine()
        self._worker = Worker(self._fail, self._busy)
        self._later = Later(TYPING_PAUSE_S, self._fill_in)
        self._frame = made(widgets.Dropdown, options=[], description=say("panel.frame"))
        self._look = button(state, "look", self.look, icon="refresh")
        self._columns = made(widgets.HBox, classes="wcode-chips")
        self._kind = made(
            widgets.Dropdown,
            options=[(say(f"panel.kind_{kind}"), kind) for kind in KINDS],
            description=say("panel.kind"),
        )
        self._labels = LabelChips(state.guarded)
        self._fields = entry("fields", say("panel.fields_hint"))
        self._into = entry("into", value="answer")
        self._out = entry("result")
        self._field_error: WcodeError | None = None
        self._wrong = made(widgets.HTML, classes="wcode-wrong")
        self._filled = made(widgets.HTML, classes="wcode-filled")
        self._head = made(widgets.HTML, classes="wcode-rows")
        self._reviews = made(widgets.VBox)
        self._review: Review | None = None
        frame = made(widgets.HBox, [self._frame, self._look])
        names = made(widgets.HBox, [self._into, self._out], classes="wcode-halves")
        more = [self._labels.widget, self._fields]
        rows = [frame, self._columns, self._filled, self._kind, *more, names]
        self.widget = made(
            widgets.VBox,
            [*rows, self._wrong, self._bar(), self._head, self._reviews],
            classes="wcode-fields",
        )
        self._frame.observe(state.guarded(lambda _change: self._chosen()), "value")
        self._kind.observe(state.guarded(lambda _change: self._chosen_kind()), "value")
        for field in (self._out, self._fields):
            field.observe(state.guarded(lambda _change: self._check()), "value")
        self._chosen_kind()
        self.look()

    def refresh(self) -> None:
        """Fill in the template again once the draft stops changing."""
        self._later.ask()

    def look(self) -> None:
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
        self._later.forget()
        self._worker.stop()
        self._close_review()

    def _bar(self) -> Any:
        state = self._state
        self._start, self._pause = send_and_stop(
            state, "run", "play", self._run, self._worker.stop
        )
        self._pause.description, self._pause.icon = say("panel.pause"), "pause"
        estimate = button(state, "estimate_run", self._estimate, icon="calculator")
        self._progress = made(
            widgets.IntProgress, description="", classes="wcode-progress wcode-off"
        )
        review = button(state, "review", self._open_review, icon="check")
        parts = [self._start, self._pause, estimate, review]
        parts += [self.status.widget, self._progress]
        return made(widgets.HBox, parts, classes="wcode-bar")

    def _open_review(self) -> None:
        """Review the rows of the result, or of the chosen DataFrame."""
        from wcode_magics.widgets.review import review_of

        frames, out = self._frames(), self._out.value.strip()
        name = out if out in frames else self._frame.value
        if name not in frames:
            raise UsageError("panel.no_frame")
        into = self._into.value.strip() or "answer"
        of = into if into in frames[name].columns else None
        made = review_of(self._state.shell, name, frames[name], of=of)
        self._close_review()
        self._review = made
        self._reviews.children = [made.widget]

    def _close_review(self) -> None:
        self._reviews.children = ()
        if self._review is not None:
            self._review.close()
        self._review = None

    def _frames(self) -> dict[str, Any]:
        pandas: Any = sys.modules.get("pandas")
        variables = self._state.variables
        if pandas is None or variables is None:
            return {}
        return {
            name: value
            for name, value in list(variables.items())
            if isinstance(value, pandas.DataFrame) and not name.startswith("_")
        }

    def _chosen(self) -> None:
        name = self._frame.value
        frame = self._frames().get(name)
        old, self._columns.children = self._columns.children, ()
        release(*old)
        self._state.row = None
        if frame is None:
            self.status.show([say("panel.no_frame")])
            return
        self._out.value = f"{name}_{self._into.value or 'answer'}"
        columns = list(filter(is_writable, frame.columns))
        self._columns.children = [*map(self._inserter, columns[:MOST_COLUMNS])]
        if len(frame):
            self._state.row = FirstRow(name, frame)
        self._show(frame)
        self.status.show([])
        self._fill_in()

    def _inserter(self, column: Any) -> Any:
        inner = written(column)
        shown = widgets.Button(
            description=f"+ {column}",
            tooltip=f"{{{{ {inner} }}}}",
            layout={"width": "auto"},
        )

        def insert(_button: Any) -> None:
            def edit(draft: Draft) -> Draft:
                last = draft.prompt[-1:]
                gap = " " if last.strip() and width(last) == 1 else ""
                return replace(draft, prompt=f"{draft.prompt}{gap}{{{{ {inner} }}}}")

            self._state.take(edit)

        shown.on_click(self._state.guarded(insert))
        return shown

    def _chosen_kind(self) -> None:
        kind = self._kind.value
        mark(self._labels.widget, "wcode-off", on=kind != "labels")
        mark(self._fields, "wcode-off", on=kind != "fields")

    def _fill_in(self) -> None:
        """Show the prompt of the first row, or why there is none."""
        row, prompt = self._state.row, self._state.draft.prompt
        if row is None or "{" not in prompt:
            self._filled.value = ""
            return
        try:
            prompt_text = row.filled(prompt, self._state.variables or {})
        except WcodeError as error:
            self._filled.value = problem_html(error)
            return
        head = f'<div class="wcode-faint">{escape(say("panel.row_0"))}</div>'
        self._filled.value = (
            f"{head}<pre>{escape(clipped(prompt_text, MOST_SHOWN))}</pre>"
        )

    def _check(self) -> None:
        """Say below the fields what is wrong with one of them."""
        self._field_error = None
        checks = {
            self._out: lambda: options.checked(options.flag("--out"), self._out.value),
            self._labels.widget: self._check_labels,
            self._fields: self._check_fields,
        }
        for field, check in checks.items():
            try:
                check()
            except WcodeError as error:
                self._field_error = self._field_error or error
                mark(field, "wcode-bad", on=True)
            else:
                mark(field, "wcode-bad", on=False)
        problem = self._field_error
        self._wrong.value = "" if problem is None else problem_html(problem)

    def _check_labels(self) -> None:
        if self._kind.value == "labels" and len(self._labels.values) < 2:
            raise UsageError("panel.labels", given=len(self._labels.values))

    def _check_fields(self) -> None:
        if self._kind.value == "fields" and not _schema(self._fields.value):
            raise UsageError("panel.fields")

    def _fail(self, error: Exception) -> None:
        """Show an error beside the buttons, unless it is shown below the fields."""
        if error is not self._field_error:
            self.status.fail(error)

    def _call(self) -> Any:
        from wcode_magics.tables.run_builder import call_of

        state = self._state
        state.barrier.wait()
        frame = self._frames().get(self._frame.value)
        if frame is None:
            raise UsageError("panel.no_frame")
        state.check()
        self._check()
        if self._field_error is not None:
            raise self._field_error
        options = {k: v for k, v in state.draft.values.items() if k in _SENT}
        options |= {"into": self._into.value.strip() or "answer", "overwrite": True}
        if self._kind.value == "labels":
            options["labels"] = [*self._labels.values]
        elif self._kind.value == "fields":
            options["schema"] = _schema(self._fields.value)
        variables = (state.variables or {}).items()
        names = {k: v for k, v in variables if not k.startswith("_")}
        options |= {"names": names, "progress": False}
        return call_of(frame, state.draft.prompt, options, through=state.session)

    def _estimate(self) -> None:
        self.status.clear()
        self._worker.start(
            lambda _stop: self.status.show([str(self._call().forecast())])
        )

    def _run(self) -> None:
        self.status.clear()
        self._worker.start(self._run_table)

    def _run_table(self, stop: threading.Event) -> None:
        call, out = self._call(), self._out.value.strip()
        batch = call.batch()
        future = call.begin(batch)
        stopped = False
        while not future.done():
            if stop.wait(TICK_S) and not stopped:
                batch.stop()
                stopped = True
            if stopped:
                threading.Event().wait(TICK_S)
            self._progressed(batch.tally)
        outcomes = future.result()
        made = call.result(outcomes, batch)
        if self._state.shell is not None:
            self._state.shell.user_ns[out] = made
        paused = any(outcome.status == "stopped" for outcome in outcomes)
        self._start.description = say("panel.go_on" if paused else "panel.run")
        line = call.summary(outcomes, batch)
        why = "" if batch.reason is None else str(batch.reason)
        self._progressed(batch.tally, why, line, say("panel.bound", name=out))
        self._show(made)
        self._state.picture.show(head_bundle(out, made, _progress_line(batch.tally)))

    def _progressed(self, tally: Any, *more: str) -> None:
        mark(self._progress, "wcode-off", on=tally.done >= tally.total)
        self._progress.max, self._progress.value = max(tally.total, 1), tally.done
        self.status.show(more or [_progress_line(tally)])

    def _show(self, frame: Any) -> None:
        self._head.value = head_html(frame)

    def _busy(self, busy: bool) -> None:
        self._pause.disabled = not busy
        self._start.disabled = busy


def _schema(fields: str) -> dict[str, str]:
    items = (item.partition(":") for item in fields.split(",") if item.strip())
    return {name.strip(): kind.strip() or "str" for name, _colon, kind in items}


def _progress_line(tally: Any) -> str:
    """Return the progress of a run, leaving out counts of 0."""
    parts = [say("panel.done", done=f"{tally.done:,}", total=f"{tally.total:,}")]
    for key, count in (("failed", tally.failed), ("replayed", tally.replayed)):
        if count:
            parts.append(say(f"panel.{key}", count=f"{count:,}"))
    return " · ".join([*parts, str(tally.costs)])
