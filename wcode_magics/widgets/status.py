"""Status line next to a button: errors, messages and a note such as the estimate."""

import traceback
from collections.abc import Iterable

import ipywidgets as widgets

from wcode_magics.display import bundles
from wcode_magics.errors import WcodeError
from wcode_magics.output.escaping import escape, joined
from wcode_magics.text import say
from wcode_magics.widgets.label import made


class StatusLine:
    """HTML widget with a message, until it is cleared, and a note below it."""

    def __init__(self) -> None:
        self.widget = made(widgets.HTML, classes="wcode-status")
        self._message = self._words = ""
        self._note: list[str] = []

    def fail(self, error: BaseException) -> None:
        """Show an error."""
        self._put(f'<div role="alert">{problem_html(error)}</div>', str(error))

    def say(self, words: str) -> None:
        """Show a message in the place of errors."""
        self._put(f'<div role="status">{escape(words)}</div>', words)

    def clear(self) -> None:
        """Remove the message or error."""
        self._put("", "")

    def show(self, lines: Iterable[str]) -> None:
        """Replace the note by lines, leaving out empty ones and the message."""
        self._note = [*lines]
        self._draw()

    def _put(self, message: str, words: str) -> None:
        self._message, self._words = message, words
        self._draw()

    def _draw(self) -> None:
        lines = [line for line in self._note if line and line != self._words]
        page = "".join(f"<div>{joined(line)}</div>" for line in lines)
        note = f'<div class="wcode-faint">{page}</div>' if self._note else ""
        self.widget.value = self._message + note


def problem_html(error: BaseException) -> str:
    """Return an error as HTML, with a traceback if it is not a WcodeError."""
    if isinstance(error, WcodeError):
        return str(bundles.note_bundle(str(error))["text/html"])
    page = bundles.note_bundle(f"{type(error).__name__}: {error}")["text/html"]
    lines = "".join(traceback.format_exception(error))
    details = f"<details><summary>{escape(say('panel.details'))}</summary>"
    return f"{page}{details}<pre>{escape(lines)}</pre></details>"
