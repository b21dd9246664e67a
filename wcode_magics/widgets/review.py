"""Review of answered rows: a person gives gold by single keys.

With anywidget, keys 1 to 9 choose, Enter accepts the answer, S skips and U takes back,
and cards are sent ahead so that the next one never waits for the kernel. Without it,
buttons do the same.
"""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from wcode_magics.display.evaluation_bundles import accuracy
from wcode_magics.errors import SettingError
from wcode_magics.evaluation import require
from wcode_magics.evaluation.threshold import check_level
from wcode_magics.output.escaping import escape
from wcode_magics.output.mimebundle import widget_bundle
from wcode_magics.session.cell_identity import notebook_name
from wcode_magics.tables.review_queue import ReviewQueue
from wcode_magics.text import say
from wcode_magics.widgets import review_card
from wcode_magics.widgets.label import release
from wcode_magics.widgets.static_copy import StaticCopy
from wcode_magics.widgets.worker import Later

AHEAD = 8
"""Cards that the front end has beyond the current one."""
QUIET_S = 0.5
"""Seconds without a decision after which the evaluation is updated."""
_UNSAFE = re.compile(r"[^\w.-]+")
DRAWN_S = 5.0
"""Seconds that closing waits for a picture that is being drawn."""
KEYS = (("Enter", "accept"), ("S", "skip"), ("U", "back"))


class Review:
    """Widget over a queue; ``error`` and ``sure`` are those of the threshold."""

    def __init__(
        self, queue: ReviewQueue, *, error: float = 0.05, sure: float = 0.95
    ) -> None:
        self.queue = queue
        self._level = error, sure
        self._sent = 0
        self._warning = ""
        self._later = Later(QUIET_S, self._evaluate)
        self._picture = StaticCopy()
        self._face = _key_face(self) or ButtonFace(self)
        self.widget = widgets.VBox([self._face.widget])
        if isinstance(self._face, ButtonFace):
            self.show()

    def open(self) -> None:
        """Display the review and, below it, the output for the evaluation."""
        from IPython.display import display

        display(widget_bundle(self.widget.model_id, say("review.plain")), raw=True)
        self._picture.open()
        self._later.ask()

    def close(self) -> None:
        """Remove the widget; gold and the last evaluation stay."""
        self._later.forget(DRAWN_S)
        release(self.widget)

    def act(self, act: str, place: int | None = None, choice: str = "") -> None:
        """Carry out one key; ``place`` is the row that the person saw.

        A key for another row than the current one is ignored, and the cards are sent
        again. ``back`` and ``reset`` take back the last decision; with ``reset``, the
        front end does not have its card any more.
        """
        queue = self.queue
        now = queue.row(queue.done)
        if act in {"back", "reset"}:
            taken = self._kept(queue.undo)
            if act == "reset":
                self.show()
            elif taken:
                self._go_on()
            return
        if act == "ready" or now is None or now.place != place:
            self.show()
            return
        if act == "skip":
            self._kept(queue.skip)
        elif queue.accepts(choice, now.place):
            self._kept(lambda: queue.choose(choice))
        else:
            self.show()
            return
        self._go_on()

    def show(self) -> None:
        """Show the queue from its current row on."""
        self._sent = self.queue.done
        self._go_on(reset=True)

    def _go_on(self, *, reset: bool = False) -> None:
        """Send cards and progress now, the evaluation in a quiet moment."""
        self._face.show(self._cards(self._sent), self._progress(), reset=reset)
        self._later.ask()

    def _progress(self) -> str:
        """Return the progress; empty if there was nothing to review."""
        if not len(self.queue):
            return self._warning
        facts = {"done": f"{self.queue.done:,}", "total": f"{len(self.queue):,}"}
        return " · ".join(
            filter(None, [say("review.progress", **facts), self._warning])
        )

    def _evaluate(self) -> None:
        """Show accuracy and threshold of the rows drawn at random, and the pictures."""
        found = self.queue.evaluation()
        if found is None:
            self._face.show_metrics(
                [] if self.queue.drawn else [say("review.no_sample")]
            )
            return
        try:
            require()
        except SettingError as missing:
            self._face.show_metrics([str(missing)])
            return
        rows = f"{found.metrics.rows:,}"
        lines = [say("review.accuracy", rows=rows, accuracy=accuracy(found.metrics))]
        if found.metrics.sure:
            lines.append(str(found.threshold(*self._level)))
        self._face.show_metrics(lines)
        self._picture.show(found._repr_mimebundle_())

    def _cards(self, first: int) -> list[Any]:
        """Return the cards up to those ahead of the current row, from ``first`` on."""
        last = min(self.queue.done + AHEAD + 1, len(self.queue))
        self._sent = last
        return [self._card(number) for number in range(first, last)]

    def _card(self, number: int) -> Any:
        row = self.queue.row(number)
        assert row is not None
        reply = self.queue.reply(row.place)
        return review_card.card(row, reply, number + 1, len(self.queue))

    def _kept(self, work: Any) -> Any:
        """Run what writes the file; a failure is shown, and the frame has the gold."""
        self._warning = ""
        try:
            return work()
        except OSError as wrong:
            self._warning = say("review.unwritten", reason=wrong.strerror or str(wrong))
            return True


