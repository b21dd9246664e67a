"""The base URL as a person writes or pastes it, and the URLs made from it.

A base URL is an address, and may have a query such as Azure's ``?api-version=``. A
user, a password or a key in it would be kept with each answer, so it is refused, and
no error repeats it.
"""

import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from wcode_magics.errors import SettingError

AROUND = " \t\r\n\u00a0\u200b\u3000\ufeff\"'<>"
"""What a copied URL may be wrapped in."""
ENDPOINTS = ("/chat/completions", "/completions", "/models", "/responses")
"""Paths that people paste with the base URL, which the client adds itself."""

_SECRET_NAME = re.compile(
    r"key|token|secret|pass|pwd|sig|auth|credential|(^|_)code$", re.IGNORECASE
)
_LONGEST_PLAIN = 24  # a longer value in a query may be a key


def checked(url: str) -> str:
    """The URL without what it was wrapped in.

    Raises:
        SettingError: it is not an address, or holds more than an address may.
    """
    url = url.strip(AROUND)
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        raise SettingError("bad_url", url=shown(url)) from None
    whole = parts.scheme in {"http", "https"} and parts.hostname
    if not whole or any(sign.isspace() for sign in url):
        raise SettingError("bad_url", url=shown(url))
    if parts.username or parts.password or parts.fragment or _secret(parts.query):
        raise SettingError("url_more", host=parts.hostname)
    return url


def trimmed(url: str) -> str:
    """The base URL of a URL that may end in a path of the API."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    end = next((end for end in ENDPOINTS if path.endswith(end)), "")
    if not end:
        return url
    return urlunsplit(parts._replace(path=path.removesuffix(end)))


def joined(base_url: str, path: str) -> str:
    """The URL of a path of the API, with the query of the base URL."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}"))


def shown(url: str) -> str:
    """A URL for people, with a user, a password and values of a query masked."""
    if "/" not in url and len(url) > _LONGEST_PLAIN:
        return "***"  # no URL at all, maybe a key in its place
    url = re.sub(r"//[^/?#]*@", "//***@", url)
    return re.sub(r"([?&;#][^=&;#]*=)[^&;#]+|#.+", r"\1***", url)


def _secret(query: str) -> bool:
    pairs = parse_qsl(query, keep_blank_values=True)
    return any(
        _SECRET_NAME.search(name) or len(value) > _LONGEST_PLAIN
        for name, value in pairs
    )
