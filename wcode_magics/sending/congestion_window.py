"""Number of requests that may be in flight, learnt from an endpoint's responses.

The window grows like TCP's (RFC 5681): by one per answer until the first congestion,
then by one per window of answers; a 429 or 503 halves it, once for all requests that
were in flight together. ``Retry-After`` pauses all requests.

If the median answer of a window takes twice as long for its length as the best
window's, more requests in flight may only queue. This is tested: the window shrinks
to :data:`CUT`, and stays there if answers then arrive sooner by at least half of that.
Otherwise the endpoint itself has become slow: the window is restored, and the new
median becomes the best. The very first window is compared with its own fastest
answers, because a queueing endpoint answers one request after another. Times below
:data:`QUICK_S` are dominated by the client and ignored; a window below :data:`CALM`
is not reduced.

An answer read late, by a busy event loop or a process short of CPU, took at least
until it can have arrived and at most until it was read. An endpoint is slow if it is
by the least times, and quick by the most, so the client's own lag shrinks no window.

A request that times out, while fewer answers arrived than are in flight, shows by
Little's law how many requests the endpoint can answer within the timeout.

Measured over HTTP with at most 64 in flight, against halving alone and a fixed best:
8 slots of 0.3 s: equal rows/s with 0.6 s of waiting for an answer, not 2.4; 4 slots
of 0.3 s, timeout 3 s: 272 of 300 rows answered, not 40; answers that take 0.9 s
instead of 0.3 s from the 600th of 1,800 on: 84 rows/s, not 15.

A gateway that reserves credit for every request in flight rejects what it would accept
from a single one: then all requests in flight finish first, one is sent alone, and the
window reopens as after any congestion.

If several windows in a row are rejected without an answer and without a
``Retry-After``, a quota is exhausted: all requests pause, longer each time, until an
answer arrives. While the endpoint is down, one request at a time probes it, with the
same pauses in between.
"""

import math
from collections import deque
from dataclasses import dataclass

START = 256
"""Window before any congestion, at most: 512 are not waited for while 64 double."""
FEWEST = 1
CALM = 8
QUICK_S = 0.25
SLOWER = 2.0
CUT = 0.6
WITHIN = 0.7
FADE = 1.002
LENGTH = 32
KEPT = 1024
REFUSED = 3
PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0


@dataclass(frozen=True, slots=True)
class FailureSignal:
    """What a failed request tells about those that follow.

    ``crowded``: too many requests (429, 503); ``late``: no answer arrived in time;
    ``reserved``: credit is short while others are in flight; ``down``: the endpoint
    answers no request. No request is sent for ``retry_after`` seconds.
    """

    crowded: bool = False
    late: bool = False
    reserved: bool = False
    down: bool = False
    retry_after: float = 0.0


NOT_NEEDED = FailureSignal()


class CongestionWindow:
    """Number of requests that may be in flight; times are in seconds of one clock.

    Args:
        most: maximum number.
    """

    def __init__(self, most: int) -> None:
        self.size = 0.0
        self._threshold = math.inf
        self.cap(most)
        self._cut = 0.0
        self._times: list[float] = []
        self._least_times: list[float] = []
        self._best = math.inf
        self._since = -math.inf
        self._trial: tuple[float, float, float] | None = None
        self._answered: deque[float] = deque(maxlen=KEPT)
        self._refused = self._downs = 0
        self._opens = 0.0

    def cap(self, most: int) -> None:
        """Replace the maximum; what was learnt is kept."""
        self.most = max(most, FEWEST)
        first = START if self._threshold == math.inf else FEWEST
        self.size = float(min(max(self.size, first), self.most))

    def answered(
        self, since: float, arrived: float, now: float, length: int, *, grows: bool
    ) -> None:
        """Record an answer of ``length`` to a request sent at ``since``.

        It was read ``now`` and can have ``arrived`` before. ``grows``: as many requests
        were in flight as may be, so more might be borne.
        """
        self._refused = self._downs = 0
        self._opens = 0.0
        if grows:
            fast = self.size < self._threshold
            self.size += 1 if fast else 1 / self.size
            self.size = min(self.size, self.most)
        self._answered.append(now)
        if since >= self._since:
            length += LENGTH
            self._times.append(max(QUICK_S, now - since) / length)
            self._least_times.append(max(QUICK_S, arrived - since) / length)
        if len(self._times) >= max(int(self.size), CALM):
            self._judge(now)

    def failed(
        self,
        since: float,
        now: float,
        failure: FailureSignal,
        flying: int,
        permits: float,
    ) -> float:
        """Record a failed request sent at ``since``; return the pause in seconds.

        ``flying`` requests are in flight; at most ``permits`` may be, whatever the
        window allows.
        """
        crowded, retry_after = failure.crowded, failure.retry_after
        used = max(FEWEST, min(self.size, permits))
        if (failure.reserved or failure.down) and since >= self._cut:
            self._cut = now
            self._threshold = max(FEWEST, flying / 2, self._opens)
            self.size = float(FEWEST)
            self._downs += failure.down
            if failure.down:
                self._opens = self._threshold
                retry_after = max(retry_after, _pause(self._downs))
        borne = math.inf
        if crowded or failure.late:
            borne = used / 2 if crowded else self._borne(since)
        if borne < self.size and since >= self._cut:
            self._cut = self._since = now
            self.size = self._threshold = max(FEWEST, borne)
            self._trial = None
            self._forget()
            self._refused += crowded and not retry_after
            if self._refused > REFUSED:
                retry_after = _pause(self._refused - REFUSED)
        return retry_after

    def _borne(self, since: float) -> float:
        """Return how many requests are answered within a timeout from ``since`` on."""
        came = sum(moment >= since for moment in self._answered)
        if not came:
            return self.size / 2
        return WITHIN * came if came < self.size else self.size

    def _judge(self, now: float) -> None:
        times, least_times = sorted(self._times), sorted(self._least_times)
        middle, least = (each[len(each) // 2] for each in (times, least_times))
        self._forget()
        if self._best == math.inf:
            self._best = times[CALM - 1]
            return
        no_gain = self._trial is not None and self._gained_nothing(middle)
        self._trial = None
        self._best = middle if no_gain else min(self._best * FADE, middle)
        if least > SLOWER * self._best and self.size * CUT >= CALM:
            self._try_fewer(least, now)

    def _forget(self) -> None:
        self._times.clear()
        self._least_times.clear()

    def _try_fewer(self, least: float, now: float) -> None:
        self._trial = (self.size, self._threshold, least)
        self.size = self._threshold = self.size * CUT
        self._since = now

    def _gained_nothing(self, middle: float) -> bool:
        """Undo the trial if answers did not speed up; return whether it was undone."""
        assert self._trial is not None
        window, threshold, before = self._trial
        if middle < before * (1 + CUT) / 2:
            return False
        self.size, self._threshold = min(window, self.most), threshold
        return True


def _pause(times: int) -> float:
    """Return the pause in seconds after ``times`` failures in a row."""
    return float(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(times - 1, 10)))
