"""One request on its way, and what has come of it so far."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from wcode_magics.errors import UsageError, WcodeError, tell
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import Delta, Message, gives_away
from wcode_magics.protocol.reply import Assembly, Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.attempt import Attempts, Limits
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.client import Client
from wcode_magics.sending.prefill import joined
from wcode_magics.settings.settings import Resolved

if TYPE_CHECKING:
    from wcode_magics.sending.replay_client import Recorded


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to go, the values it was made from, and advice about it.

    ``advice`` holds (key of ``[advice]``, facts) pairs; ``before`` is the beginning
    that the answer goes on from. ``read`` makes ``reply.parsed``, or raises
    AnswerError; ``then`` is given the answer, also one that was stopped, unless it
    calls tools. ``budget`` is what all that comes of one call may spend together:
    every try, round of tools and run of it. ``prompt_least`` is that of the reply.
    """

    request: Request
    resolved: Resolved
    advice: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    before: Reply | None = None
    read: Callable[[Reply], Any] | None = None
    then: Callable[[Reply], None] | None = None
    budget: Budget | None = None
    prompt_least: int | None = None

    @property
    def timeout(self) -> float:
        """The longest silence in seconds."""
        return float(self.resolved["timeout"])

    @property
    def most(self) -> float:
        """The longest time for the whole answer in seconds; 0: any."""
        return max(0.0, float(self.resolved["max_seconds"]))


Prompt = str | Sequence[Message] | Prepared
Watch = Callable[[float], object]
"""Is told the seconds until something is sent again; 0: nothing waits."""
T_co = TypeVar("T_co", covariant=True)


class Waiting(Protocol[T_co]):
    """One request, or several, whose outcome is waited for."""

    async def whole(self) -> T_co: ...  # noqa: D102

    @property
    def waits(self) -> float: ...  # noqa: D102


def awaited(sent: Waiting[T_co], watch: Watch | None) -> T_co:
    """What comes of it; ``watch`` is called ten times a second until then."""
    if watch is None:
        return loop.run(sent.whole)
    try:
        return loop.run(sent.whole, tick=lambda: watch(sent.waits))
    finally:
        watch(0.0)


class Exchange:
    """Sends a prepared request through a client; ``keep`` is given every reply.

    A reply that broke off is kept as well, and hangs off the error as ``reply``.
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
        self._limits = limits or Limits()
        self._assembly = Assembly(prepared.request)
        self._begun = time.perf_counter()
        self._ended: float | None = None
        self._parsed: Any = None
        self._sending: Attempts | None = None

    @property
    def _place(self) -> str:
        return self._client.endpoint.place

    async def whole(self) -> Reply:
        """Send and wait for the whole answer, as often as it takes."""
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
        """Send once, for who counts and keeps by itself; ``timeout`` in its place."""
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
        return self.reply()

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Send and give the deltas as they come; closing hangs up."""
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
        self._sending = Attempts(self._prepared.request, self._limits)
        return self._sending

    @property
    def waits(self) -> float:
        """Seconds until it is sent again, where that is waited for; else 0."""
        return 0.0 if self._sending is None else self._sending.waits

    async def _refuse(self) -> None:
        """Raise UsageError where a request has the key in it, or a prompt too long."""
        request, client = self._prepared.request, self._client
        if gives_away(client.endpoint.key, request.content()):
            raise UsageError("secret_in_prompt")
        if client.contexts is not None:
            await client.contexts.refuse_long(request)

    def reply(self, *, interrupted: bool = False) -> Reply:
        """The reply as far as it has come."""
        request, endpoint = self._prepared.request, self._client.endpoint
        usage = self._assembly.usage
        place = self._place
        paid = None if usage is None else models.cost(request.model, usage, place)
        reply = self._assembly.reply(
            cost=paid if self._client.source == "endpoint" else 0.0,
            elapsed=(self._ended or time.perf_counter()) - self._begun,
            interrupted=interrupted,
            source=self._client.source,
            base_url=endpoint.base_url,
            answered=self._client.answered,
            prompt_least=self._prepared.prompt_least,
            parsed=self._parsed,
            _read=self._prepared.read,
        )
        before = self._prepared.before
        return reply if before is None else joined(before, reply)

    def _fail(self, error: WcodeError) -> None:
        """Keep whatever arrived, be it an answer that cannot be read."""
        self._hang(error)
        if error.reply is not None:
            self._keep(error.reply)

    def _hang(self, error: WcodeError) -> None:
        """Hang whatever arrived off its error."""
        unread = error.facts.get("body", "")
        if unread and not self._assembly.started:
            self._assembly.add(Delta(text=unread))
        if self._assembly.started:
            self._ended = time.perf_counter()
            error.reply = self.reply()

    def _end(self, *, interrupted: bool = False) -> Reply:
        """Keep the answer; whether it can be read is told after that."""
        self._ended = time.perf_counter()
        reply = self.reply(interrupted=interrupted)
        trouble = None
        if self._prepared.read is not None and not interrupted and not reply.tool_calls:
            trouble = self._read(reply, self._prepared.read)
            reply = replace(reply, parsed=self._parsed)
        self._keep(reply)
        if self._prepared.then is not None and not reply.tool_calls:
            trouble = _trouble(self._prepared.then, reply) or trouble
        if trouble is not None and interrupted:
            tell(trouble)
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
    """What goes wrong after an answer that was paid for."""
    try:
        then(reply)
    except WcodeError as error:
        return error
    return None


class Stream(Iterator[Delta]):
    """Deltas as they come, for code that waits; then ``reply``.

    Leaving the ``with`` block, or :meth:`close`, hangs up.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._flow: loop.Flow[Delta] = loop.Flow(exchange.deltas)
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

    def watched(
        self, watch: Watch, patience: Callable[[], float] = lambda: loop.WATCH_S
    ) -> Iterator[Delta | None]:
        """The deltas to the end, and None where none came within ``patience``."""
        try:
            while not self.over:
                delta = self.get(patience())
                watch(self.waits)
                yield delta
        finally:
            watch(0.0)

    @property
    def waits(self) -> float:
        """Seconds until it is sent again, where that is waited for; else 0."""
        return self._exchange.waits

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