def review_of(
    shell: Any,
    name: str,
    frame: Any,
    *,
    error: float = 0.05,
    sure: float = 0.95,
    text: Sequence[str] = (),
    **options: Any,
) -> Review:
    """Return a review of a frame, whose gold also goes into a file.

    Args:
        shell: IPython shell, which knows the notebook's name; None: unknown.
        name: variable of the frame, part of the file's name.
        frame: answered rows.
        error: of the threshold, as ``sure`` is.
        sure: see :meth:`~wcode_magics.evaluation.evaluation.Evaluation.threshold`.
        text: columns to show.
        **options: ``of``, ``gold`` and ``sample`` of :class:`ReviewQueue`.

    Raises:
        UsageError: a column is missing or ambiguous, nothing can be chosen from, or
            ``error`` or ``sure`` is not between 0 and 1.
    """
    check_level(error, sure)
    path = gold_path(shell, name)
    queue = ReviewQueue(frame, texts=text, path=path, **options)
    return Review(queue, error=error, sure=sure)


def gold_path(shell: Any, name: str) -> Path:
    """Return the file of gold of a variable: beside the notebook, named after both."""
    notebook = None if shell is None else notebook_name(shell)
    stem = "" if notebook is None else f"{Path(notebook).stem}."
    folder = Path.cwd()
    if notebook is not None and Path(notebook).is_absolute():
        beside = Path(notebook).parent
        folder = beside if beside.is_dir() else folder  # a server's, not the kernel's
    return folder / _UNSAFE.sub("-", f"{stem}{name}.gold.jsonl")


class ButtonFace:
    """Card as HTML, with a button for each choice and key."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._cards: list[Any] = []
        self._card, self._progress, self._metrics = (widgets.HTML() for _ in range(3))
        wide = {"width": "auto"}
        choices = []
        for name in review.queue.choices:
            choices.append(widgets.Button(description=name, layout=wide))
            choices[-1].on_click(lambda button: self._act("choose", button.description))
        keys = [
            widgets.Button(description=say(f"review.{name}"), layout=wide)
            for _key, name in KEYS
        ]
        keys[0].on_click(lambda _button: self._accept())
        keys[1].on_click(lambda _button: self._act("skip"))
        keys[2].on_click(lambda _button: self._review.act("reset"))
        flow = {"flex_flow": "row wrap"}
        rows = [widgets.HBox(one, layout=flow) for one in (choices, keys)]
        if not len(review.queue):
            rows = []
        self.widget = widgets.VBox([self._card, *rows, self._progress, self._metrics])

    def show(self, cards: Sequence[Any], progress: str, *, reset: bool) -> None:
        """Add cards, or replace all; show the first one and the progress."""
        self._cards = [*cards] if reset else [*self._cards, *cards]
        over = escape(_over(self._review))
        self._card.value = review_card.html(self._cards[0]) if self._cards else over
        self._progress.value = escape(progress)

    def show_metrics(self, lines: Sequence[str]) -> None:
        """Show the lines of the evaluation."""
        self._metrics.value = "".join(f"<div>{escape(line)}</div>" for line in lines)

    def _accept(self) -> None:
        if self._cards and self._cards[0]["answer"] is not None:
            self._act("choose", self._cards[0]["answer"])

    def _act(self, act: str, choice: str = "") -> None:
        if self._cards:
            self._review.act(act, self._cards.pop(0)["place"], choice)


def _key_face(review: Review) -> Any:
    """Return a face for the keyboard, or None without anywidget."""
    if find_spec("anywidget") is None:
        return None
    import anywidget

    class KeyFace(anywidget.AnyWidget):
        """Widget that is sent cards and sends keys; none of it is saved."""

        _esm = Path(__file__).with_name("review.js")
        _css = Path(__file__).with_name("review.css")

        def __init__(self) -> None:
            super().__init__()
            self.on_msg(self._pressed)

        def __repr__(self) -> str:
            return "KeyFace()"

        @property
        def widget(self) -> Any:
            """The widget itself."""
            return self

        def show(self, cards: Sequence[Any], progress: str, *, reset: bool) -> None:
            """Send cards and progress; with ``reset``, in place of all others."""
            sent = {"cards": list(cards), "progress": progress, "reset": reset}
            self.send({**sent, "words": _words(review)} if reset else sent)

        def show_metrics(self, lines: Sequence[str]) -> None:
            """Send the lines of the evaluation."""
            self.send({"metrics": list(lines)})

        def _pressed(self, _widget: Any, content: Any, _buffers: Any) -> None:
            choice = content.get("choice") or ""
            review.act(str(content.get("act")), content.get("place"), str(choice))

    return KeyFace()


def _over(review: Review) -> str:
    return say("review.over", gold=review.queue.gold)


def _words(review: Review) -> dict[str, Any]:
    keys = [[key, say(f"review.{name}")] for key, name in KEYS]
    return {"keys": keys, "over": _over(review), "tokens": say("review.tokens")}
