"""HTTP client of one endpoint: send, stream, list models; maps statuses to errors.

:mod:`wcode_magics.sending.transport` opens the connections,
:mod:`wcode_magics.sending.network_errors` translates network failures. Connections
are kept alive between calls; all calls run on one event loop.
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
        self._usage_refused = False
        self._finishing: set[str] = set()
        self._http = open_client(endpoint, transport)
        self._urls: dict[str, httpx.URL] = {}
        self._masking = Masking(endpoint.secrets)
        self.contexts = context_sizes.Contexts(endpoint, self._load)

    @property
    def source(self) -> Source:
        """Source recorded in replies."""
        return "sandbox" if self.endpoint.sandbox else "endpoint"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> Delta:
        """Return the whole answer as one delta.

        Raises:
            EndpointError: no complete answer was received.
        """
        try:
            return self._masking.delta(await self._whole(request, timeout, most))
        except EndpointError as error:
            self._hide_key(error)
            raise

    async def stream(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> AsyncGenerator[Delta, None]:
        """Yield the answer's deltas as they arrive; closing the iterator disconnects.

        ``timeout`` is the maximum silence in seconds, ``most`` the maximum time for the
        whole answer, 0 for no limit.

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
        """Return the rows of the endpoint's model list, unchanged."""
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
        sent = self._open(method, httpx.URL(url), content or b"", watch)
        async with sent as response:
            return await self._read(response, watch, context_sizes.MOST_BYTES)

    async def _whole(self, request: Request, timeout: float, most: float) -> Delta:
        """Make one attempt, on a fast path: table rows call this thousands of times."""
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
        """Return whether an answer, like all of its model's, has no finish reason.

        Gateways turn an answer cut off upstream into one without a finish reason
        (one-api). So once a model has sent one, its absence means a cut.
        """
        if finished:
            self._finishing.add(model)
        ended = reader.ended and not reader.failed
        return ended and model not in self._finishing

    @cached_property
    def _transport(self) -> "httpx.AsyncBaseTransport":
        """Transport that sends every request.

        Used directly, without cookies, redirects and hooks: half the cost.
        """
        return self._http._transport_for_url(self._url(PATH))  # noqa: SLF001

    def _url(self, path: str) -> "httpx.URL":
        """Return the URL of a path; cached, as table rows need it thousands of times.

        Raises:
            SettingError: ``base_url`` is not a valid HTTP URL.
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
        """Make one attempt and yield its deltas to the end."""
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
        """Post the request, with usage reporting unless the endpoint rejects it."""
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
        """Send a request and wait for the response headers.

        Raises:
            EndpointError: the status is not a success.
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
                told = await self._told(response, watch)
                raise self._fault(response, told, facts)
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
        """Return the body; reading stops soon after ``enough`` bytes."""
        parts: list[bytes] = []
        await self._collect(response, watch, enough, parts)
        return b"".join(parts)

    async def _told(self, response: "httpx.Response", watch: Watch) -> str:
        """Return the body of an error, or what of it can be read."""
        parts: list[bytes] = []
        with suppress(EndpointError):
            await self._collect(response, watch, MOST_OF_ERROR, parts)
        return b"".join(parts).decode("utf-8", "replace")

    async def _collect(
        self,
        response: "httpx.Response",
        watch: Watch,
        enough: float,
        parts: list[bytes],
    ) -> None:
        size = 0
        async for part in self._body(response, watch):
            watch.hear(alive=bool(part.strip()))
            parts.append(part)
            size += len(part)
            if size > enough:
                break

    def _fault(
        self, response: "httpx.Response", shown: str, facts: dict[str, object]
    ) -> EndpointError:
        facts = {"model": "–", "url": self.endpoint.base_url, **facts}
        location = response.headers.get("location", "").strip()
        if response.has_redirect_location and location:
            facts["location"] = endpoint_url.shown(location)
            return RejectedError("moved", status=response.status_code, **facts)
        error = fault(response.status_code, shown, **facts)
        error.facts["retry_after"] = retry_after(response.headers)
        return error

    def _hide_key(self, error: EndpointError) -> None:
        """Mask the key where the server's error message repeats it."""
        error.facts = self._masking.value(error.facts)

    @contextmanager
    def _faults(self, watch: Watch) -> Iterator[None]:
        """Translate network exceptions into this package's errors."""
        try:
            yield
        except Exception as wrong:
            raise network_errors.meaning(wrong, watch) from wrong


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read past ``[DONE]``: a connection is reusable only once its body is consumed."""
    with suppress(Exception):
        async with asyncio.timeout(LAST_BYTES_S):
            async for _chunk in chunks:
                pass
