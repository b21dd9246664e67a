"""Caps per minute: leaky buckets of requests and tokens that hold one second's worth.

Tokens are taken according to the largest of the recent requests (at first: the
request's maximum) and corrected to the actual usage.
"""

import math
from collections import deque

BURST_S = 1.0
MINUTE_S = 60.0
NOW_S = 1e-6
USUAL = 64


class Caps:
    """Caps on the requests to one endpoint; times are in seconds of one clock.

    ``sent`` and ``tokens`` count what was taken since the beginning, if there is a cap.
    ``hold``: there is one; ``hold_tokens``: there is one on tokens.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.tokens = 0.0
        self.hold = self.hold_tokens = False
        self._requests, self._tokens = _Bucket(), _Bucket()
        self._used: deque[int] = deque(maxlen=USUAL)
        self._most = 0

    def set(
        self, requests_per_minute: float | None, tokens_per_minute: float | None
    ) -> None:
        """Replace the caps; None: no cap."""
        self._requests.set(requests_per_minute)
        self._tokens.set(tokens_per_minute)
        self.hold_tokens = bool(tokens_per_minute)
        self.hold = self.hold_tokens or bool(requests_per_minute)

    @property
    def free(self) -> float:
        """When another request may be sent."""
        return max(self._requests.free, self._tokens.free)

    @property
    def each(self) -> float:
        """Maximum tokens, prompt and answer, of recent requests; 0 if unknown."""
        return max(self._used, default=self._most)

    def take(self, tokens: int, now: float) -> float:
        """Record that a request is sent; return the tokens taken for it."""
        self._most = max(self._most, tokens)
        amount = min(tokens, max(self._used, default=0) or tokens)
        self.sent += 1
        self.tokens += amount
        self.charge(1, amount, now)
        return amount

    def answered(self, used: int) -> None:
        """Record the tokens that a request used."""
        self._used.append(used)

    def correct(self, taken: float, used: float, now: float) -> None:
        """Replace the tokens taken for a request by those it used."""
        self.tokens += used - taken
        self._tokens.take(used - taken, now)

    def charge(self, requests: float, tokens: float, now: float) -> None:
        """Take what others may send; negative amounts are returned."""
        self._requests.take(requests, now)
        self._tokens.take(tokens, now)

    def credit(self, each: float, now: float) -> float:
        """Return how many requests of ``each`` tokens may be sent now; inf: any.

        Below 0 where the last one took more than there was.
        """
        requests, tokens = self._requests.credit(now), self._tokens.credit(now)
        return min(requests, tokens / (each or 1))

    def rate(self, each: float) -> float:
        """Return how many requests of ``each`` tokens may be sent per second."""
        return min(self._requests.rate, self._tokens.rate / (each or 1))


class _Bucket:
    """Leaky bucket with capacity from ``free`` on; may be overdrawn, keeps the debt."""

    def __init__(self) -> None:
        self.free = -math.inf
        self._each = 0.0

    def set(self, per_minute: float | None) -> None:
        self._each = MINUTE_S / per_minute if per_minute else 0.0

    def take(self, amount: float, now: float) -> None:
        if self._each:
            self.free = max(self.free, now - BURST_S) + amount * self._each

    @property
    def rate(self) -> float:
        return 1 / self._each if self._each else math.inf

    def credit(self, now: float) -> float:
        if not self._each:
            return math.inf
        return (now - max(self.free, now - BURST_S)) / self._each
