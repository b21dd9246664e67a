"""Health of an endpoint, judged by all its responses in this session.

Every sender reports here how each request ended. A failure may be caused by the
request (a prompt that crashes the server) or by the endpoint. It is the endpoint's
if no request was answered meanwhile and either its kind implies so (no connection, a
rate limit, a gateway without a backend) or :data:`BROAD` different requests failed
in a row.

An endpoint that has answered in this session is retried up to the outage limit. One
that never has is retried for :data:`UNPROVEN` seconds, by kind of failure: a wrong
host name or port does not recover.

A schema that the endpoint never answered is blamed if requests with it were rejected
or failed twice while the endpoint answers others.

A request queued on the server is not silent: its timeout starts when all requests
sent before it can have been processed, or when the endpoint goes silent.
"""

import itertools
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError
from wcode_magics.protocol.request import Request
from wcode_magics.sending.retry import Retry, is_crowded, may_pass

BROAD = 8
"""Consecutive failures of different requests that mark the endpoint as down."""
UNPROVEN: tuple[tuple[type[WcodeError], float], ...] = (
    (e.ConnectionFailed, 5.0),
    (e.RateLimitError, math.inf),
    (e.TimedOut, math.inf),
    (WcodeError, 15.0),
)
"""Seconds to retry an endpoint that never answered, by kind of failure."""
_GATEWAY = frozenset({502, 503, 504, *range(520, 531)})
_KEPT = 4096


@dataclass(slots=True)
class Sent:
    """A request in flight: time sent, counters then, and requests ahead of it."""

    since: float
    answers: int
    ended: int
    ahead: int


class Health:
    """Health of one endpoint and key, for all requests of a session.

    Args:
        clock: monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.answers = 0
        self._clock = clock
        self._flying = self._ended = 0
        self._moments: deque[float] = deque(maxlen=_KEPT)
        self._answered = -math.inf
        self._down_since = math.inf
        self._failing: set[str] = set()
        self._known: set[str] = set()
        self._refused: Counter[str] = Counter()

    def sent(self) -> Sent:
        """Record that a request is sent."""
        self._flying += 1
        return Sent(self._clock(), self.answers, self._ended, self._flying - 1)

    def answered(self, _sent: Sent, request: Request) -> None:
        """Record that the request was answered, whatever the answer's content."""
        self.answers += 1
        self._known.add(_schema(request))
        self._answered = self._end()
        self._down_since = math.inf
        self._failing.clear()

    def failed(self, sent: Sent, error: BaseException, request: Request) -> None:
        """Record that the request failed."""
        now = self._end()
        if not isinstance(error, e.EndpointError):
            return
        if may_pass(error):
            begun = max(sent.since, self._answered)
            self._down_since = min(self._down_since, begun, now)
            self._failing.add(request.hash)
        else:  # read and rejected, so the endpoint is up
            self._answered, self._down_since = now, math.inf
            self._failing.clear()
        if _says_nothing(error):
            self._refused[_schema(request)] += 1

    def blames_schema(self, error: BaseException, request: Request) -> bool:
        """Return whether the endpoint fails because of the request's schema."""
        schema = _schema(request)
        others = self.answers and self._failing <= {request.hash}
        if not (schema and others and _says_nothing(error)):
            return False
        return self._fails(schema)

    def doubts_schema(self, error: BaseException, request: Request) -> bool:
        """Return whether the schema may be at fault: nothing was ever answered."""
        schema = _schema(request)
        alone = schema and not self.answers
        return bool(alone and _says_nothing(error) and self._fails(schema))

    def _fails(self, schema: str) -> bool:
        return schema not in self._known and self._refused[schema] > 1

    def is_own(self, sent: Sent, error: WcodeError) -> bool:
        """Return whether a failure may be caused by the request itself."""
        if is_crowded(error):
            return False
        if self.answers > sent.answers:
            return True
        return not (_is_common(error) or self.is_down)

    @property
    def is_down(self) -> bool:
        """Whether too many different requests failed in a row to be their own fault."""
        return len(self._failing) >= BROAD

    def is_gone(self, error: WcodeError, retry: Retry) -> bool:
        """Return whether the endpoint has been silent longer than the outage limit.

        Without retries, one that was never reached is gone at once.
        """
        unreached = isinstance(error, e.ConnectionFailed) and not self.answers
        if unreached and retry.outage and retry.attempts <= 1:
            return True
        return self.left(error, retry) <= 0

    def left(self, error: WcodeError, retry: Retry) -> float:
        """Return the seconds until the endpoint is gone, inf if it answers others."""
        longest = retry.outage
        if not longest or not (_is_common(error) or self.is_down):
            return math.inf
        if not self.answers:
            most = next(s for kind, s in UNPROVEN if isinstance(error, kind))
            longest = min(longest, most)
        return longest - self.silence

    @property
    def silence(self) -> float:
        """Seconds since which all requests fail; 0 if the last one was answered."""
        return max(0.0, self._clock() - self._down_since)

    def patience(self, sent: Sent, timeout: float) -> float:
        """Return the seconds left to a request, of ``timeout`` since its turn began."""
        turn = max(sent.since, min(self._turn(sent), self._last))
        return turn + timeout - self._clock()

    @property
    def _last(self) -> float:
        return self._moments[-1] if self._moments else -math.inf

    def _turn(self, sent: Sent) -> float:
        """Return when the requests in flight ahead of this one had ended, or inf."""
        since = self._ended - sent.ended
        if since < sent.ahead or not sent.ahead:
            return math.inf if sent.ahead else sent.since
        place = max(0, len(self._moments) - since + sent.ahead - 1)
        return next(itertools.islice(self._moments, place, None))

    def _end(self) -> float:
        now = self._clock()
        self._flying -= 1
        self._ended += 1
        self._moments.append(now)
        return now


def _schema(request: Request) -> str:
    """Return the response schema of a request as text; empty without one."""
    form = request.params.get("response_format") or {}
    return repr(form) if form.get("type") == "json_schema" else ""


def _says_nothing(error: BaseException) -> bool:
    """Return whether a request was rejected, or failed alone, for no known reason."""
    if not isinstance(error, e.StatusError) or error.key not in {"rejected", "server"}:
        return False
    passing = isinstance(error, e.RejectedError) and may_pass(error)
    return not (passing or _is_common(error))


def _is_common(error: WcodeError) -> bool:
    """Return whether the error type implies that all requests are affected."""
    if isinstance(error, e.ServerError):
        return error.status in _GATEWAY or is_crowded(error)
    return isinstance(error, e.ConnectionFailed) or is_crowded(error)
