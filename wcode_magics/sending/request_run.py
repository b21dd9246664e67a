"""One request in progress, and the reply received so far."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from wcode_magics.errors import (
    RejectedError,
    WcodeError,
    print_error,
    stoppable,
)
from wcode_magics.protocol import models, prefixes
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import Delta, Message
from wcode_magics.protocol.reply import Reply, body_delta, reply_of
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.runtime.loop_stream import LoopStream
from wcode_magics.sending.attempt import Attempts, Limits
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.client import Client
from wcode_magics.sending.prefill import joined
from wcode_magics.settings.resolved import Resolved
from wcode_magics.settings.settings import Advice

if TYPE_CHECKING:
    from wcode_magics.sending.replay_client import Recorded


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to send, the values it was built from, and advice about it.

    ``before`` is the prefilled beginning that the answer continues. ``read`` computes
    ``reply.parsed``, or raises AnswerError; ``then`` is called with the answer, even an
    interrupted one, unless it calls tools. ``budget`` is shared by all requests of one
    call: every attempt, tool round and run. ``prompt_least``, the minimum prompt length
    in tokens, is passed on to the reply.
    """

    request: Request
    resolved: Resolved
    advice: tuple[Advice, ...] = ()
    before: Reply | None = None
    read: Callable[[Reply], Any] | None = None
    then: Callable[[Reply], None] | None = None
    budget: Budget | None = None
    prompt_least: int | None = None

    @property
    def timeout(self) -> float:
        """Maximum silence in seconds."""
        return float(self.resolved["timeout"])

    @property
    def most(self) -> float:
        """Maximum time for the whole answer in seconds; 0 for no limit."""
        return max(0.0, float(self.resolved["max_seconds"]))


Prompt = str | Sequence[Message | Mapping[str, Any]] | Prepared
Watch = Callable[[float], object]
"""Called with the seconds until something is sent again; 0 if nothing waits."""
T_co = TypeVar("T_co", covariant=True)


class Waiting(Protocol[T_co]):
    """One request, or several, whose result can be awaited."""

    async def whole(self) -> T_co: ...  # noqa: D102

    @property
    def waits(self) -> float: ...  # noqa: D102


def awaited(sent: Waiting[T_co], watch: Watch | None) -> T_co:
    """Return the result; call ``watch`` ten times a second until it is available."""
    if watch is None:
        return loop.run(sent.whole)
    try:
        return loop.run(sent.whole, tick=lambda: watch(sent.waits))
    finally:
        watch(0.0)


