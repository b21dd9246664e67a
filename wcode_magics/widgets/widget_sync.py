"""Waiting until all that was typed has arrived.

A front end holds a field's newest text back while an older one is on its way, and a
button's click overtakes it: what is sent could lack the last words. So before reading
the fields one number goes to the front end, which a link there copies into a second
field; when it comes back, everything typed before the click has come as well.
"""

import threading
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import UsageError
from wcode_magics.widgets.closing import release

PATIENCE_S = 1.5


class Barrier:
    """The number, and the link that brings it back."""

    def __init__(self) -> None:
        self._sent = widgets.IntText()
        self._back = widgets.IntText()
        self._link = widgets.jsdlink((self._sent, "value"), (self._back, "value"))
        self._came = threading.Condition()
        self._number = 0
        self._heard = 0
        self._back.observe(self._hear, "value")

    def begin(self) -> None:
        """Find out whether this front end answers at all."""
        self._send()

    def wait(self) -> None:
        """Wait for what was typed; not on the thread that the fields' messages need.

        Raises:
            UsageError: the kernel is busy, so the newest text has not arrived. Where
                a front end never answered, nothing can be known and nothing is said.
        """
        answers = self._heard > 0
        number = self._send()
        with self._came:
            came = self._came.wait_for(lambda: self._heard >= number, PATIENCE_S)
        if answers and not came:
            raise UsageError("panel.busy")

    def close(self) -> None:
        """Take it out of the front end."""
        release(self._link, self._sent, self._back)

    def _send(self) -> int:
        with self._came:
            self._number += 1
            number = self._number
        self._sent.value = number
        return number

    def _hear(self, change: Any) -> None:
        with self._came:
            self._heard = max(self._heard, change["new"])
            self._came.notify_all()
