"""HTTP client of one endpoint: send, stream, list models.

:mod:`wcode_magics.sending.wire` exchanges the bytes. Connections are kept alive
between calls; all calls run on one event loop.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import (
    AnswerError,
    EndpointError,
    LimitError,
    RejectedError,
    StreamError,
    TimedOut,
)
from wcode_magics.protocol import lenient_json, providers
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import SECRET, Delta, Endpoint
from wcode_magics.protocol.reply import Source
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.stream import AnswerReader
from wcode_magics.sending import context_sizes, network_errors
from wcode_magics.sending.body_limits import Watch
from wcode_magics.sending.key_masking import Masking
from wcode_magics.sending.wire import PATH, HttpWire, Response, drain
from wcode_magics.settings import proxies

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 120.0
_ONLY_STREAMS = re.compile(
    r"only.{0,12}supports? (the )?stream|stream(ing)? (must be|is required)"
    r"|non.?stream(ing)?.{0,30}not.{0,4}support|(仅|只)支持流式"
    r"|enable_thinking.{0,30}false for non.?stream",
    re.IGNORECASE,
)
"""Refusals of models that answer in streams alone, or that think in these alone.

Both are DashScope's. Thinking is the default of its open models: a stream is what was
asked for in another form, and to turn thinking off would be another request.
"""
MOST_S = 600.0


class Client:
    """Client of one endpoint; sends each request once, without retry.

    Args:
        endpoint: URL and key.
        transport: ``httpx.AsyncBaseTransport`` that replaces the network.
    """

    answered = None
    """Time of the recorded answer; always None for a live endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        self.endpoint = endpoint
        provider = providers.at(endpoint.base_url)
        self._asks_usage = provider is None or provider.usage != "always"
        self._finishing: set[str] = set()
        self._only_streaming: set[str] = set()
        self._wire = HttpWire(endpoint, transport)
        is_far = transport is None and not endpoint.is_local
        password = proxies.password_of(endpoint.base_url) if is_far else ""
        proxied = (password,) if len(password) >= SECRET else ()
        self._masking = Masking((*endpoint.secrets, *proxied))
        self.contexts = context_sizes.Contexts(endpoint, self._load)

    @property
    def source(self) -> Source:
        """Source recorded in replies."""
        return "sandbox" if self.endpoint.sandbox else "endpoint"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def send(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> Delta:
        """Return the whole answer as one delta.

        A model that only streams is asked to stream, and its answer collected.

        Raises:
            EndpointError: no complete answer was received.
        """
        try:
            return self._masking.delta(await self._any_whole(request, timeout, most))
        except EndpointError as error:
            self._hide_key(error)
            raise

    async def stream(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> AsyncGenerator[Delta, None]:
        """Yield the answer's deltas as they arrive; closing the iterator disconnects.

        ``timeout`` is the maximum silence in seconds, ``most`` the maximum time for the
        whole answer, 0 for no limit.

        A failure after the finish reason ends the iterator, since the answer is whole.

        Raises:
            EndpointError: no answer.
            StreamError: the stream ended before the answer did.
        """
        deltas = self._masking.deltas(self._deltas(request, timeout, most))
        finished = False
        try:
            async for delta in deltas:
                finished = finished or delta.finish_reason is not None
                yield delta
        except EndpointError as error:
            self._hide_key(error)
            if not finished:
                raise
        finally:
            await deltas.aclose()

    async def models(self, *, timeout: float = TIMEOUT_S) -> list[dict[str, Any]]:
        """Return the rows of the endpoint's model list, unchanged."""
        watch = Watch(self.endpoint.base_url, timeout)
        try:
            url = self._wire.url("models")
            async with self._wire.open("GET", url, b"", watch) as response:
                body = await self._wire.read(response, watch)
            data = lenient_json.decode(body.decode("utf-8", "replace"))
        except EndpointError as error:
            self._hide_key(error)
            raise
        except ValueError as wrong:
            raise AnswerError("no_listing", url=self.endpoint.base_url) from wrong
        listed = data
        if isinstance(data, dict):
            listed = data.get("data") or []
        if not isinstance(listed, list):
            raise AnswerError("no_listing", url=self.endpoint.base_url)
        rows = [row for row in listed if isinstance(row, dict)]
        return [self._masking.value(row) for row in rows]

    async def _load(self, url: str, content: bytes | None) -> bytes:
        """Fetch server metadata from a URL; raises EndpointError."""
        import httpx

        watch = Watch(url, context_sizes.SILENCE_S)
        method = "GET" if content is None else "POST"
        sent = self._wire.open(method, httpx.URL(url), content or b"", watch)
        async with sent as response:
            return await self._wire.read(response, watch, context_sizes.MOST_BYTES)

    async def _any_whole(self, request: Request, timeout: float, most: float) -> Delta:
        if request.model not in self._only_streaming:
            try:
                return await self._whole(request, timeout, most)
            except RejectedError as refusal:
                if not _ONLY_STREAMS.search(str(refusal.facts.get("message"))):
                    raise
                self._only_streaming.add(request.model)
        assembly = Assembly(request)
        async with aclosing(self._deltas(request, timeout, most)) as deltas:
            async for delta in deltas:
                assembly.add(delta)
        return assembly.delta

    async def _whole(self, request: Request, timeout: float, most: float) -> Delta:
        """Make one attempt, on a fast path: table rows call this thousands of times."""
        watch, reader = Watch(self.endpoint.base_url, timeout, most), AnswerReader()
        deltas: list[Delta] = []

        def feed(chunk: bytes) -> bool:
            deltas.extend(reader.feed(chunk))
            watch.hear(alive=reader.alive)
            return reader.ended

        content, model = request.content(), request.model
        try:
            await self._wire.whole(content, watch, feed, model=model)
            if not reader.ended:
                deltas.extend(reader.close())
        except EndpointError:
            if not any(delta.finish_reason for delta in deltas):
                raise
            deltas.extend(reader.flush())
        if not reader.begun:
            raise AnswerError("empty_stream")
        if len(deltas) != 1:
            assembly = Assembly(request)
            for delta in deltas:
                assembly.add(delta)
            deltas = [assembly.delta]
        finished = deltas[0].finish_reason is not None
        unconfirmed = self._is_unconfirmed(request.model, reader, finished=finished)
        return replace(deltas[0], unconfirmed=True) if unconfirmed else deltas[0]

    def _is_unconfirmed(
        self, model: str, reader: AnswerReader, *, finished: bool
    ) -> bool:
        """Return whether an answer, like all of its model's, has no finish reason.

        Gateways turn an answer cut off upstream into one without a finish reason
        (one-api). So once a model has sent one, its absence means a cut.
        """
        if finished:
            self._finishing.add(model)
        ended = reader.ended and not reader.failed
        return ended and model not in self._finishing

    async def _deltas(
        self, request: Request, timeout: float, most: float
    ) -> AsyncGenerator[Delta, None]:
        """Make one attempt and yield its deltas to the end."""
        watch, reader = Watch(self.endpoint.base_url, timeout, most), AnswerReader()
        answered = finished = False
        try:
            async for delta in self._read_deltas(request, watch, reader):
                answered = answered or delta.says
                first = not finished and delta.finish_reason is not None
                finished = finished or first
                if first or (finished and delta.says):
                    watch.finish()
                yield delta
        except AnswerError as wrong:
            if not answered:
                raise
            raise StreamError("bad_event", **wrong.facts) from wrong
        except (StreamError, LimitError, TimedOut):
            for delta in reader.flush():
                yield delta
            raise
        if not answered:
            begun = reader.begun
            raise StreamError("not_begun") if begun else AnswerError("empty_stream")
        if self._is_unconfirmed(request.model, reader, finished=finished):
            yield Delta(unconfirmed=True)
        elif not finished:
            raise StreamError("stream_cut")

    async def _read_deltas(
        self, request: Request, watch: Watch, reader: AnswerReader
    ) -> AsyncGenerator[Delta, None]:
        async with self._asked(request, watch) as response:
            body = self._wire.body(response, watch)
            async for chunk in body:
                for delta in reader.feed(chunk):
                    yield delta
                watch.hear(alive=reader.alive)
                if reader.ended:
                    await drain(body)
                    return
        for delta in reader.close():
            yield delta

    @asynccontextmanager
    async def _asked(self, request: Request, watch: Watch) -> AsyncIterator[Response]:
        """Post the request; ask for usage where that is needed and not rejected."""
        async with AsyncExitStack() as stack:
            while True:
                asks = self._asks_usage
                content = request.content(stream=True, usage=asks)
                url, model = self._wire.url(PATH), request.model
                post = self._wire.open("POST", url, content, watch, model=model)
                try:
                    response = await stack.enter_async_context(post)
                    break
                except RejectedError as refusal:
                    if not asks or "stream_options" not in str(refusal.facts):
                        raise
                    self._asks_usage = False
            yield response

    def _hide_key(self, error: EndpointError) -> None:
        """Mask the key where the server's error message repeats it.

        What the libraries below quote of the server is left out if it has the key.
        """
        error.facts = self._masking.value(error.facts)
        if any(map(self._masking.has, map(str, network_errors.causes(error)))):
            error.__cause__ = None
