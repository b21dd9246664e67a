"""Requests to one endpoint and their bodies: statuses and failures become errors.

A prompt whose whole answer is awaited goes the short way of
:mod:`wcode_magics.sending.network`; everything else, and all through a transport that
replaces the network, goes that of httpx. Headers, limits and errors are the same.
"""

import codecs
import math
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, cast

from wcode_magics.errors import (
    EndpointError,
    RateLimitError,
    RejectedError,
    SettingError,
    UsageError,
    WcodeError,
)
from wcode_magics.protocol import endpoint_url
from wcode_magics.protocol.http_errors import fault
from wcode_magics.protocol.messages import Endpoint, gives_away
from wcode_magics.protocol.retry_after import retry_after
from wcode_magics.runtime.deadline import Deadline
from wcode_magics.sending import network_errors
from wcode_magics.sending.body_limits import MOST_BYTES, Body, Unpacked, Watch
from wcode_magics.sending.transport import headers_of, line_of, open_client

if TYPE_CHECKING:
    import httpx

    from wcode_magics.sending.network import Line

MOST_OF_ERROR = 2**18
OF_ERROR_S = 10.0
"""Longest time for the body of an error, of which what has come by then is shown."""
PATH = "chat/completions"
LAST_BYTES_S = 0.2
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_OF_TEXTS = re.compile(
    r"utf-(8|16(-[bl]e)?)|gb(2312|k|18030)|big5(hkscs)?|euc_(jp|kr)|iso2022_jp"
    r"|shift_jis|cp(949|932|874|866|125\d)|iso8859-\d+|koi8-[ru]|mac-(roman|cyrillic)"
)
"""Codecs of the encodings that texts on the web have (WHATWG Encoding, section 4).

Others are slow (256 KB of punycode took 7 s) or read escapes.
"""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Response(Protocol):
    """Status, headers and body of an answer, however it was fetched."""

    @property
    def status_code(self) -> int: ...  # noqa: D102

    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def stream(self) -> AsyncIterable[bytes]: ...  # noqa: D102

    @property
    def is_closed(self) -> bool: ...  # noqa: D102


