"""Time limits of blocks in coroutines, at a fraction of the cost of asyncio's.

Each of thousands of table rows has some in force, as has each wait for a part of a
stream, and nearly all are left in time. So all limits of an event loop share one timer,
due with the first of them, in place of one each.
"""

import asyncio
import math
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Deadline:
    """Cancels what runs in its ``with`` block after a time; raises TimeoutError.

    Args:
        seconds: time from entering on; infinite for no limit.
        left: returns, once it is over, the seconds to wait longer; 0 or less for none.
    """

    __slots__ = (
        "_cancelling",
        "_expired",
        "_left",
        "_open",
        "_seconds",
        "_task",
        "due",
    )
    due: float

    def __init__(self, seconds: float, left: Callable[[], float] = lambda: 0.0) -> None:
        self._seconds, self._left = seconds, left
        self._expired = False
        self._open: _OpenDeadlines | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        if self._seconds < math.inf:
            self._open = _open_on(loop)
            self._open.add(self, self._seconds)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.lift()
        if self._expired:
            own = self._task.uncancel() <= self._cancelling
            if own and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def lift(self) -> None:
        """Let the rest of the block take any time."""
        if self._open is not None:
            self._open.deadlines.discard(self)
            self._open = None

    def check(self, open_: "_OpenDeadlines") -> None:
        """Cancel the task, or wait longer, now that the time is over."""
        left = self._left()
        if left > 0:
            open_.add(self, left)
        else:
            self.lift()
            self._expired = True
            self._task.cancel()


class _OpenDeadlines:
    """Limits in force on one event loop, and the timer of the first one due."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.deadlines: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def add(self, deadline: Deadline, seconds: float) -> None:
        deadline.due = due = self.loop.time() + seconds
        self.deadlines.add(deadline)
        if due < self._due:
            self._set(due)

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        endless = due == math.inf
        self._due = due
        self._timer = None if endless else self.loop.call_at(due, self._check)

    def _check(self) -> None:
        now = self.loop.time()
        for deadline in [one for one in self.deadlines if one.due <= now]:
            deadline.check(self)
        self._set(min((one.due for one in self.deadlines), default=math.inf))


_here = threading.local()


def _open_on(loop: asyncio.AbstractEventLoop) -> _OpenDeadlines:
    """Return the limits in force on the loop that runs in this thread."""
    known: _OpenDeadlines | None = getattr(_here, "open", None)
    if known is None or known.loop is not loop:
        known = _here.open = _OpenDeadlines(loop)
    return known