class Exchange:
    """Sends a prepared request through a client; ``keep`` is called with every reply.

    An interrupted reply is kept as well, and attached to the error as ``reply``.
    ``limits`` are those of the endpoint.
    """

    def __init__(
        self,
        prepared: Prepared,
        client: "Client | Recorded",
        keep: Callable[[Reply], None],
        limits: Limits | None = None,
    ) -> None:
        self._prepared = prepared
        self._client = client
        self._keep = keep
        self._limits = limits
        self._assembly = Assembly(prepared.request)
        self._begun = time.perf_counter()
        self._ended: float | None = None
        self._parsed: Any = None
        self._digest: str | None = None
        self._sending: Attempts | None = None

    async def whole(self) -> Reply:
        """Send and return the whole answer, with retries."""
        try:
            async for attempt in self._attempts():
                async with attempt:
                    attempt.reply = await self.once()
                    break
        except WcodeError as error:
            self._fail(error)
            raise
        return self._end()

    async def once(self, timeout: float | None = None) -> Reply:
        """Send once, without retry or storage; ``timeout`` overrides the setting."""
        await self._refuse()
        prepared = self._prepared
        self._assembly = Assembly(prepared.request)
        try:
            delta = await self._client.send(
                prepared.request,
                timeout=prepared.timeout if timeout is None else timeout,
                most=prepared.most,
            )
        except WcodeError as error:
            self._hang(error)
            raise
        self._assembly.add(delta)
        self._ended = time.perf_counter()
        await self._identify()
        return self.reply()

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Send and yield the deltas as they arrive; closing disconnects."""
        try:
            await self._refuse()
            async for attempt in self._attempts():
                async with attempt:
                    source = self._stream()
                    try:
                        async for delta in source:
                            yield delta
                    except (GeneratorExit, asyncio.CancelledError):
                        if self._assembly.started:
                            attempt.reply = self.reply(interrupted=True)
                        raise
                    except WcodeError:
                        if self._assembly.started:
                            attempt.reply = self.reply()
                        raise
                    finally:
                        await source.aclose()
                    attempt.reply = self.reply()
                    break
        except (GeneratorExit, asyncio.CancelledError):
            self._end(interrupted=True)
            raise
        except WcodeError as error:
            self._fail(error)
            raise
        self._ended = time.perf_counter()
        await self._identify()
        self._end()

    async def _stream(self) -> AsyncGenerator[Delta, None]:
        prepared = self._prepared
        self._assembly = Assembly(prepared.request)
        source = self._client.stream(
            prepared.request, timeout=prepared.timeout, most=prepared.most
        )
        try:
            async for delta in source:
                self._assembly.add(delta)
                yield delta
        finally:
            await source.aclose()

    def _attempts(self) -> Attempts:
        limits = self._limits or Limits()
        self._sending = Attempts(self._prepared.request, limits)
        return self._sending

    @property
    def waits(self) -> float:
        """Seconds until the next attempt, if one is waited for; else 0."""
        return 0.0 if self._sending is None else self._sending.waits

    async def _refuse(self) -> None:
        """Raise UsageError if the request is too long."""
        contexts = self._client.contexts
        if contexts is not None:
            await contexts.refuse_long(self._prepared.request)

    async def _identify(self) -> None:
        """Look up the digest of the model that answered, if the server lists it."""
        contexts = self._client.contexts
        if contexts is not None and self._assembly.has_digest:
            version = await contexts.version(self._prepared.request.model, digest=True)
            self._digest = version.digest

    def reply(self, *, interrupted: bool = False) -> Reply:
        """Return the reply received so far."""
        request, endpoint = self._prepared.request, self._client.endpoint
        usage = self._assembly.usage
        place, source = endpoint.place, self._client.source
        paid = None if usage is None else models.cost(request.model, usage, place)
        reply = self._assembly.reply(
            cost=paid if source == "endpoint" else 0.0,
            currency=models.currency(request.model, place),
            elapsed=(self._ended or time.perf_counter()) - self._begun,
            interrupted=interrupted,
            source=source,
            base_url=endpoint.base_url,
            answered=self._client.answered,
            digest=self._digest,
            prompt_least=self._prepared.prompt_least,
            parsed=self._parsed,
            _read=self._prepared.read,
        )
        before = self._prepared.before
        return reply if before is None else joined(before, reply)

    def _fail(self, error: WcodeError) -> None:
        """Keep whatever arrived, even an unreadable answer."""
        self._hang(error)
        if (reply := reply_of(error)) is not None:
            self._keep(reply)

    def _hang(self, error: WcodeError) -> None:
        """Attach whatever arrived to its error, and name what was refused."""
        if isinstance(error, RejectedError) and error.key == "rejected":
            if prefixes.beginning(self._prepared.request, plain=True) is not None:
                error.key = "prefix_refused"
            elif "enable_thinking" in str(error.facts.get("message")):
                error.key = "think_refused"
        unread = error.facts.get("body", "")
        if unread and not self._assembly.started:
            self._assembly.add(body_delta(unread))
        if self._assembly.started:
            self._ended = time.perf_counter()
            error.reply = self.reply()

    def _end(self, *, interrupted: bool = False) -> Reply:
        """Keep the answer, then raise if it cannot be read."""
        self._ended = self._ended or time.perf_counter()
        reply = self.reply(interrupted=interrupted)
        trouble = None
        if self._prepared.read is not None and not interrupted and not reply.tool_calls:
            trouble = self._read(reply, self._prepared.read)
            reply = replace(reply, parsed=self._parsed)
        self._keep(reply)
        if self._prepared.then is not None and not reply.tool_calls:
            trouble = _trouble(self._prepared.then, reply) or trouble
        if trouble is not None and interrupted:
            print_error(trouble)
        elif trouble is not None:
            trouble.reply = reply
            raise trouble
        return reply

    def _read(self, reply: Reply, read: Callable[[Reply], Any]) -> WcodeError | None:
        try:
            self._parsed = read(reply)
        except WcodeError as error:
            return error
        return None


def _trouble(then: Callable[[Reply], None], reply: Reply) -> WcodeError | None:
    """Call ``then``; return its error, since the answer was already paid for."""
    try:
        then(reply)
    except WcodeError as error:
        return error
    return None


class Stream(Iterator[Delta]):
    """Blocking iterator over the deltas, then ``reply``; closing it disconnects."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._flow: LoopStream[Delta] = LoopStream(exchange.deltas)
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @stoppable()
    def __next__(self) -> Delta:
        return next(self._flow)

    def get(self, seconds: float) -> Delta | None:
        """Return the next delta, or None on timeout or at the end of the stream."""
        return self._flow.get(seconds)

    def watched(
        self, watch: Watch, patience: Callable[[], float] = lambda: loop.WATCH_S
    ) -> Iterator[Delta]:
        """Yield all deltas, and an empty one if none arrived within ``patience``."""
        try:
            while not self.over:
                delta = self.get(patience())
                watch(self.waits)
                yield delta or Delta()
        finally:
            watch(0.0)

    @property
    def waits(self) -> float:
        """Seconds until the next attempt, if one is waited for; else 0."""
        return self._exchange.waits

    @property
    def over(self) -> bool:
        """Whether the last delta was consumed."""
        return self._flow.over

    @property
    def reply(self) -> Reply:
        """The reply received so far."""
        return self._exchange.reply(interrupted=self._interrupted)

    def close(self) -> None:
        """Disconnect; the reply keeps what arrived so far."""
        if not self.over:
            self._interrupted = True
            self._flow.close()
