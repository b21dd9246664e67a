"""Translation of network exceptions, and the timeout of each network step."""

import math
import ssl
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from wcode_magics.errors import (
    AnswerError,
    CertificateError,
    ConnectionFailed,
    SettingError,
    StreamError,
    TimedOut,
    WcodeError,
)
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.sending.body_limits import Watch
from wcode_magics.sending.transport import (
    is_of_proxy,
    reason_of,
    response_reason,
)

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 10.0
_PLAIN = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons when the other side answers a TLS handshake in plain text."""


@cache
def timeouts(silence: float) -> Mapping[str, float | None]:
    """Return the timeout (s) of each step, for httpx; ``silence`` may be infinite."""
    import httpx

    most = None if silence == math.inf else silence
    connect = min(silence, CONNECT_TIMEOUT_S)
    return httpx.Timeout(most, connect=connect).as_dict()


def meaning(wrong: Exception, watch: Watch) -> Exception:
    """Translate an exception raised while sending or reading."""
    import aiohttp
    import httpx

    if isinstance(wrong, WcodeError):
        return wrong
    if isinstance(wrong, TimeoutError):
        return watch.late()
    if isinstance(wrong, httpx.UnsupportedProtocol | UnicodeError):  # a host's name
        return SettingError("bad_url", url=watch.url)
    if isinstance(wrong, httpx.TransportError):
        return _broken(wrong, watch)
    if isinstance(wrong, httpx.DecodingError | aiohttp.ClientError | ValueError):
        return AnswerError("not_http", url=watch.url, reason=response_reason(wrong))
    return wrong


def refused_by_proxy(watch: Watch) -> ConnectionFailed:
    """Return the error of a status that only a proxy has (RFC 9110, 15.5.8)."""
    status = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
    reason = f"{status.value} {status.phrase}"
    return ConnectionFailed("proxy_failed", url=watch.url, reason=reason)


def _broken(wrong: "httpx.TransportError", watch: Watch) -> WcodeError:
    import httpx

    chain = list(causes(wrong))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        return CertificateError("certificate", url=watch.url)
    of_proxy = is_of_proxy(chain, watch.url)
    if any(getattr(cause, "reason", "") in _PLAIN for cause in chain):
        return ConnectionFailed(
            "proxy_plain" if of_proxy else "plain_http", url=watch.url
        )
    if any(map(_is_drop, chain)) or isinstance(
        wrong, httpx.ReadError | httpx.RemoteProtocolError
    ):
        return StreamError("connection_cut", url=watch.url)
    late = any(isinstance(cause, TimeoutError) for cause in chain)
    if late and isinstance(wrong, httpx.ConnectTimeout):
        key = "not_connected" if watch.url.startswith("https:") else "not_reached"
        seconds = decimal(min(watch.silence, CONNECT_TIMEOUT_S))
        return ConnectionFailed(key, url=watch.url, seconds=seconds)
    if late and isinstance(wrong, httpx.TimeoutException):
        return TimedOut("timed_out", url=watch.url, seconds=decimal(watch.silence))
    key = "proxy_failed" if of_proxy else "no_connection"
    return ConnectionFailed(key, url=watch.url, reason=reason_of(chain))


def _is_drop(cause: BaseException) -> bool:
    """Return whether an open connection was lost; what it carried may be paid."""
    import aiohttp

    lost = isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
    return lost and not isinstance(cause, aiohttp.ClientConnectorError)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and those that a traceback shows before it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
