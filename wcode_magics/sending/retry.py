"""Retry policy: which failures are retried, and after what delay."""

import random
import time
from dataclasses import dataclass
from typing import Self

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError

PATIENCE_S = 600.0
LONGEST_RETRY_AFTER_S = 60.0

PASSING = (
    e.RateLimitError,
    e.ServerError,
    e.TimedOut,
    e.ConnectionFailed,
    e.StreamError,
    e.AnswerError,
)
"""Transient errors, which may not recur when the same request is sent again."""
MAYBE_PAID = (e.TimedOut, e.StreamError, e.AnswerError, e.LimitError)
"""Errors after which the endpoint may still bill the request."""
_EARLY = frozenset({408, 425})
_CROWDED = frozenset({429, 503, 529})


@dataclass(frozen=True, slots=True)
class Retry:
    """Number of attempts at a request, and the delays between them.

    ``attempts`` limits failures that may be the request's own; ``timeouts`` limits
    requests sent completely but not answered in time. ``wait`` is the delay in seconds
    before the second attempt, doubled up to ``longest``, with jitter, unless the
    endpoint specifies its own delay, of at most ``patience`` seconds. ``outage`` is how
    long, in seconds, an endpoint that rejects every request is retried. ``unread``:
    unreadable answers are retried too.
    """

    attempts: int = 5
    timeouts: int = 2
    wait: float = 0.5
    longest: float = 8.0
    outage: float = 120.0
    patience: float = PATIENCE_S
    unread: bool = True

    @classmethod
    def alone(cls, retries: int) -> Self:
        """Return the policy for a user waiting for a single answer.

        An unreadable answer is shown without retry, and a server may ask to wait for a
        minute at most.
        """
        return cls(
            retries + 1,
            wait=0.25,
            outage=0.0,
            patience=LONGEST_RETRY_AFTER_S,
            unread=False,
        )


class Tries:
    """Counters of the attempts at one request."""

    __slots__ = ("attempts", "counted", "first", "since", "timeouts")

    def __init__(self) -> None:
        self.attempts = 0
        self.begin()
        self.first = self.since

    def begin(self) -> None:
        """Reset the counters for another request that replaces the first."""
        self.counted = self.timeouts = 0
        self.since = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the first attempt at any of the requests."""
        return time.monotonic() - self.first

    @property
    def waited(self) -> float:
        """Seconds since the first attempt at the current request."""
        return time.monotonic() - self.since

    def wait(self, error: WcodeError, retry: Retry, *, own: bool) -> float | None:
        """Return the delay before the next attempt in seconds; None if there is none.

        ``own`` is True if the failure may be this request's own, so that it counts.
        """
        if not may_pass(error) or (isinstance(error, e.AnswerError) > retry.unread):
            return None
        self.counted += own or self.waited > retry.outage
        self.timeouts += isinstance(error, e.TimedOut)
        if self.counted >= retry.attempts or self.timeouts >= retry.timeouts:
            return None
        after = error.facts.get("retry_after")
        if after is not None:
            return float(after) if after <= retry.patience else None
        steps = min(self.attempts - 1, 10)
        jitter = random.uniform(1.0, 1.5)  # noqa: S311 - no secret
        return float(min(retry.longest, retry.wait * 2**steps * jitter))


def may_pass(error: WcodeError) -> bool:
    """Return whether an error is transient: resending the request may succeed."""
    if isinstance(error, e.CertificateError):
        return False
    if isinstance(error, e.RejectedError):
        return error.status in _EARLY
    return isinstance(error, PASSING)


def is_crowded(error: BaseException) -> bool:
    """Return whether the endpoint rejects because of overload or a rate limit."""
    if isinstance(error, e.RateLimitError | e.ServerError):
        return error.status in _CROWDED
    return False
