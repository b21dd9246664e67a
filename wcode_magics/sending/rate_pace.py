"""Request rate that an endpoint accepts, learnt from its rejections.

If answers arrive so quickly that even one request in flight exceeds a rate limit, a
window of requests in flight cannot respect it. Then requests are spaced: at slightly
less than the rate answered in the second before a rejection. From there the rate
grows, by :data:`GROWTH` per second at first and twice as fast with each second
without a rejection, so that it stays close to a limit, and soon forgets one that is
lifted.

Measured over HTTP, limits of 10 and 20 a second, answers after 20 ms: 0 of 500 rows
lost, and at most 1.1 of the ideal time.
"""

import math
from collections import deque

SPAN_S = 1.0
LESS = 0.95
GROWTH = 0.05
FASTEST_GROWTH = 1.0
FREE = 200.0
"""Rate in requests per second from which requests are not spaced."""
_KEPT = 512


class Pace:
    """Spaces requests once an endpoint has rejected some; unlimited until then."""

    def __init__(self) -> None:
        self.rate = math.inf
        self.free = -math.inf
        self._answers: deque[float] = deque(maxlen=_KEPT)
        self._refused = self._grown = -math.inf

    @property
    def holds(self) -> bool:
        """Whether requests are spaced."""
        return self.rate < FREE

    def answered(self, now: float) -> None:
        """Record an answer."""
        self._answers.append(now)

    def refused(self, now: float) -> None:
        """Record the rejection of a lone request; counted at most once per second."""
        if now - self._refused < SPAN_S:
            return
        served = sum(moment > now - SPAN_S for moment in self._answers) / SPAN_S
        if not served and not self.holds:
            return
        self._refused = self._grown = now
        self.rate = min(self.rate, max(served, self.rate / 2 if self.holds else 0))
        self.rate = max(self.rate * LESS, 1 / SPAN_S)
        self.free = max(self.free, now + 1 / self.rate)

    def take(self, now: float) -> None:
        """Record that a request is sent."""
        if not self.holds:
            return
        quiet, passed = now - self._refused, min(now - self._grown, SPAN_S)
        growth = min(FASTEST_GROWTH, GROWTH * 2 ** min(quiet / SPAN_S, 10))
        self._grown = now
        self.rate *= 1 + growth * max(0.0, passed)
        self.free = max(self.free, now - SPAN_S / 20) + 1 / self.rate
