"""What the pages of one panel share: session, draft, status line, picture."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import StatusError, UsageError
from wcode_magics.output.escaping import escape
from wcode_magics.protocol import parameters
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime.shell_variables import bind, own
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.session import Session
from wcode_magics.text import say
from wcode_magics.widgets.answer import Picture, problem_html
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.knobs import Knobs
from wcode_magics.widgets.widget_sync import Barrier


class PanelState:
    """One draft that rows and pages change, and everybody hears of.

    Args:
        session: sends the requests.
        shell: the IPython shell whose variables fill templates; None: no templates.
        draft: what to begin with.
    """

    def __init__(self, session: Session, shell: Any, draft: Draft) -> None:
        self.session = session
        self.shell = shell
        self.picture = Picture()
        self.status = widgets.HTML()
        self.knobs: Knobs | None = None
        self.barrier = Barrier()
        self._lock = threading.RLock()
        self._draft = draft
        self._listeners: list[Callable[[], None]] = []
        self._shows: list[Callable[[], None]] = []

    @property
    def draft(self) -> Draft:
        """The draft as it is now."""
        with self._lock:
            return self._draft

    @property
    def names(self) -> Mapping[str, Any] | None:
        """The variables of the notebook."""
        return None if self.shell is None else own(self.shell)

    def listen(self, call: Callable[[], None]) -> None:
        """Call this whenever the draft changed."""
        self._listeners.append(call)

    def show_with(self, call: Callable[[], None]) -> None:
        """Call this when widgets must show the draft."""
        self._shows.append(call)

    def deaf(self) -> None:
        """Forget who listens and who shows."""
        self._listeners.clear()
        self._shows.clear()

    def change(self, edit: Callable[[Draft], Draft]) -> None:
        """Put an edited draft in place of the draft."""
        with self._lock:
            before, self._draft = self._draft, edit(self._draft)
            changed = before != self._draft
        if changed:
            self._all(self._listeners)

    def take(self, edit: Callable[[Draft], Draft]) -> None:
        """The same for what did not come from a widget: all of them show it."""
        self.change(edit)
        self._all(self._shows)

    def put(self, name: str, value: Any) -> None:
        """Set one value of the draft; None: not sent."""
        self.change(lambda draft: draft.put(name, value))

    def prepare(self) -> Prepared:
        """The draft as a request; raises UsageError or SettingError."""
        self.check()
        return self.draft.prepare(self.session, self.names)

    def check(self) -> None:
        """Raise UsageError where a ticked row holds what cannot be sent."""
        problems = self.knobs.problems if self.knobs is not None else []
        if problems:
            raise UsageError("panel.mend", problem=problems[0])

    def bind(self, reply: Reply) -> None:
        """Give the person the reply as ``_wcode`` and under ``--out``."""
        if self.shell is not None:
            bind(self.shell, reply, self.draft.values.get("out"), reply.parsed)

    def rejected(self, error: StatusError, request: Request) -> None:
        """Take out of the draft the parameters that an endpoint's refusal names."""
        said = str(error.facts.get("message", ""))
        for name in parameters.NAMES:
            named = re.search(rf"\b{name}\b", said)
            if named and name in request.params and self.knobs is not None:
                self.knobs.reject(name, say("panel.rejected"))

    def guarded(self, call: Callable[[Any], None]) -> Callable[[Any], None]:
        """A callback whose errors show in the panel instead of in a log nobody sees."""

        def callback(event: Any) -> None:
            try:
                call(event)
            except Exception as error:
                self.fail(error)

        return callback

    def _all(self, calls: list[Callable[[], None]]) -> None:
        for call in [*calls]:
            try:
                call()
            except Exception as error:
                self.fail(error)

    def fail(self, error: Exception) -> None:
        """Show an error."""
        self.status.value = f'<div role="alert">{problem_html(error)}</div>'

    def say(self, words: str) -> None:
        """Show news in the place of errors."""
        self.status.value = f'<div role="status">{escape(words)}</div>'

    def clear(self) -> None:
        """Take the last error away."""
        self.status.value = ""
