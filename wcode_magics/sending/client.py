"""The endpoint over HTTP: send, stream, list models; statuses become errors.

How it is reached stands in :mod:`wcode_magics.sending.transport`, what the network's
failures mean in :mod:`wcode_magics.sending.network_errors`. Connections are kept
between calls; all calls run on one event loop.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import (
    AnswerError,
    EndpointError,
    LimitError,
    RejectedError,
    SettingError,
    StreamError,
    TimedOut,
)
from wcode_magics.protocol import endpoint_url, event_decoder
from wcode_magics.protocol.http_errors import fault
from wcode_magics.protocol.messages import Delta, Endpoint
from wcode_magics.protocol.reply import Assembly, Source
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.retry_after import retry_after
from wcode_magics.protocol.stream import AnswerReader
from wcode_magics.sending import context_sizes, network_errors
from wcode_magics.sending.body_limits import Body, Watch, unpacked
from wcode_magics.sending.key_masking import Masking
from wcode_magics.sending.transport import headers_of, open_client

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 120.0
MOST_S = 600.0
MOST_OF_ERROR = 2**18
PATH = "chat/completions"
LAST_BYTES_S = 0.2


class Client:
    """Sends requests to one endpoint, each once.

    Args:
        endpoint: where to, and with which key.
        transport: an ``httpx.AsyncBaseTransport`` in place of the network's.
    """

    answered = None
    """An endpoint answers now; a record did before."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        self.endpoint = endpoint
        self._usage_refused = False
        self._finishing: set[str] = set()
        self._http = open_client(endpoint, transport)
        self._urls: dict[str, httpx.URL] = {}
        self._masking = Masking(endpoint.secrets)
        self.contexts = context_sizes.Contexts(endpoint, self._load)

    @property
    def source(self) -> Source:
        """Where replies come from."""
        return "sandbox" if self.endpoint.sandbox else "endpoint"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> Delta:
        """The whole answer as one delta.

        Raises:
            EndpointError: there is none.
        """
        try:
            return self._masking.delta(await self._whole(request, timeout, most))
        except EndpointError as error:
            self._hide_key(error)
            raise

    async def stream(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> AsyncGenerator[Delta, None]:
        """The answer's deltas as they come; closing the iterator hangs up.

        ``timeout`` is the longest silence in seconds, ``most`` the longest time for
        the whole answer, 0 for any.

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
            if not (finished and isinstance(error, StreamError)):
                raise
        finally:
            await deltas.aclose()

    async def models(self, *, timeout: float = TIMEOUT_S) -> list[dict[str, Any]]:
        """What the endpoint itself lists, as it lists it."""
        watch = Watch(self.endpoint.base_url, timeout)
        try:
            async with self._open("GET", self._url("models"), b"", watch) as response:
                body = await self._read(response, watch)
            data = event_decoder.decode(body.decode("utf-8", "replace"))
        except EndpointError as error:
            self._hide_key(error)
            raise
        except ValueError as wrong:
            raise AnswerError("no_listing", url=self.endpoint.base_url) from wrong
        listed = data.get("data") if isinstance(data, dict) else None
        rows = [row for row in listed or () if isinstance(row, dict)]
        return [self._masking.value(row) for row in rows]

    async def _load(self, url: str, content: bytes | None) -> bytes:
        """What a server tells of itself at a URL; raises EndpointError."""
        import httpx

        watch = Watch(url, context_sizes.SILENCE_S)
        method = "GET" if content is None else "POST"
        sent = self._open(method, httpx.URL(url), content or b"", watch)
        async with sent as response:
            return await self._read(response, watch, context_sizes.MOST_BYTES)

    async def _whole(self, request: Request, timeout: float, most: float) -> Delta:
        """One attempt, by the shortest way: rows of a table come here by thousands."""
        watch, reader = Watch(self.endpoint.base_url, timeout, most), AnswerReader()
        content = request.content()
        post = self._post(content, watch, request)
        deltas = [delta async for delta in self._read_deltas(post, watch, reader)]
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
        """Whether an answer is over without a finish reason, as all of its model's.

        Gateways turn an answer that was cut upstream into one without a finish reason
        (one-api). So where one was ever sent, its absence is a cut.
        """
        if finished:
            self._finishing.add(model)
        ended = reader.ended and not reader.failed
        return ended and model not in self._finishing

    @cached_property
    def _transport(self) -> "httpx.AsyncBaseTransport":
        """What all is sent through.

        Straight to it there are no cookies, redirects and hooks: half the cost.
        """
        return self._http._transport_for_url(self._url(PATH))  # noqa: SLF001

    def _url(self, path: str) -> "httpx.URL":
        """Where to send; made once, since rows come by thousands.

        Raises:
            SettingError: ``base_url`` is no address.
        """
        import httpx

        known = self._urls.get(path)
        if known is not None:
            return known
        base = self.endpoint.base_url
        try:
            url = httpx.URL(endpoint_url.joined(base, path))
        except (ValueError, httpx.InvalidURL) as wrong:
            raise SettingError("bad_url", url=endpoint_url.shown(base)) from wrong
        if not url.host or url.scheme not in ("http", "https"):
            raise SettingError("bad_url", url=endpoint_url.shown(base))
        self._urls[path] = url
        return url

    @cached_property
    def _headers(self) -> "httpx.Headers":
        return headers_of(self.endpoint, self._http)

    async def _deltas(
        self, request: Request, timeout: float, most: float
    ) -> AsyncGenerator[Delta, None]:
        """One attempt, to its end."""
        watch, reader = Watch(self.endpoint.base_url, timeout, most), AnswerReader()
        said = finished = False
        try:
            answer = self._asked(request, watch)
            async for delta in self._read_deltas(answer, watch, reader):
                said = said or delta.says
                finished = finished or delta.finish_reason is not None
                yield delta
        except AnswerError as wrong:
            if not said:
                raise
            raise StreamError("bad_event", **wrong.facts) from wrong
        except (StreamError, LimitError, TimedOut):
            for delta in reader.flush():
                yield delta
            raise
        if not said:
            begun = reader.begun
            raise StreamError("not_begun") if begun else AnswerError("empty_stream")
        if self._is_unconfirmed(request.model, reader, finished=finished):
            yield Delta(unconfirmed=True)
        elif not finished:
            raise StreamError("stream_cut")

    async def _read_deltas(
        self,
        answer: AbstractAsyncContextManager["httpx.Response"],
        watch: Watch,
        reader: AnswerReader,
    ) -> AsyncGenerator[Delta, None]:
        async with answer as response:
            body = self._body(response, watch)
            async for chunk in body:
                for delta in reader.feed(chunk):
                    yield delta
                watch.hear(alive=reader.alive)
                if reader.ended:
                    await _drain(body)
                    return
        for delta in reader.close():
            yield delta

    @asynccontextmanager
    async def _asked(
        self, request: Request, watch: Watch
    ) -> AsyncIterator["httpx.Response"]:
        """Ask for usage too, unless this endpoint refuses to be asked."""
        async with AsyncExitStack() as stack:
            while True:
                asks = not self._usage_refused
                content = request.content(stream=True, usage=asks)
                post = self._post(content, watch, request)
                try:
                    response = await stack.enter_async_context(post)
                    break
                except RejectedError as refusal:
                    if not asks or "stream_options" not in str(refusal.facts):
                        raise
                    self._usage_refused = True
            yield response

    def _post(
        self, content: bytes, watch: Watch, request: Request
    ) -> AbstractAsyncContextManager["httpx.Response"]:
        return self._open("POST", self._url(PATH), content, watch, model=request.model)

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        url: "httpx.URL",
        content: bytes,
        watch: Watch,
        **facts: object,
    ) -> AsyncIterator["httpx.Response"]:
        """Send and wait for the head of the answer.

        Raises:
            EndpointError: it is no success.
        """
        import httpx

        sent = httpx.Request(
            method,
            url,
            headers=self._headers,
            content=content,
            extensions={"timeout": network_errors.timeouts(watch.silence)},
        )
        with self._faults(watch):
            async with asyncio.timeout_at(watch.end):
                response = await self._transport.handle_async_request(sent)
        try:
            if not response.is_success:
                body = await self._read(response, watch, MOST_OF_ERROR)
                raise self._fault(response, body.decode("utf-8", "replace"), facts)
            yield response
        finally:
            await response.aclose()

    def _body(self, response: "httpx.Response", watch: Watch) -> Body:
        stream = response.stream
        assert isinstance(stream, AsyncIterable)
        packing = response.headers.get("content-encoding", "")
        with self._faults(watch):
            chunks = unpacked(stream, packing)
        return Body(chunks, watch, partial(self._faults, watch))

    async def _read(
        self, response: "httpx.Response", watch: Watch, enough: float = math.inf
    ) -> bytes:
        """The body; no more than ``enough`` bytes, or little more, are needed."""
        parts, size = [], 0
        async for part in self._body(response, watch):
            watch.hear(alive=bool(part.strip()))
            parts.append(part)
            size += len(part)
            if size > enough:
                break
        return b"".join(parts)

    def _fault(
        self, response: "httpx.Response", shown: str, facts: dict[str, object]
    ) -> EndpointError:
        facts = {"model": "–", "url": self.endpoint.base_url, **facts}
        if response.has_redirect_location:
            facts["location"] = endpoint_url.shown(response.headers["location"])
            return RejectedError("moved", status=response.status_code, **facts)
        error = fault(response.status_code, shown, **facts)
        error.facts["retry_after"] = retry_after(response.headers)
        return error

    def _hide_key(self, error: EndpointError) -> None:
        """What a server echoes of the key goes into no error."""
        error.facts = self._masking.value(error.facts)

    @contextmanager
    def _faults(self, watch: Watch) -> Iterator[None]:
        """What the network raises, as errors of ours."""
        try:
            yield
        except Exception as wrong:
            raise network_errors.meaning(wrong, watch) from wrong


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read on behind ``[DONE]``: a connection is kept if its last bytes were read."""
    with suppress(Exception):
        async with asyncio.timeout(LAST_BYTES_S):
            async for _chunk in chunks:
                pass
