"""Synchronization that waits until all typed text has reached the kernel.

A front end holds back the newest text of a field while an older update is in flight,
and a button's click overtakes it, so the request could lack the last words. Before the
fields are read, a number is sent to the front end, where a link copies it into a second
field; when it returns, everything typed before the click has arrived as well.
"""

import threading
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import UsageError
from wcode_magics.widgets.label import release

TIMEOUT_S = 1.5


class Barrier:
    """Number sent to the front end, and the link that returns it."""

    def __init__(self) -> None:
        self._sent = widgets.IntText()
        self._back = widgets.IntText()
        self._link = widgets.jsdlink((self._sent, "value"), (self._back, "value"))
        self._condition = threading.Condition()
        self._number = 0
        self._received = 0
        self._back.observe(self._receive, "value")

    def begin(self) -> None:
        """Test whether this front end responds at all."""
        self._send()

    def wait(self) -> None:
        """Wait for typed text; not on the thread that receives the fields' messages.

        Raises:
            UsageError: the kernel is busy, so the newest text has not arrived. It is
                not raised if the front end has never responded.
        """
        answers = self._received > 0
        number = self._send()
        with self._condition:
            arrived = self._condition.wait_for(
                lambda: self._received >= number, TIMEOUT_S
            )
        if answers and not arrived:
            raise UsageError("panel.busy")

    def close(self) -> None:
        """Remove the widgets from the front end."""
        release(self._link, self._sent, self._back)

    def _send(self) -> int:
        with self._condition:
            self._number += 1
            number = self._number
        self._sent.value = number
        return number

    def _receive(self, change: Any) -> None:
        with self._condition:
            self._received = max(self._received, change["new"])
            self._condition.notify_all()
