"""One attempt at a request: reserve budget, wait for a permit, send, settle.

Every request is sent through here, so that budget, rate limits and endpoint health
are tracked in one place: a cell, a retry, a tool round, a run of ``repeat`` or
``sweep``, a card of the panel, a table row. :class:`Attempts` yields attempts until
the request is answered or given up::

    async for attempt in Attempts(request, limits):
        async with attempt:
            attempt.reply = await send(request)

An error inside ``async with`` is suppressed if another attempt follows.
"""

import asyncio
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.protocol import models
from wcode_magics.protocol import token_counts as tokens
from wcode_magics.protocol.messages import HOSTED_URL, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime.deadline import Deadline
from wcode_magics.sending.budget import longest, worst_cost
from wcode_magics.sending.congestion_window import FailureSignal
from wcode_magics.sending.endpoint_health import Health, Sent
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.retry import MAYBE_PAID, Retry, Tries, is_crowded

_HIDDEN = 64
"""Assumed number of generated but unreceived tokens when a stream breaks off."""


class BudgetLike(Protocol):
    """Interface of :class:`~wcode_magics.sending.budget.Budget`."""

    async def reserve(self, request: Request, place: str) -> float: ...  # noqa: D102

    def settle(  # noqa: D102
        self, aside: float, paid: float, unsure: float = 0.0
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits shared by all requests to the endpoint at ``place``.

    ``budget`` is None if requests are free.
    """

    limiter: Limiter = field(default_factory=Limiter)
    health: Health = field(default_factory=Health)
    budget: BudgetLike | None = None
    retry: Retry = field(default_factory=Retry)
    place: str = HOSTED_URL


class Attempts:
    """Asynchronous iterator over the attempts at one request.

    Args:
        request: request to send.
        limits: limits of the endpoint.
        tries: counters to continue, if this request replaces another one.
        timeout: seconds to wait for an answer, starting when the requests ahead in
            the server's queue can have been processed; None if the sender enforces its
            own timeout.
        url: endpoint shown in the timeout error.
        stopping: returns True once no further attempt may start.
    """

    def __init__(
        self,
        request: Request,
        limits: Limits,
        tries: Tries | None = None,
        *,
        timeout: float | None = None,
        url: str = "–",
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.request, self.limits = request, limits
        self.tries = tries or Tries()
        self.timeout, self.url = timeout, url
        self.stopping = stopping
        self._wait: float | None = 0.0
        self._due = 0.0
        self.enters = False

    @property
    def waits(self) -> float:
        """Seconds until an attempt that the endpoint has delayed; else 0."""
        paused = self.limits.limiter.paused if self.enters else 0.0
        return max(paused, self._due - time.monotonic())

    def __aiter__(self) -> "Attempts":
        return self

    async def __anext__(self) -> "Attempt":
        if self._wait is None:
            raise StopAsyncIteration
        if self._wait:
            self._due = time.monotonic() + self._wait
            await asyncio.sleep(self._wait)
        self.tries.attempts += 1
        self._wait = None
        return Attempt(self)

    def again(self, error: WcodeError, *, own: bool) -> bool:
        """Return whether another attempt follows an error, and schedule its delay.

        ``own`` is True if the failure may be caused by this request alone.
        """
        retry = self.limits.retry
        if self.limits.health.is_gone(error, retry):
            return False
        wait = self.tries.wait(error, retry, own=own)
        if wait is None:
            return False
        if error.facts.get("retry_after") is None:
            wait = min(wait, self.limits.health.left(error, retry))
        self._wait = wait
        return True

    def alone(self) -> None:
        """Schedule an immediate attempt that does not count as a retry."""
        self._wait = 0.0


class Attempt:
    """One sending of a request; ``reply`` is the reply received, possibly partial."""

    __slots__ = ("_aside", "_attempts", "_deadline", "_sent", "_since", "reply")

    def __init__(self, attempts: Attempts) -> None:
        self.reply: Reply | None = None
        self._attempts = attempts
        self._aside = self._since = 0.0
        self._sent: Sent | None = None
        self._deadline: Deadline | None = None

    async def __aenter__(self) -> Self:
        limits, request = self._attempts.limits, self._attempts.request
        if limits.budget is not None:
            self._aside = await limits.budget.reserve(request, limits.place)
        try:
            self._attempts.enters = True
            self._since = await limits.limiter.acquire(self._most_tokens())
        except BaseException:
            if limits.budget is not None:
                limits.budget.settle(self._aside, 0.0)
            raise
        finally:
            self._attempts.enters = False
        self._sent = limits.health.sent()
        timeout = self._attempts.timeout
        if timeout is not None:
            left = partial(limits.health.patience, self._sent, timeout)
            self._deadline = Deadline(timeout, left)
            self._deadline.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        late = self._left_in_time(kind, error, trace)
        error = late or error
        self._settle(error)
        if error is None:
            self._succeed()
            return False
        again = self._fail(error)
        if late is not None and not again:
            raise late from None
        return again

    def _left_in_time(self, *error: Any) -> e.TimedOut | None:
        """Leave the time limit; return TimedOut if it was exceeded."""
        if self._deadline is None:
            return None
        attempts = self._attempts
        try:
            self._deadline.__exit__(*error)
        except TimeoutError:
            waited = decimal(attempts.timeout or 0)
            return e.TimedOut("timed_out", url=attempts.url, seconds=waited)
        return None

    def _succeed(self) -> None:
        limits, used = self._attempts.limits, self.reply and self.reply.usage
        assert self._sent is not None
        limits.health.answered(self._sent, self._attempts.request)
        limits.limiter.answered(
            self._since,
            used=used.total_tokens if used else self._most_tokens(),
            length=used.completion_tokens if used else 0,
        )

    def _fail(self, error: BaseException) -> bool:
        """Report the failure to the limits; return whether another attempt follows."""
        attempts = self._attempts
        limits, retry = attempts.limits, attempts.limits.retry
        assert self._sent is not None
        limits.health.failed(self._sent, error, attempts.request)
        poor = isinstance(error, e.CreditError)
        reserved = poor and not limits.limiter.is_alone(self._since)
        facts = error.facts if isinstance(error, WcodeError) else {}
        crowded = is_crowded(error)
        after = float(facts.get("retry_after") or 0) if crowded else 0.0
        failure = FailureSignal(
            crowded=crowded,
            late=isinstance(error, e.TimedOut),
            reserved=reserved,
            down=retry.outage > 0 and limits.health.is_down,
            retry_after=min(after, retry.patience),
        )
        limits.limiter.failed(self._since, failure)
        if isinstance(error, WcodeError):
            error.tries = attempts.tries.attempts
            error.seconds = attempts.tries.elapsed
        if attempts.stopping() or self.reply is not None:
            return False
        if reserved:
            attempts.alone()
            return True
        if not isinstance(error, e.EndpointError):
            return False
        if limits.health.blames_schema(error, attempts.request):
            named = e.RejectedError("schema_refused", **error.facts)
            named.tries, named.seconds = error.tries, error.seconds
            raise named from error
        again = attempts.again(error, own=limits.health.is_own(self._sent, error))
        if not again and limits.health.doubts_schema(error, attempts.request):
            doubted = copy.copy(error)
            doubted.key = "schema_doubted"
            raise doubted from error
        return again

    def _most_tokens(self) -> int:
        if not self._attempts.limits.limiter.counts_tokens:
            return 0
        request, place = self._attempts.request, self._attempts.limits.place
        prompt = tokens.count_request(request, place).most
        return prompt + longest(request, prompt, place)

    def _settle(self, error: BaseException | None) -> None:
        paid, unsure = self._bill(error)
        if self._attempts.limits.budget is not None:
            self._attempts.limits.budget.settle(self._aside, paid, unsure)

    def _bill(self, error: BaseException | None) -> tuple[float, float]:
        """Return the cost in ¥ and the further amount that may be billed unreported."""
        reply, request = self.reply, self._attempts.request
        place = self._attempts.limits.place
        if reply is not None and (reply.usage or reply.cost is not None):
            return reply.cost or 0.0, 0.0
        broke = isinstance(error, (*MAYBE_PAID, asyncio.CancelledError, GeneratorExit))
        if self._attempts.limits.budget is None or (reply is None and not broke):
            return 0.0, 0.0
        most = self._aside or _worst(request, place)
        if reply is None or (error is None and not reply.interrupted):
            return 0.0, most
        prompt = tokens.count_request(request, place, tokens.estimate).most
        came = tokens.estimate(reply.text).most + _HIDDEN
        cost = models.cost(request.model, Usage(prompt, came), place) or 0.0
        return 0.0, min(most, cost) if most else cost


def _worst(request: Request, place: str) -> float:
    """Return the maximum cost of a request in ¥; 0 if its price is unknown."""
    try:
        return worst_cost(request, place, tokens.estimate)
    except e.BudgetError:
        return 0.0
