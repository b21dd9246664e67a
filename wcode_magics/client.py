"""The endpoint over HTTP: send, stream, list models; statuses become errors.

How it is reached stands in :mod:`wcode_magics.transport`. Connections are kept between
calls; all calls run on one event loop.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from wcode_magics import address
from wcode_magics.errors import (
    AnswerError,
    CertificateError,
    ConnectionFailed,
    EndpointError,
    RejectedError,
    SettingError,
    StreamError,
    TimedOut,
)
from wcode_magics.faults import fault
from wcode_magics.flow.retry import try_again
from wcode_magics.reply import Source
from wcode_magics.request import Request
from wcode_magics.retry_after import retry_after
from wcode_magics.stream import (
    DONE,
    EventDecoder,
    decode,
    delta_of_body,
    delta_of_event,
)
from wcode_magics.transport import headers_of, is_of_proxy, open_client, reason_of
from wcode_magics.values import Delta, Endpoint

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 10.0
TIMEOUT_S = 120.0
ATTEMPTS = 4
WAIT_INITIAL_S = 0.25
WAIT_MAX_S = 8.0
LAST_BYTES_S = 0.2


class Client:
    """Sends requests to one endpoint.

    Args:
        endpoint: where to, and with which key.
        transport: an ``httpx.AsyncBaseTransport`` in place of the network's.
        attempts: how often a request is tried before its error is raised; only what
            may pass is tried again (no connection, 408, 429, 5xx), and never after
            a part of the answer arrived.
        wait_initial: seconds before the second try; doubles up to 8 s, with jitter,
            unless the server names its own time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
        attempts: int = ATTEMPTS,
        wait_initial: float = WAIT_INITIAL_S,
    ) -> None:
        self.endpoint = endpoint
        self._attempts = attempts
        self._wait_initial = wait_initial
        self._usage_refused = False
        self._http = open_client(endpoint, transport)

    @property
    def source(self) -> Source:
        """Where replies come from."""
        return "sandbox" if self.endpoint.sandbox else "endpoint"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(
        self, request: Request, *, timeout: float = TIMEOUT_S, attempts: int = 0
    ) -> Delta:
        """The whole answer as one delta; ``attempts`` 0 means the client's own.

        Raises:
            EndpointError: the last failure, after the tries.
        """
        try:
            if (attempts or self._attempts) == 1:
                return await self._whole(request, timeout)
            async for attempt in self._tries(attempts):
                with attempt:
                    return await self._whole(request, timeout)
        except EndpointError as error:
            self._hide_key(error)
            raise
        raise AssertionError

    async def stream(
        self, request: Request, *, timeout: float = TIMEOUT_S
    ) -> AsyncGenerator[Delta, None]:
        """The answer's deltas as they come; closing the iterator hangs up.

        ``timeout`` is the longest silence in seconds, not the length of the answer.

        Raises:
            EndpointError: no answer, after the tries.
            StreamError: the stream ended before a finish reason.
        """
        deltas, finished = None, False
        try:
            async for attempt in self._tries(0):
                with attempt:
                    deltas = self._deltas(request, timeout)
                    delta = await anext(deltas, None)
            if deltas is None or delta is None:
                raise AnswerError("empty_stream")
            while delta is not None:
                finished = finished or delta.finish_reason is not None
                yield delta
                delta = await anext(deltas, None)
        except EndpointError as error:
            self._hide_key(error)
            if not (finished and isinstance(error, StreamError)):
                raise
        finally:
            if deltas is not None:
                await deltas.aclose()
        if not finished:
            raise StreamError("stream_cut")

    async def models(self, *, timeout: float = TIMEOUT_S) -> list[dict[str, Any]]:
        """What the endpoint itself lists, as it lists it."""
        try:
            async with self._exchange("GET", "models", b"", timeout) as response:
                data = decode(await self._read(response, timeout))
        except EndpointError as error:
            self._hide_key(error)
            raise
        listed = data.get("data") if isinstance(data, dict) else None
        return [row for row in listed or () if isinstance(row, dict)]

    async def _whole(self, request: Request, timeout: float) -> Delta:
        """One attempt, by the shortest way: rows of a table come here by thousands."""
        try:
            sent = self._whole_request(request.content(), timeout)
            response = await self._transport.handle_async_request(sent)
            try:
                body = (await _content(response)).decode("utf-8", "replace")
            finally:
                await response.aclose()
        except Exception as wrong:
            self._raise_mapped(wrong, timeout)
        if not response.is_success:
            raise self._fault(response, body, {"model": request.model})
        return delta_of_body(body)

    def _whole_request(self, content: bytes, timeout: float) -> "httpx.Request":
        import httpx

        return httpx.Request(
            "POST",
            self._url,
            headers=self._headers,
            content=content,
            extensions={"timeout": _timeouts(timeout).as_dict()},
        )

    @cached_property
    def _transport(self) -> "httpx.AsyncBaseTransport":
        """What ``_http`` sends through.

        Straight to it there are no cookies, redirects and hooks: half the cost.
        """
        return self._http._transport_for_url(self._url)  # noqa: SLF001

    @cached_property
    def _url(self) -> "httpx.URL":
        import httpx

        return httpx.URL(address.joined(self.endpoint.base_url, "chat/completions"))

    @cached_property
    def _headers(self) -> "httpx.Headers":
        return headers_of(self.endpoint, self._http)

    async def _deltas(
        self, request: Request, timeout: float
    ) -> AsyncGenerator[Delta, None]:
        decoder = EventDecoder()
        async with self._open_stream(request, timeout) as response:
            if _is_whole(response):
                yield delta_of_body(await self._read(response, timeout))
                return
            with self._faults(timeout):
                chunks = response.aiter_bytes()
                async for chunk in chunks:
                    for event in decoder.feed(chunk):
                        if event.strip() == DONE:
                            await _drain(chunks)
                            return
                        delta = delta_of_event(event)
                        if delta is not None:
                            yield delta
            for event in decoder.close():
                delta = delta_of_event(event)
                if delta is not None:
                    yield delta

    @asynccontextmanager
    async def _open_stream(
        self, request: Request, timeout: float
    ) -> AsyncIterator["httpx.Response"]:
        async with AsyncExitStack() as stack:
            yield await self._asked(stack, request, timeout)

    async def _asked(
        self, stack: AsyncExitStack, request: Request, timeout: float
    ) -> "httpx.Response":
        """Ask for usage too, unless this endpoint refuses to be asked."""
        asks = not self._usage_refused
        content = request.content(stream=True, usage=asks)
        try:
            post = self._post(request, content, timeout)
            return await stack.enter_async_context(post)
        except RejectedError as refusal:
            if not asks or "stream_options" not in str(refusal.facts):
                raise
        self._usage_refused = True
        return await self._asked(stack, request, timeout)

    @asynccontextmanager
    async def _post(
        self, request: Request, content: bytes, timeout: float
    ) -> AsyncIterator["httpx.Response"]:
        path = "chat/completions"
        async with self._exchange(
            "POST", path, content, timeout, model=request.model
        ) as response:
            yield response

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, content: bytes, timeout: float, **facts: object
    ) -> AsyncIterator["httpx.Response"]:
        url = address.joined(self.endpoint.base_url, path)
        with self._faults(timeout):
            sent = self._http.build_request(
                method,
                url,
                content=content,
                headers=self._headers,
                timeout=_timeouts(timeout),
            )
            response = await self._http.send(sent, stream=True)
        try:
            if not response.is_success:
                body = await self._read(response, timeout)
                raise self._fault(response, body, facts)
            yield response
        finally:
            await response.aclose()

    async def _read(self, response: "httpx.Response", timeout: float) -> str:
        with self._faults(timeout):
            body = await response.aread()
        return body.decode("utf-8", "replace")

    def _fault(
        self, response: "httpx.Response", shown: str, facts: dict[str, object]
    ) -> EndpointError:
        if self.endpoint.key:
            shown = shown.replace(self.endpoint.key, "***")
        facts = {"model": "–", "url": self.endpoint.base_url, **facts}
        if response.has_redirect_location:
            facts["location"] = address.shown(response.headers["location"])
            return RejectedError("moved", status=response.status_code, **facts)
        error = fault(response.status_code, shown, **facts)
        error.facts["retry_after"] = retry_after(response.headers)
        return error

    def _hide_key(self, error: EndpointError) -> None:
        """What a server echoes of the key goes into no error."""
        key = self.endpoint.key
        for name, fact in error.facts.items() if key else ():
            if isinstance(fact, str):
                error.facts[name] = fact.replace(str(key), "***")

    def _tries(self, attempts: int) -> Any:
        import stamina

        return stamina.retry_context(
            on=try_again,
            attempts=attempts or self._attempts,
            timeout=None,
            wait_initial=self._wait_initial,
            wait_max=WAIT_MAX_S,
            wait_jitter=self._wait_initial,
        )

    @contextmanager
    def _faults(self, timeout: float) -> Iterator[None]:
        try:
            yield
        except Exception as wrong:
            self._raise_mapped(wrong, timeout)

    def _raise_mapped(self, wrong: Exception, timeout: float) -> NoReturn:
        import aiohttp
        import httpx

        url = self.endpoint.base_url
        if isinstance(wrong, httpx.InvalidURL | httpx.UnsupportedProtocol | ValueError):
            raise SettingError("bad_url", url=url) from wrong
        if isinstance(wrong, httpx.TransportError):
            raise _broken(wrong, url, timeout) from wrong
        if isinstance(wrong, httpx.DecodingError | aiohttp.ClientError):
            raise AnswerError("not_http", url=url, reason=str(wrong)) from wrong
        raise wrong


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read on behind ``[DONE]``: a connection is kept if its last bytes were read."""
    with suppress(Exception):
        async with asyncio.timeout(LAST_BYTES_S):
            async for _chunk in chunks:
                pass


def _is_whole(response: "httpx.Response") -> bool:
    """Whether one body came in place of a stream: an answer, or a page of a site."""
    kind = response.headers.get("content-type", "")
    return "json" in kind or "html" in kind


def _broken(wrong: "httpx.TransportError", url: str, timeout: float) -> EndpointError:
    import httpx

    causes = list(_causes(wrong))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return CertificateError("certificate", url=url)
    if isinstance(wrong, httpx.ReadError | httpx.RemoteProtocolError):
        return StreamError("connection_cut", url=url)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        if isinstance(wrong, httpx.ConnectTimeout):
            timeout = min(timeout, CONNECT_TIMEOUT_S)
        return TimedOut("timed_out", url=url, seconds=f"{timeout:g}")
    key = "proxy_failed" if is_of_proxy(causes) else "no_connection"
    return ConnectionFailed(key, url=url, reason=reason_of(causes))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


logging.getLogger("stamina").addHandler(logging.NullHandler())  # no noise in the cell


async def _content(response: "httpx.Response") -> bytes:
    if "content-encoding" in response.headers:
        return await response.aread()
    assert isinstance(response.stream, AsyncIterable)
    return b"".join([part async for part in response.stream])


def _timeouts(timeout: float) -> "httpx.Timeout":
    import httpx

    return httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_S))
