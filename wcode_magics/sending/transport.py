"""Connection to an endpoint: headers, proxy and TLS."""

import errno
import os
import socket
import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING

from wcode_magics.errors import SettingError
from wcode_magics.protocol.messages import Endpoint
from wcode_magics.runtime.imports import of_extra, prepare
from wcode_magics.sending.body_limits import PACKINGS
from wcode_magics.settings.api_keys import is_key
from wcode_magics.settings.proxies import proxy_for

if TYPE_CHECKING:
    import httpx

    from wcode_magics.sending.network import Line


def open_client(
    endpoint: Endpoint, transport: "httpx.AsyncBaseTransport | None" = None
) -> "httpx.AsyncClient":
    """Return a client that reads nothing from the environment on its own.

    Args:
        endpoint: endpoint to connect to; no proxy is used for this machine.
        transport: transport that replaces the network.

    Raises:
        SettingError: a proxy or certificates of the environment cannot be used.
    """
    import httpx

    transport = transport or _network(endpoint)
    headers = {"Accept-Encoding": PACKINGS[0]}
    return httpx.AsyncClient(transport=transport, headers=headers, trust_env=False)


def headers_of(endpoint: Endpoint, client: "httpx.AsyncClient") -> "httpx.Headers":
    """Return the headers sent with each request: the key, then the user's own.

    Raises:
        SettingError: the key has characters that no header can hold.
    """
    headers = client.headers.copy()
    headers["Content-Type"] = "application/json"
    key = endpoint.key
    if key and not is_key(key):
        raise SettingError("bad_key")
    if key:
        headers["Authorization"] = f"Bearer {key}"
    headers.update(endpoint.headers)
    return headers


def reason_of(causes: Iterable[BaseException]) -> str:
    """Return why no connection was made, in system words: «Connection refused»."""
    return next(filter(None, map(_reason, reversed(list(causes)))), "–")


def is_of_proxy(causes: Iterable[BaseException], url: str) -> bool:
    """Return whether a proxy to ``url`` was unreachable or rejected the connection."""
    import aiohttp
    import httpx

    kinds = httpx.ProxyError | aiohttp.ClientProxyConnectionError
    host = httpx.URL(url).raw_host.decode()
    return any(
        isinstance(cause, kinds)
        or (isinstance(cause, aiohttp.ClientConnectorError) and cause.host != host)
        for cause in causes
    )


def response_reason(wrong: Exception) -> str:
    """Return what is wrong with a response, without the bytes of the response."""
    import aiohttp

    if not isinstance(wrong, aiohttp.ClientResponseError):
        return str(wrong)
    return " ".join(wrong.message.partition("\n\n")[0].split()).rstrip(":")


def _reason(cause: BaseException) -> str:
    import aiohttp

    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return f"{cause.status} {cause.message}"
    if isinstance(cause, socket.gaierror):
        return cause.strerror or str(cause)
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or str(cause)).replace("_", " ").lower()
    if isinstance(cause, ConnectionResetError):
        return os.strerror(errno.ECONNRESET)  # Python's own has no number
    if isinstance(cause, TimeoutError):
        return os.strerror(errno.ETIMEDOUT)
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno)
    return str(cause)


def line_of(
    transport: "httpx.AsyncBaseTransport", url: "httpx.URL", headers: "httpx.Headers"
) -> "Line | None":
    """Return the short way of POST requests, if the transport has one."""
    from wcode_magics.sending.network import Network

    return transport.line(url, headers) if isinstance(transport, Network) else None


def _network(endpoint: Endpoint) -> "httpx.AsyncBaseTransport":
    import httpx

    from wcode_magics.sending.network import Network

    proxy = None if endpoint.is_local else proxy_for(endpoint.base_url)
    if proxy is not None and proxy.startswith("socks"):
        with of_extra("socks"):
            prepare(["aiohttp_socks"])
    try:
        tls = httpx.create_ssl_context() if _is_tls(endpoint.base_url) else None
        return Network(tls, proxy)
    except (ValueError, OSError, httpx.InvalidURL) as wrong:
        raise SettingError("environment", reason=str(wrong)) from wrong


def _is_tls(url: str) -> bool:
    return url.startswith("https:")
