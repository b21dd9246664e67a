"""Limit on concurrent requests to one endpoint, adapted to its responses.

How many may be in flight is learnt (:mod:`wcode_magics.sending.congestion_window`). If
one is still too many, requests are spaced in time instead
(:mod:`wcode_magics.sending.rate_pace`). Requests waiting for tokens
(:mod:`wcode_magics.sending.caps`) that another did not need proceed as soon as those
are returned.

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

from wcode_magics.runtime.loop_delay import LoopDelay
from wcode_magics.sending.caps import NOW_S, Caps
from wcode_magics.sending.congestion_window import (
    FEWEST,
    NOT_NEEDED,
    CongestionWindow,
    FailureSignal,
)
from wcode_magics.sending.rate_pace import Pace
from wcode_magics.sending.shares import Demand, Share

MOST = 64
LONGEST_WAIT_S = 60.0


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
        self.window = CongestionWindow(most)
        self.flying = 0
        self._clock = clock
        self._delay = LoopDelay(clock, lambda: self.flying)
        self._pace = Pace()
        self._solo: float | None = None
        self._caps = Caps()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resume = 0.0
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
        self.window.cap(most)
        self._caps.set(requests_per_minute, tokens_per_minute)

    @property
    def most(self) -> int:
        """Maximum number of requests in flight."""
        return self.window.most

    async def acquire(self, tokens: int = 0) -> float:
        """Wait for permission to send a request of at most ``tokens`` tokens.

        Returns the time of sending, which identifies the request in :meth:`answered`.
        """
        if self.flying < self._room:
            self.flying += 1
        else:
            await self._admitted()
        taken, since = 0.0, self._clock()
        if since < self._resume or self._caps.hold or self._pace.holds:
            taken = await self._turn(tokens)
            since = self._clock()
        self._delay.start()
        while since in self._taken:
            since = math.nextafter(since, math.inf)
        if taken:
            self._taken[since] = taken
        lone = self.flying == 1 and self._share.alone
        self._solo = since if lone else None
        return since

    async def _admitted(self) -> None:
        """Wait until a place in the window is handed over."""
        if self._share.permits < self.window.size:
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

    def answered(self, since: float, *, used: int = 0, length: int = 0) -> None:
        """Record an answer: ``used`` tokens in total, ``length`` in the answer."""
        self._seeks_alone = False
        self._caps.answered(used)
        self._settle(since, used)
        full = bool(self._waiting) or self.flying >= self._room - 1
        self._left()
        now = self._clock()
        self._pace.answered(now)
        grows = full and self.window.size <= self._share.permits
        arrived = self._delay.arrived(now)
        self.window.answered(since, arrived, now, length, grows=grows)

    def failed(self, since: float, failure: FailureSignal = NOT_NEEDED) -> None:
        """Record a request that failed, or that was not needed."""
        self._settle(since, 0)
        now, permits = self._clock(), self._share.permits
        if failure.crowded and min(self.window.size, permits) <= FEWEST:
            self._pace.refused(now)
        self._seeks_alone = failure.reserved
        self._pause(self.window.failed(since, now, failure, self.flying, permits))
        self._left()

    @property
    def demand(self) -> Demand:
        """What this limiter uses of a share and could use."""
        waiting = sum(not turn.done() for turn in self._waiting)
        return Demand(
            flying=self.flying,
            wants=min(self.flying + waiting, max(FEWEST, int(self.window.size))),
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
        try:
            async with self._gate:
                while (wait := max(self.paused, self._owed)) > NOW_S:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._given_back.wait(), wait)
                now = self._clock()
                self._pace.take(now)
                return self._caps.take(tokens, now)
        except asyncio.CancelledError:
            self._left()
            raise

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
        return int(min(self.window.size, self._share.permits))

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
