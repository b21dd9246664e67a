"""One request on its way, and what has come of it so far."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from wcode_magics import models, portal, tokens
from wcode_magics.client import Client
from wcode_magics.errors import (
    AnswerError,
    LimitError,
    StreamError,
    TimedOut,
    UsageError,
    WcodeError,
)
from wcode_magics.flow.budget import Budget
from wcode_magics.reply import Assembly, Reply
from wcode_magics.request import Request
from wcode_magics.seam import joined
from wcode_magics.settings import Resolved
from wcode_magics.values import Delta, Message, Usage, gives_away

if TYPE_CHECKING:
    from wcode_magics.recorded import Recorded


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to go, the values it was made from, and advice about it.

    ``advice`` holds (key of ``[advice]``, facts) pairs; ``before`` is the beginning
    that the answer goes on from. ``read`` makes ``reply.parsed``, or raises
    AnswerError; ``then`` is given the answer, also one that was stopped, unless it
    calls tools.
    """

    request: Request
    resolved: Resolved
    advice: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    before: Reply | None = None
    read: Callable[[Reply], Any] | None = None
    then: Callable[[Reply], None] | None = None

    @property
    def timeout(self) -> float:
        """The longest silence in seconds."""
        return float(self.resolved["timeout"])

    @property
    def most(self) -> float:
        """The longest time for the whole answer in seconds; 0: any."""
        return max(0.0, float(self.resolved["max_seconds"]))


Prompt = str | Sequence[Message] | Prepared

_MAYBE_PAID = (TimedOut, StreamError, AnswerError, LimitError)


class Exchange:
    """Sends a prepared request through a client; ``keep`` is given every reply.

    A reply that broke off is kept as well, and hangs off the error as ``reply``.
    ``budget`` is asked before anything is sent, and told what it cost.
    ``attempts`` 0 means as many as the client makes.
    """

    def __init__(
        self,
        prepared: Prepared,
        client: "Client | Recorded",
        keep: Callable[[Reply], None],
        budget: Budget | None = None,
        attempts: int = 0,
    ) -> None:
        self._prepared = prepared
        self._client = client
        self._keep = keep
        self._budget = budget or Budget()
        self._attempts = attempts
        self._assembly = Assembly(prepared.request)
        self._begun = time.perf_counter()
        self._ended: float | None = None
        self._parsed: Any = None

    async def whole(self) -> Reply:
        """Send and wait for the whole answer."""
        prepared = self._prepared
        async with self._paid():
            try:
                delta = await self._client.send(
                    prepared.request,
                    timeout=prepared.timeout,
                    most=prepared.most,
                    attempts=self._attempts,
                )
            except WcodeError as error:
                self._fail(error)
                raise
            self._assembly.add(delta)
        return self._end()

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Send and give the deltas as they come; closing hangs up."""
        prepared = self._prepared
        source = self._client.stream(
            prepared.request, timeout=prepared.timeout, most=prepared.most
        )
        try:
            async with self._paid():
                async for delta in source:
                    self._assembly.add(delta)
                    yield delta
        except (GeneratorExit, asyncio.CancelledError):
            self._end(interrupted=True)
            raise
        except WcodeError as error:
            self._fail(error)
            raise
        finally:
            await source.aclose()
        self._end()

    @asynccontextmanager
    async def _paid(self) -> AsyncGenerator[None, None]:
        """Set the worst case aside, and settle by what came.

        Raises:
            UsageError: the request contains the key.
            BudgetError: it could cost more than is left.
        """
        content = self._prepared.request.content()
        if gives_away(self._client.endpoint.key, content):
            raise UsageError("secret_in_prompt")
        if self._client.source != "endpoint":
            yield
            return
        aside, unknown = await self._budget.reserve(self._prepared.request), 0.0
        try:
            yield
        except (*_MAYBE_PAID, asyncio.CancelledError, GeneratorExit):
            unknown = aside
            raise
        finally:
            paid = self._cost()
            self._budget.settle(aside, unknown if paid is None else paid)

    def _cost(self) -> float | None:
        """What came has cost, in ¥, counted here where the endpoint told no usage."""
        request, usage = self._prepared.request, self._assembly.usage
        if usage is None and self._assembly.started:
            prompt = tokens.count_request(request).tokens
            usage = Usage(prompt, tokens.count(self._assembly.text).tokens)
        return None if usage is None else models.cost(request.model, usage)

    def reply(self, *, interrupted: bool = False) -> Reply:
        """The reply as far as it has come."""
        request, endpoint = self._prepared.request, self._client.endpoint
        usage = self._assembly.usage
        paid = None if usage is None else models.cost(request.model, usage)
        reply = self._assembly.reply(
            cost=paid if self._client.source == "endpoint" else 0.0,
            elapsed=(self._ended or time.perf_counter()) - self._begun,
            interrupted=interrupted,
            source=self._client.source,
            base_url=endpoint.base_url,
            parsed=self._parsed,
        )
        before = self._prepared.before
        return reply if before is None else joined(before, reply)

    def _fail(self, error: WcodeError) -> None:
        """Keep whatever arrived, be it an answer that cannot be read."""
        unread = error.facts.get("body", "")
        if unread and not self._assembly.started:
            self._assembly.add(Delta(text=unread))
        if self._assembly.started:
            self._ended = time.perf_counter()
            error.reply = self.reply()
            self._keep(error.reply)

    def _end(self, *, interrupted: bool = False) -> Reply:
        """Keep the answer; whether it can be read is told after that."""
        self._ended = time.perf_counter()
        reply = self.reply(interrupted=interrupted)
        misread = None
        if self._prepared.read is not None and not interrupted and not reply.tool_calls:
            misread = self._read(reply, self._prepared.read)
            reply = replace(reply, parsed=self._parsed)
        self._keep(reply)
        if self._prepared.then is not None and not reply.tool_calls:
            self._prepared.then(reply)
        if misread is not None:
            misread.reply = reply
            raise misread
        return reply

    def _read(self, reply: Reply, read: Callable[[Reply], Any]) -> WcodeError | None:
        try:
            self._parsed = read(reply)
        except WcodeError as error:
            return error
        return None


class Stream(Iterator[Delta]):
    """Deltas as they come, for code that waits; then ``reply``.

    Leaving the ``with`` block, or :meth:`close`, hangs up.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._flow: portal.Flow[Delta] = portal.Flow(exchange.deltas)
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __next__(self) -> Delta:
        return next(self._flow)

    def get(self, seconds: float) -> Delta | None:
        """The next delta, or None when none came in time or the stream is over."""
        return self._flow.get(seconds)

    @property
    def over(self) -> bool:
        """Whether the last delta was taken."""
        return self._flow.over

    @property
    def reply(self) -> Reply:
        """The reply as far as it has come."""
        return self._exchange.reply(interrupted=self._interrupted)

    def close(self) -> None:
        """Hang up; what came so far stays the reply."""
        if not self.over:
            self._interrupted = True
            self._flow.close()
