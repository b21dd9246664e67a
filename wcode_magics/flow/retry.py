"""When a request is tried again, and after how long."""

import random
import time
from dataclasses import dataclass

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError

PATIENCE_S = 600.0
LONGEST_RETRY_AFTER_S = 60.0

_PASSING = (
    e.RateLimitError,
    e.ServerError,
    e.TimedOut,
    e.ConnectionFailed,
    e.StreamError,
    e.AnswerError,
)
_EARLY = frozenset({408, 425})
_DOWN = frozenset({429, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often what may pass is tried, and how long to wait in between.

    ``wait`` seconds before the second attempt, doubled up to ``longest``, with
    jitter, unless the endpoint names its own time. An endpoint that has answered
    before and now refuses everybody is waited for, ``outage`` seconds, and nobody's
    attempts count: it is gone, or a quota is used up until the next minute.
    """

    attempts: int = 5
    timeouts: int = 2
    wait: float = 0.5
    longest: float = 8.0
    outage: float = 120.0


class Tries:
    """The attempts at one request, and what they cost in ¥."""

    __slots__ = ("attempts", "counted", "paid", "since", "timeouts")

    def __init__(self) -> None:
        self.attempts = 0
        self.paid = 0.0
        self.begin()

    def begin(self) -> None:
        """Count anew, for another request in the place of the first."""
        self.counted = self.timeouts = 0
        self.since = time.monotonic()

    def wait(self, error: WcodeError, retry: Retry, *, served: bool) -> float | None:
        """Seconds until the next attempt; None: there is none.

        ``served`` tells that the endpoint answered somebody during this attempt, or
        has never answered.
        """
        if not _may_pass(error):
            return None
        waited = time.monotonic() - self.since
        self.counted += served or not is_down(error) or waited > retry.outage
        self.timeouts += isinstance(error, e.TimedOut)
        if self.counted >= retry.attempts or self.timeouts >= retry.timeouts:
            return None
        after = error.facts.get("retry_after")
        if after is not None:
            return float(after) if after <= PATIENCE_S else None
        steps = min(self.attempts - 1, 10)
        longest_wait = min(retry.longest, retry.wait * 2**steps)
        return float(longest_wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


def try_again(error: Exception) -> bool | float:
    """Whether a person's own request may pass, and after how long if the server says.

    One who waits for a single answer is not kept longer than
    :data:`LONGEST_RETRY_AFTER_S`, and an answer that cannot be read is shown at once.
    """
    if isinstance(error, e.AnswerError) or not isinstance(error, WcodeError):
        return False
    wait = error.facts.get("retry_after")
    if wait is None or not _may_pass(error):
        return _may_pass(error)
    return False if wait > LONGEST_RETRY_AFTER_S else float(wait)


def _may_pass(error: WcodeError) -> bool:
    if isinstance(error, e.CertificateError):
        return False
    if isinstance(error, e.RejectedError):
        return error.status in _EARLY
    return isinstance(error, _PASSING)


def is_down(error: WcodeError) -> bool:
    """Whether the endpoint is gone, or refuses everybody."""
    if isinstance(error, e.RateLimitError | e.ServerError):
        return error.status in _DOWN
    return isinstance(error, e.ConnectionFailed)
