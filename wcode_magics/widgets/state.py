"""State shared by the pages of a panel: session, draft, result.

``status`` is the status line of the page that is shown.
"""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from wcode_magics.errors import StatusError, UsageError
from wcode_magics.protocol import parameters
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime.shell_variables import bind, own
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.session import Session
from wcode_magics.text import say
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.frame_head import FirstRow
from wcode_magics.widgets.knobs import Knobs
from wcode_magics.widgets.pending_input import Barrier
from wcode_magics.widgets.static_copy import StaticCopy
from wcode_magics.widgets.status import StatusLine


class PanelState:
    """Draft that rows and pages change, and listeners for its changes.

    A page sets ``status`` to its own.

    Args:
        session: session that sends the requests.
        shell: IPython shell whose variables fill templates; None: no templates.
        draft: initial draft.
    """

    status: StatusLine

    def __init__(self, session: Session, shell: Any, draft: Draft) -> None:
        self.session = session
        self.shell = shell
        self.picture = StaticCopy()
        self.front_end: Any = None
        self.knobs: Knobs | None = None
        self.row: FirstRow | None = None
        self.barrier = Barrier()
        self._lock = threading.RLock()
        self._draft = draft
        self._listeners: list[Callable[[], None]] = []
        self._shows: list[Callable[[], None]] = []

    @property
    def draft(self) -> Draft:
        """The current draft."""
        with self._lock:
            return self._draft

    @property
    def variables(self) -> Mapping[str, Any] | None:
        """The variables of the notebook, or None without a shell."""
        return None if self.shell is None else own(self.shell)

    @property
    def names(self) -> Mapping[str, Any] | None:
        """Values that templates may use; None without a shell.

        Columns of the DataFrame that a page has chosen stand for its first row.
        """
        variables = self.variables
        if variables is None or self.row is None:
            return variables
        return {**self.row.names, **variables}

    def listen(self, call: Callable[[], None]) -> None:
        """Call ``call`` after every change of the draft."""
        self._listeners.append(call)

    def show_with(self, call: Callable[[], None]) -> None:
        """Call ``call`` when widgets must show the draft."""
        self._shows.append(call)

    def remove_listeners(self) -> None:
        """Remove all listeners."""
        self._listeners.clear()
        self._shows.clear()

    def change(self, edit: Callable[[Draft], Draft]) -> None:
        """Replace the draft with an edited one and notify the listeners."""
        with self._lock:
            before, self._draft = self._draft, edit(self._draft)
            changed = before != self._draft
        if changed:
            self._all(self._listeners)

    def take(self, edit: Callable[[Draft], Draft]) -> None:
        """Change the draft from code and update all widgets."""
        self.change(edit)
        self._all(self._shows)

    def put(self, name: str, value: Any) -> None:
        """Set one value of the draft; None: not sent."""
        self.change(lambda draft: draft.put(name, value))

    @property
    def row_note(self) -> list[str]:
        """A line if the prompt is filled in with the first row of a DataFrame."""
        if self.row is not None:
            try:
                self.draft.prepare(self.session, self.variables)
            except UsageError:
                return [say("panel.filled_in", name=self.row.name)]
        return []

    def prepare(self) -> Prepared:
        """Build the draft's request; raises UsageError or SettingError."""
        self.check()
        return self.draft.prepare(self.session, self.names)

    def check(self) -> None:
        """Raise UsageError if a ticked row holds a value that cannot be sent."""
        problems = self.knobs.problems if self.knobs is not None else []
        if problems:
            raise UsageError("panel.mend", problem=problems[0])

    def bind(self, reply: Reply) -> None:
        """Bind the reply to ``_wcode`` and to the name of ``--out``."""
        if self.shell is not None:
            bind(self.shell, reply, self.draft.values.get("out"), reply.parsed)

    def rejected(self, error: StatusError, request: Request) -> None:
        """Remove the parameters that an endpoint's rejection names from the draft."""
        message = str(error.facts.get("message", ""))
        for name in parameters.NAMES:
            named = re.search(rf"\b{name}\b", message)
            if named and name in request.params and self.knobs is not None:
                self.knobs.reject(name, say("panel.rejected"))

    def guarded(
        self, call: Callable[[Any], None], status: StatusLine | None = None
    ) -> Callable[[Any], None]:
        """Wrap a callback so that its errors show in the panel, not in a hidden log.

        They show in ``status``, or on the page that is shown.
        """

        def callback(event: Any) -> None:
            try:
                call(event)
            except Exception as error:
                (status or self.status).fail(error)

        return callback

    def _all(self, calls: list[Callable[[], None]]) -> None:
        for call in [*calls]:
            try:
                call()
            except Exception as error:
                self.status.fail(error)
