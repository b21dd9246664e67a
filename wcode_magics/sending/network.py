"""Transport of httpx over the connections of aiohttp, and a short way for rows.

aiohttp's connections, because plain httpx polls every idle one at each request:
measured about nine times slower at 64 in flight. :class:`Line` sends a prepared head
and a body over the same connections, without the sessions and requests of both
libraries above them, which cost three times as much as the exchange itself.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http_exceptions import HttpProcessingError
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import map_aiohttp_exceptions
from yarl import URL

IDLE_S = 120.0
MOST_CONNECTIONS = 1024
MOST_OF_HEAD = 2**16
"""Longest line of a head in bytes; policies and cookies exceed aiohttp's 8,190."""
_HEAD: Mapping[str, Any] = {
    "max_line_size": MOST_OF_HEAD,
    "max_field_size": MOST_OF_HEAD,
}
FIRST_FINAL = 200
"""Lowest status of an answer; those below announce one, but for 101."""


class Network(AiohttpTransport):
    """Transport to endpoints, through a proxy if one is given.

    Args:
        tls: certificates to trust; None: only plain HTTP is spoken.
        proxy: URL of an HTTP or SOCKS proxy; a SOCKS proxy resolves host names.
    """

    def __init__(self, tls: ssl.SSLContext | None, proxy: str | None) -> None:
        forwards = proxy is not None and not proxy.startswith("socks")
        self._tls, self._socks = tls, None if forwards else proxy
        super().__init__(
            verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # the connector's
            client=self._opened,
            proxy=httpx.Proxy(proxy) if proxy and forwards else None,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises the errors of httpx."""
        with self.faults():
            return await super().handle_async_request(request)

    def line(self, url: httpx.URL, headers: httpx.Headers) -> "Line | None":
        """Return the short way of POST requests; None through an HTTP proxy."""
        return None if self.proxy else Line(self, url, headers)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, whose connections all requests share."""
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self.get_client()
        return self.client

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn errors of aiohttp and of SOCKS proxies into those of httpx.

        Where a proxy is in between, it is the proxy that made no connection in time.
        """
        try:
            with map_aiohttp_exceptions():
                yield
        except httpx.ConnectTimeout as wrong:
            late = isinstance(wrong.__cause__, TimeoutError)
            if late and (self.proxy or self._socks):
                raise httpx.ProxyError(str(wrong)) from wrong
            raise
        except aiohttp.ClientHttpProxyError as wrong:  # httpx-aiohttp 0.1.9 raises it
            raise httpx.ProxyError(str(wrong)) from wrong
        except Exception as wrong:
            kind = _of_socks(wrong) if self._socks else None
            if kind is None:
                raise
            raise kind(str(wrong)) from wrong

    def _opened(self) -> aiohttp.ClientSession:
        kept: dict[str, Any] = {"limit": MOST_CONNECTIONS, "keepalive_timeout": IDLE_S}
        if self._tls is not None:
            kept["ssl"] = self._tls
        connector: aiohttp.BaseConnector
        if self._socks is None:
            connector = _pool(aiohttp.TCPConnector)(**kept)
        else:
            from aiohttp_socks import ProxyConnector

            pool = _pool(ProxyConnector)
            connector = pool.from_url(self._socks, rdns=True, **kept)
        cookies = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, cookie_jar=cookies, **_HEAD)


class Line:
    """Way of POST requests to one URL, whose heads differ in their length alone."""

    def __init__(
        self, network: Network, url: httpx.URL, headers: httpx.Headers
    ) -> None:
        self.network = network
        head = httpx.Request("POST", url, headers=headers).headers
        del head["Content-Length"]
        lines = [b"POST %s HTTP/1.1" % url.raw_path]
        lines += [b"%s: %s" % pair for pair in head.raw]
        self._head = b"\r\n".join([*lines, b"Content-Length: "])
        self._url = URL(str(url))
        self._connecting: _PooledRequest | None = None
        self._pool: Any = None

    def post(self, content: bytes, timeouts: Mapping[str, float | None]) -> "Posted":
        """Return the exchange of one body, to be entered with ``async with``."""
        data = b"%s%d\r\n\r\n%s" % (self._head, len(content), content)
        return Posted(self, data, timeouts)

    async def connect(self, timeout: aiohttp.ClientTimeout) -> Any:
        """Return a connection of the pool, or a new one."""
        if self._connecting is None:
            loop, session = asyncio.get_running_loop(), self.network.session
            self._connecting = _PooledRequest(
                "POST", self._url, loop=loop, session=session
            )
            self._pool = session.connector
        try:
            return await self._pool.connect(self._connecting, [], timeout)
        except TimeoutError as wrong:
            raise aiohttp.ConnectionTimeoutError(str(self._url)) from wrong

    def refused(self, wrong: HttpProcessingError) -> aiohttp.ClientResponseError:
        """Return the error of an answer that is not HTTP."""
        assert self._connecting is not None
        return aiohttp.ClientResponseError(
            self._connecting.request_info, (), status=wrong.code, message=wrong.message
        )


class _PooledRequest(ClientRequest):
    """Request that stands for all of one line, with the key of its connections."""

    @cached_property
    def connection_key(self) -> Any:
        return super().connection_key


class Posted:
    """One exchange: status and headers once entered, then the parts of the body.

    Left before the end of the body, its connection is closed.
    """

    def __init__(
        self, line: Line, data: bytes, timeouts: Mapping[str, float | None]
    ) -> None:
        self._line, self._data, self._timeouts = line, data, timeouts
        self._connection: Any = None
        self._message: Any = None
        self._payload: aiohttp.StreamReader

    async def __aenter__(self) -> Self:
        timeouts = self._timeouts
        timeout = _connecting(timeouts["pool"], timeouts["connect"])
        try:
            self._connection = await self._line.connect(timeout)
            await self._exchange(self._connection, timeouts["read"])
        except BaseException as wrong:
            if self._connection is not None:
                self._connection.close()
            with self._line.network.faults():
                if isinstance(wrong, HttpProcessingError):
                    raise self._line.refused(wrong) from wrong
                raise
        return self

    async def _exchange(self, connection: Any, silence: float | None) -> None:
        protocol = connection.protocol
        protocol.set_response_params(
            read_until_eof=True, auto_decompress=False, read_timeout=silence, **_HEAD
        )
        connection.transport.write(self._data)
        protocol.start_timeout()
        while True:
            self._message, self._payload = await protocol.read()
            if self._message.code >= FIRST_FINAL or self._message.upgrade:
                break

    @property
    def status_code(self) -> int:
        """Status of the answer."""
        return int(self._message.code)

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer, by names in any case."""
        headers: Mapping[str, str] = self._message.headers
        return headers

    @property
    def stream(self) -> Self:
        """Parts of the body, as they arrive."""
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await self._payload.readany()
        if not part:
            raise StopAsyncIteration
        return part

    @property
    def is_closed(self) -> bool:
        """Whether the whole body has arrived."""
        return self._payload.is_eof()

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._connection.release()
        if isinstance(error, aiohttp.ClientError):
            with self._line.network.faults():
                raise error


@cache
def _connecting(most: float | None, each: float | None) -> aiohttp.ClientTimeout:
    """Return the timeouts of a connection, in all and to each address."""
    return aiohttp.ClientTimeout(connect=most, sock_connect=each)


def _pool(kind: Any) -> Any:
    """Return a kind of connector that never reuses a connection on which more came.

    What a server says after an answer, such as a 408 before it hangs up, would be taken
    for the answer to the next request.
    """

    class Pool(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._used: WeakSet[Any] = WeakSet()

        async def connect(self, *args: Any, **more: Any) -> Any:
            while True:
                connection = await super().connect(*args, **more)
                protocol = connection.protocol
                if protocol not in self._used:
                    self._used.add(protocol)
                    return connection
                if not protocol.should_close:
                    return connection
                connection.close()

        def close(self, **more: Any) -> Any:
            """Close at once; aiohttp before 3.12 waits for the farewell of TLS."""
            for protocol in self._used:
                if protocol.transport is not None:
                    protocol.transport.abort()
            return super().close(**more)

    return Pool


def _of_socks(wrong: Exception) -> type[httpx.TransportError] | None:
    import aiohttp_socks as socks

    kinds = socks.ProxyError | socks.ProxyConnectionError | socks.ProxyTimeoutError
    return httpx.ProxyError if isinstance(wrong, kinds) else None
