"""Parse and validate a base URL, and build request URLs from it.

A base URL may have a query such as Azure's ``?api-version=``. A user name, password or
key in it would be stored with each answer, so it is rejected, and error messages do
not repeat it.
"""

import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from wcode_magics.errors import SettingError

AROUND = " \t\r\n\u00a0\u200b\u3000\ufeff\"'<>"
"""Characters stripped from both ends of a pasted URL."""
ENDPOINTS = ("/chat/completions", "/completions", "/models", "/responses")
"""API paths that users paste with the base URL; the client appends them itself."""

_SECRET_NAME = re.compile(
    r"key|token|secret|pass|pwd|sig|auth|credential|(^|_)code$", re.IGNORECASE
)
_LONGEST_PLAIN = 24  # a longer value in a query may be a key
_LONGEST_SHOWN = 200


def checked(url: str) -> str:
    """Validate a base URL and return it without surrounding characters.

    Raises:
        SettingError: it is not an HTTP URL, or contains credentials or a fragment.
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
    """Remove an API path from the end of a URL."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    end = next((end for end in ENDPOINTS if path.endswith(end)), "")
    if not end:
        return url
    return urlunsplit(parts._replace(path=path.removesuffix(end)))


def joined(base_url: str, path: str) -> str:
    """Return the URL of an API path, with the query of the base URL."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}"))


def shown(url: str) -> str:
    """Mask user name, password, query values and fragment of a URL for display."""
    if "/" not in url and len(url) > _LONGEST_PLAIN:
        return "***"  # not a URL, maybe a key pasted by mistake
    url = re.sub(r"//[^/?#]*@", "//***@", url)
    url = re.sub(r"([?&;#][^=&;#]*=)[^&;#]+|#.+", r"\1***", url)
    return url if len(url) <= _LONGEST_SHOWN else f"{url[:_LONGEST_SHOWN]}…"


def _secret(query: str) -> bool:
    pairs = parse_qsl(query, keep_blank_values=True)
    return any(
        _SECRET_NAME.search(name) or len(value) > _LONGEST_PLAIN
        for name, value in pairs
    )
