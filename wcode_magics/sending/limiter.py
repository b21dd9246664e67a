"""Adaptive limit on concurrent requests, learnt from an endpoint's responses.

The window of requests in flight grows like TCP's (RFC 5681): by one per answer until
the first congestion, then by one per window of answers; a 429 or 503 halves it, once
for all requests that were in flight together. ``Retry-After`` pauses all requests.

If the median answer of a window takes twice as long for its length as the best
window's, more requests in flight may only queue. This is tested: the window shrinks
to :data:`CUT`, and stays there if answers then arrive sooner by at least half of that.
Otherwise the endpoint itself has become slow: the window is restored, and the new
median becomes the best. The very first window is compared with its own fastest
answers, because a queueing endpoint answers one request after another. Times below
:data:`QUICK_S` are dominated by the client and ignored; a window below :data:`CALM`
is not reduced.

A request that times out, while fewer answers arrived than are in flight, shows by
Little's law how many requests the endpoint can answer within the timeout.

Measured over HTTP with at most 64 in flight, against halving alone and a fixed best:
8 slots of 0.3 s: equal rows/s with 0.6 s of waiting for an answer, not 2.4; 4 slots
of 0.3 s, timeout 3 s: 272 of 300 rows answered, not 40; answers that take 0.9 s
instead of 0.3 s from the 600th of 1,800 on: 84 rows/s, not 15.

If one request in flight is still too many, requests are spaced in time instead
(:mod:`wcode_magics.sending.rate_pace`). A gateway that reserves credit for every
request in flight rejects what it would accept from a single one: then all requests in
flight finish first, one is sent alone, and the window reopens as after any congestion.

If several windows in a row are rejected without an answer and without a
``Retry-After``, a quota is exhausted: all requests pause, longer each time, until an
answer arrives. While the endpoint is down, one request at a time probes it, with the
same pauses in between.

Requests waiting for tokens (:mod:`wcode_magics.sending.caps`) that another did not
need proceed as soon as those are returned.

Limits may be lent to other processes (:mod:`wcode_magics.sending.lender`). Permits
that are lent count as in flight, and requests that they may send as sent. A borrower
is a limiter with a share, within which it learns by itself what the endpoint bears.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from wcode_magics.sending.caps import NOW_S, Caps
from wcode_magics.sending.rate_pace import Pace
from wcode_magics.sending.shares import Demand, Share

MOST = 64
START = 256
"""First window at most: who allows 512 in flight does not wait while 64 double."""
FEWEST = 1
CALM = 8
QUICK_S = 0.25
SLOWER = 2.0
CUT = 0.6
WITHIN = 0.7
FADE = 1.002
LENGTH = 32
KEPT = 1024
LONGEST_WAIT_S = 60.0
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


class Limiter:
    """State of one endpoint and key, shared by all batches on one event loop.

    Args:
        most: maximum number of requests in flight.
        requests_per_minute: None for no cap.
        tokens_per_minute: prompt and answer together; None for no cap.
        clock: monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        most: int = MOST,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.window = float(min(START, most))
        self.flying = 0
        self._clock = clock
        self._pace = Pace()
        self._solo: float | None = None
        self._caps = Caps()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._threshold = math.inf
        self._resume = self._cut = 0.0
        self._times: list[float] = []
        self._best = math.inf
        self._since = -math.inf
        self._trial: tuple[float, float, float] | None = None
        self._answered: deque[float] = deque(maxlen=KEPT)
        self._refused = self._downs = 0
        self._opens = 0.0
        self._taken: dict[float, float] = {}
        self._gate = asyncio.Lock()
        self._given_back = asyncio.Event()
        self._lent = 0
        self._share = Share(permits=math.inf)
        self._seeks_alone = False
        self.watch: Callable[[], object] = lambda: None
        self.cap(most, requests_per_minute, tokens_per_minute)

    def cap(
        self,
        most: int = MOST,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        """Replace the caps; learnt state is kept."""
        self.most = max(most, FEWEST)
        self.window = min(self.window, float(self.most))
        self._caps.set(requests_per_minute, tokens_per_minute)

    async def enter(self, tokens: int = 0) -> float:
        """Wait for permission to send a request of at most ``tokens`` tokens.

        Returns the time of sending, which identifies the request in :meth:`leave`.
        """
        if self.flying < self._room:
            self.flying += 1
        else:
            await self._admitted()
        try:
            taken = await self._turn(tokens)
        except asyncio.CancelledError:
            self._left()
            raise
        since = self._clock()
        while since in self._taken:
            since = math.nextafter(since, math.inf)
        if taken:
            self._taken[since] = taken
        lone = self.flying == 1 and self._share.alone
        self._solo = since if lone else None
        return since

    async def _admitted(self) -> None:
        """Wait until a place in the window is handed over."""
        if self._share.permits < self.window:
            self.watch()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._left()
            raise

    def is_alone(self, since: float) -> bool:
        """Return whether no other request was in flight at the same time."""
        return self._solo == since

    def leave(self, since: float, *, used: int = 0, length: int = 0) -> None:
        """Record an answer: ``used`` tokens in total, ``length`` in the answer."""
        self._refused = self._downs = 0
        self._opens = 0.0
        self._seeks_alone = False
        self._caps.answered(used)
        self._settle(since, used)
        full = bool(self._waiting) or self.flying >= self._room - 1
        self._left()
        if full and self.window <= self._share.permits:
            fast = self.window < self._threshold
            self.window += 1 if fast else 1 / self.window
            self.window = min(self.window, self.most)
        now = self._clock()
        self._answered.append(now)
        self._pace.answered(now)
        if since >= self._since:
            self._times.append(max(QUICK_S, now - since) / (LENGTH + length))
        if len(self._times) >= max(int(self.window), CALM):
            self._judge()

    def fail(self, since: float, failure: FailureSignal = NOT_NEEDED) -> None:
        """Record a request that failed, or that was not needed."""
        self._settle(since, 0)
        crowded, retry_after = failure.crowded, failure.retry_after
        now = self._clock()
        window = max(FEWEST, min(self.window, self._share.permits))
        if crowded and window <= FEWEST:
            self._pace.refused(now)
        self._seeks_alone = failure.reserved
        if (failure.reserved or failure.down) and since >= self._cut:
            self._cut = now
            self._threshold = max(FEWEST, self.flying / 2, self._opens)
            self.window = float(FEWEST)
            self._downs += failure.down
            if failure.down:
                self._opens = self._threshold
                retry_after = max(retry_after, _pause(self._downs))
        borne = math.inf
        if crowded or failure.late:
            borne = window / 2 if crowded else self._borne(since)
        if borne < self.window and since >= self._cut:
            self._cut = self._since = now
            self.window = self._threshold = max(FEWEST, borne)
            self._trial = None
            self._times.clear()
            self._refused += crowded and not retry_after
            if self._refused > REFUSED:
                retry_after = _pause(self._refused - REFUSED)
        self._pause(retry_after)
        self._left()

    @property
    def demand(self) -> Demand:
        """What this limiter uses of a share and could use."""
        waiting = sum(not turn.done() for turn in self._waiting)
        return Demand(
            flying=self.flying,
            wants=min(self.flying + waiting, max(FEWEST, int(self.window))),
            sent=self._caps.sent,
            tokens=self._caps.tokens,
            each=self._caps.each,
            paused=self.paused,
            alone=self._seeks_alone,
        )

    def borrow(self, share: Share) -> None:
        """Send within a share of limits that other processes use, too."""
        self._share = share
        self._resume = max(self._resume, self._clock() + share.paused)
        self._give_back()
        self._admit()

    def lend(self, permits: int, paused: float = 0.0) -> None:
        """Set how many permits are lent; ``paused``: seconds a borrower must wait."""
        self.flying += permits - self._lent
        self._lent = permits
        self._pause(paused)
        self._admit()

    def charge(self, requests: float, tokens: float) -> None:
        """Take from the caps what borrowers may send; negative: what they did not."""
        self._caps.charge(requests, tokens, self._clock())

    def credit(self, each: float) -> float:
        """Return how many requests of ``each`` tokens the caps allow now; inf: any."""
        return self._caps.credit(each, self._clock())

    def rate(self, each: float) -> float:
        """Return how many requests of ``each`` tokens they allow per second."""
        return self._caps.rate(each)

    @property
    def own(self) -> Demand:
        """Demand of this process itself, beside its borrowers'."""
        flying = self.flying - self._lent
        return Demand(flying=flying, wants=flying + len(self._waiting))

    @property
    def counts_tokens(self) -> bool:
        """Whether there is a token cap, so that requests must be counted."""
        return self._caps.hold_tokens

    @property
    def paused(self) -> float:
        """Remaining seconds of a ``Retry-After``."""
        return max(0.0, self._resume - self._clock())

    async def _turn(self, tokens: int) -> float:
        """Wait in turn for pauses and caps; return the number of tokens taken."""
        if not (self.paused or self._caps.hold or self._pace.holds):
            return 0.0
        async with self._gate:
            while (wait := max(self.paused, self._owed)) > NOW_S:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._given_back.wait(), wait)
            now = self._clock()
            self._pace.take(now)
            return self._caps.take(tokens, now)

    @property
    def _owed(self) -> float:
        """Seconds until the caps allow another request."""
        if self._caps.sent + 1 > self._share.sends:
            return LONGEST_WAIT_S
        now = self._clock()
        return max(
            0.0, self._caps.free - now, self._pace.holds and self._pace.free - now
        )

    def _settle(self, since: float, used: int) -> None:
        if since in self._taken:
            self._caps.correct(self._taken.pop(since), used, self._clock())
            self._give_back()

    def _give_back(self) -> None:
        self._given_back.set()
        self._given_back = asyncio.Event()

    def _pause(self, seconds: float) -> None:
        resume = self._clock() + seconds
        if resume > self._resume:
            self._resume = resume
            if seconds:
                self.watch()

    @property
    def _room(self) -> int:
        """Number of requests that may be in flight."""
        return int(min(self.window, self._share.permits))

    def _left(self) -> None:
        self.flying -= 1
        if self.flying >= self._room:
            self.watch()
        self._admit()

    def _admit(self) -> None:
        """Hand free places over, counted at once: many answers may come in one turn."""
        while self._waiting and self.flying < self._room:
            turn = self._waiting.popleft()
            if not turn.done():
                self.flying += 1
                turn.set_result(None)

    def _borne(self, since: float) -> float:
        """Return how many requests are answered within a timeout from ``since`` on."""
        came = sum(moment >= since for moment in self._answered)
        if not came:
            return self.window / 2
        return WITHIN * came if came < self.window else self.window

    def _judge(self) -> None:
        times = sorted(self._times)
        middle = times[len(times) // 2]
        self._times.clear()
        if self._best == math.inf:
            self._best = times[CALM - 1]
            return
        no_gain = self._trial is not None and self._gained_nothing(middle)
        self._trial = None
        self._best = middle if no_gain else min(self._best * FADE, middle)
        if middle > SLOWER * self._best and self.window * CUT >= CALM:
            self._try_fewer(middle)

    def _try_fewer(self, middle: float) -> None:
        self._trial = (self.window, self._threshold, middle)
        self.window = self._threshold = self.window * CUT
        self._since = self._clock()

    def _gained_nothing(self, middle: float) -> bool:
        """Undo the trial if answers did not speed up; return whether it was undone."""
        assert self._trial is not None
        window, threshold, before = self._trial
        if middle < before * (1 + CUT) / 2:
            return False
        self.window, self._threshold = min(window, self.most), threshold
        return True


def _pause(times: int) -> float:
    """Return the pause in seconds after ``times`` failures in a row."""
    return float(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(times - 1, 10)))