class HttpWire:
    """Connections to one endpoint.

    Args:
        endpoint: URL, key and headers.
        transport: ``httpx.AsyncBaseTransport`` that replaces the network.
    """

    def __init__(
        self, endpoint: Endpoint, transport: "httpx.AsyncBaseTransport | None"
    ) -> None:
        self.endpoint = endpoint
        self._http = open_client(endpoint, transport)
        self._urls: dict[str, httpx.URL] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def url(self, path: str) -> "httpx.URL":
        """Return the URL of a path.

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
            url.raw_host.decode().encode("idna")  # as the resolver does
            usable = url.host and url.scheme in ("http", "https")
        except (ValueError, httpx.InvalidURL) as wrong:
            raise SettingError("bad_url", url=endpoint_url.shown(base)) from wrong
        if not usable:
            raise SettingError("bad_url", url=endpoint_url.shown(base))
        self._urls[path] = url
        return url

    async def whole(
        self,
        content: bytes,
        watch: Watch,
        feed: Callable[[bytes], bool],
        **facts: object,
    ) -> None:
        """Post a prompt and pass on the body until ``feed`` returns True.

        Raises:
            EndpointError: the status is not a success, the connection failed, or the
                body exceeds a limit; or what ``feed`` raises.
            UsageError: the prompt contains the key.
        """
        self._refuse(content)
        try:
            with Deadline(watch.due(), watch.due) as deadline:
                async with self._posted(content, watch) as response:
                    watch.hear(alive=True)
                    if _is_success(response):
                        await _pass_on(response, watch, feed)
                        return
                    deadline.lift()  # the body of an error is read in part
                    failed = await self._failed(response, watch, facts)
        except WcodeError:
            raise
        except Exception as wrong:
            raise network_errors.meaning(wrong, watch) from wrong
        raise failed

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: "httpx.URL",
        content: bytes,
        watch: Watch,
        **facts: object,
    ) -> AsyncIterator[Response]:
        """Send a request and wait for the response headers.

        Raises:
            EndpointError: the status is not a success.
            UsageError: the content contains the key.
        """
        self._refuse(content)
        async with AsyncExitStack() as stack:
            sent = self._sent(method, url, content, watch)
            with faults(watch), Deadline(watch.due()):
                response = await stack.enter_async_context(sent)
            watch.hear(alive=True)
            if not _is_success(response):
                raise await self._failed(response, watch, facts)
            yield response

    def body(self, response: Response, watch: Watch) -> Body:
        """Return the body's chunks, checked against the limits."""
        with faults(watch):
            chunks = _chunks(response)
        return Body(chunks, watch, partial(faults, watch))

    async def read(
        self, response: Response, watch: Watch, enough: float = math.inf
    ) -> bytes:
        """Return the body; reading stops soon after ``enough`` bytes."""
        parts: list[bytes] = []
        await self._collect(response, watch, enough, parts)
        return b"".join(parts)

    def _refuse(self, content: bytes) -> None:
        if gives_away(self.endpoint.key, content):
            raise UsageError("secret_in_prompt")

    def _posted(
        self, content: bytes, watch: Watch
    ) -> AbstractAsyncContextManager[Response]:
        if self._line is None:
            return self._sent("POST", self.url(PATH), content, watch)
        return self._line.post(content, network_errors.timeouts(watch.silence))

    @asynccontextmanager
    async def _sent(
        self, method: str, url: "httpx.URL", content: bytes, watch: Watch
    ) -> AsyncIterator[Response]:
        import httpx

        sent = httpx.Request(
            method,
            url,
            headers=self._headers,
            content=content,
            extensions={"timeout": network_errors.timeouts(watch.silence)},
        )
        response = await self._transport.handle_async_request(sent)
        try:
            yield cast("Response", response)
        finally:
            await response.aclose()

    @cached_property
    def _transport(self) -> "httpx.AsyncBaseTransport":
        """Transport that sends every request.

        Used directly, without cookies, redirects and hooks: half the cost.
        """
        return self._http._transport_for_url(self.url(PATH))  # noqa: SLF001

    @cached_property
    def _headers(self) -> "httpx.Headers":
        return headers_of(self.endpoint, self._http)

    @cached_property
    def _line(self) -> "Line | None":
        """The short way of prompts; None through a transport that has none."""
        return line_of(self._transport, self.url(PATH), self._headers)

    async def _failed(
        self, response: Response, watch: Watch, facts: dict[str, object]
    ) -> EndpointError:
        """Return the error of a status, with what of the body can be read."""
        if response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return network_errors.refused_by_proxy(watch)
        parts: list[bytes] = []
        with suppress(EndpointError, TimeoutError), Deadline(OF_ERROR_S):
            await self._collect(response, watch, MOST_OF_ERROR, parts)
        shown = _text(b"".join(parts), response.headers.get("content-type", ""))
        facts = {"model": "–", "url": self.endpoint.base_url, **facts}
        location = response.headers.get("location", "").strip()
        if response.status_code in _REDIRECTS and location:
            facts["location"] = endpoint_url.shown(location)
            return RejectedError("moved", status=response.status_code, **facts)
        error = fault(response.status_code, shown, **facts)
        limited = isinstance(error, RateLimitError)
        wait = retry_after(response.headers, limited=limited)
        if wait is not None:
            error.facts["retry_after"] = wait
        return error

    async def _collect(
        self,
        response: Response,
        watch: Watch,
        enough: float,
        parts: list[bytes],
    ) -> None:
        size = 0
        async for part in self.body(response, watch):
            watch.hear(alive=bool(part.strip()))
            parts.append(part)
            size += len(part)
            if size > enough:
                break


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Read past ``[DONE]``: a connection is reusable only once its body is consumed."""
    with suppress(Exception), Deadline(LAST_BYTES_S):
        async for _chunk in chunks:
            pass


@contextmanager
def faults(watch: Watch) -> Iterator[None]:
    """Translate network exceptions into this package's errors."""
    try:
        yield
    except WcodeError:
        raise
    except Exception as wrong:
        raise network_errors.meaning(wrong, watch) from wrong


async def _pass_on(
    response: Response, watch: Watch, feed: Callable[[bytes], bool]
) -> None:
    chunks, size = _chunks(response), 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MOST_BYTES:
            raise watch.too_big(MOST_BYTES)
        if feed(chunk):
            if not response.is_closed:
                await drain(chunks)
            return


def _chunks(response: Response) -> AsyncIterator[bytes]:
    return Unpacked(response.stream, response.headers.get("content-encoding", ""))


def _text(data: bytes, kind: str) -> str:
    """Decode the body of an error: UTF-8, or as it or its Content-Type says."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        found = _CHARSET.search(kind) or _CHARSET.search(data[:1024].decode("latin-1"))
    with suppress(LookupError):
        if found and _OF_TEXTS.fullmatch(codecs.lookup(found[1]).name):
            return data.decode(found[1], "replace")
    return data.decode("utf-8", "replace")


def _is_success(response: Response) -> bool:
    return 200 <= response.status_code < 300
