"""Whether an endpoint is there, judged by all that came from it in this session.

Every face that sends reports here how each request ended. A failure may be the
request's own (a prompt that a server fails on) or the endpoint's. It is the
endpoint's where nobody was answered meanwhile and either its kind says so (no
connection, a rate limit, a gateway without a server behind it) or :data:`BROAD`
different requests failed in a row.

An endpoint that has answered in this session is waited for, as long as an outage may
last. One that never has is given :data:`UNPROVEN` seconds by the kind of its failure:
a wrong name or port does not mend itself.

A schema that the endpoint never answered is named where a request with it was refused
or failed twice, while the endpoint answers others.

A request that waits in the server's queue is not silent: its timeout begins when all
those sent before it can have had their turn, or when the endpoint falls silent.
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
from wcode_magics.sending.retry import is_crowded, may_pass

BROAD = 8
"""Different requests that fail in a row, nobody answered: the endpoint is down."""
UNPROVEN: tuple[tuple[type[WcodeError], float], ...] = (
    (e.ConnectionFailed, 5.0),
    (e.RateLimitError, math.inf),
    (e.TimedOut, math.inf),
    (WcodeError, 15.0),
)
"""Seconds that an endpoint which never answered is tried, by the kind of failure."""
_GATEWAY = frozenset({502, 503, 504, *range(520, 531)})
_KEPT = 4096


@dataclass(slots=True)
class Sent:
    """A request in flight: when it left, and how many were in flight before it."""

    since: float
    answers: int
    ended: int
    ahead: int


class Health:
    """One endpoint's and key's, for all that is sent to it in a session.

    Args:
        clock: seconds, monotonic.
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
        """A request leaves now."""
        self._flying += 1
        return Sent(self._clock(), self.answers, self._ended, self._flying - 1)

    def answered(self, _sent: Sent, request: Request) -> None:
        """It was answered, whatever the answer is worth."""
        self.answers += 1
        self._known.add(_schema(request))
        self._answered = self._end()
        self._down_since = math.inf
        self._failing.clear()

    def failed(self, sent: Sent, error: BaseException, request: Request) -> None:
        """It failed."""
        now = self._end()
        if not isinstance(error, e.EndpointError):
            return
        if may_pass(error):
            begun = max(sent.since, self._answered)
            self._down_since = min(self._down_since, begun, now)
            self._failing.add(request.hash)
        else:  # it was read and refused: the endpoint is there
            self._answered, self._down_since = now, math.inf
            self._failing.clear()
        if _says_nothing(error):
            self._refused[_schema(request)] += 1

    def blames_schema(self, error: BaseException, request: Request) -> bool:
        """Whether it is the schema of a request that the endpoint fails at."""
        schema = _schema(request)
        others = self.answers and self._failing <= {request.hash}
        if not (schema and others and _says_nothing(error)):
            return False
        return self._fails(schema)

    def doubts_schema(self, error: BaseException, request: Request) -> bool:
        """Whether it may be the schema, since nothing else was ever answered."""
        schema = _schema(request)
        alone = schema and not self.answers
        return bool(alone and _says_nothing(error) and self._fails(schema))

    def _fails(self, schema: str) -> bool:
        return schema not in self._known and self._refused[schema] > 1

    def is_own(self, sent: Sent, error: WcodeError) -> bool:
        """Whether a failure may be the request's own."""
        if is_crowded(error):
            return False
        if self.answers > sent.answers:
            return True
        return not (_is_everybodys(error) or self.is_down)

    @property
    def is_down(self) -> bool:
        """Whether so many different requests failed in a row that it is not theirs."""
        return len(self._failing) >= BROAD

    def is_gone(self, error: WcodeError, outage: float) -> bool:
        """Whether the endpoint has answered nobody for longer than it may."""
        if not (_is_everybodys(error) or self.is_down):
            return False
        longest = outage
        if not self.answers:
            longest = min(outage, next(s for k, s in UNPROVEN if isinstance(error, k)))
        return 0 < longest <= self.silence

    @property
    def silence(self) -> float:
        """Seconds since which all requests fail; 0 where the last was answered."""
        return max(0.0, self._clock() - self._down_since)

    def patience(self, sent: Sent, timeout: float) -> float:
        """Seconds that are left to a request, of ``timeout`` in its turn."""
        turn = max(sent.since, min(self._turn(sent), self._last))
        return turn + timeout - self._clock()

    @property
    def _last(self) -> float:
        return self._moments[-1] if self._moments else -math.inf

    def _turn(self, sent: Sent) -> float:
        """When all that were in flight before it had ended; inf: not yet."""
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
    """The schema that an answer is held to; none is the empty text."""
    form = request.params.get("response_format") or {}
    return repr(form) if form.get("type") == "json_schema" else ""


def _says_nothing(error: BaseException) -> bool:
    """Whether a request was refused, or failed alone, without a known reason."""
    if not isinstance(error, e.StatusError) or error.key not in {"rejected", "server"}:
        return False
    passing = isinstance(error, e.RejectedError) and may_pass(error)
    return not (passing or _is_everybodys(error))


def _is_everybodys(error: WcodeError) -> bool:
    """Whether its kind alone says that the endpoint is away or refuses everybody."""
    if isinstance(error, e.ServerError):
        return error.status in _GATEWAY or is_crowded(error)
    return isinstance(error, e.ConnectionFailed) or is_crowded(error)
