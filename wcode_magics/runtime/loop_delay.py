"""How late the running event loop processes what has arrived.

A response waits unread while its process lacks CPU or the loop is busy with others.
A timer that is due every :data:`BEAT_S` seconds waits just as long, so a response was
there soon after the last beat but one: the last may belong to the turn of the loop
that read it.
"""

import asyncio
from collections.abc import Callable

BEAT_S = 1 / 16


class LoopDelay:
    """Timer that beats on the running loop, from :meth:`start` on while it is needed.

    Args:
        clock: monotonic clock in seconds, that of the loop.
        needed: tells after each beat whether another one is needed.
    """

    def __init__(
        self, clock: Callable[[], float], needed: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._needed = needed
        self._beats = (0.0, 0.0)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to beat; does nothing while it beats on the running loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            now = self._clock()
            self._loop, self._beats = loop, (now, now)
            loop.call_later(BEAT_S, self._beat, loop)

    def arrived(self, now: float) -> float:
        """Return when what is processed ``now`` had arrived, but for two beats."""
        return min(now, self._beats[0] + 2 * BEAT_S)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beats = (self._beats[1], self._clock())
        if self._needed():
            loop.call_later(BEAT_S, self._beat, loop)
        else:
            self._loop = None
