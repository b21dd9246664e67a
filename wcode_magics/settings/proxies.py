"""Selection of the environment's proxy for a URL.

The rules are curl's: ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY`` by the scheme
of the URL, and ``NO_PROXY`` as a list of hosts, domains, ``host:port``, addresses and
networks of both kinds (``10.0.0.0/8``, ``fd07:b51a:cc66:f0::/64``) or ``*``.
"""

import urllib.request
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from wcode_magics.errors import SettingError
from wcode_magics.protocol import endpoint_url

SPOKEN = {
    "http": "http",
    "https": "https",
    "socks4": "socks4",
    "socks4a": "socks4",
    "socks5": "socks5",
    "socks5h": "socks5",
    "socks": "socks5",
}
"""Supported proxy schemes and the protocol of each; no other proxy gets the key."""


def proxy_for(url: str) -> str | None:
    """Return the proxy's URL, with a scheme of :data:`SPOKEN`; None for no proxy.

    Raises:
        SettingError: the proxy's scheme is not supported, or a URL is invalid.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SettingError("bad_url", url=endpoint_url.shown(url)) from None
    found = urllib.request.getproxies()
    proxy = found.get(parts.scheme) or found.get("all")
    if not proxy or bypassed(host, port, found.get("no", "")):
        return None
    scheme, sep, rest = proxy.strip().partition("://")
    if not sep:
        scheme, rest = "http", scheme
    spoken = SPOKEN.get(scheme.lower())
    if spoken is None or not _has_host(f"http://{rest}"):
        known = ", ".join(SPOKEN)
        raise SettingError("proxy", scheme=scheme, known=known)
    return f"{spoken}://{rest}"


def password_of(url: str) -> str:
    """Return the password of the proxy for a URL; empty for none."""
    return unquote(urlsplit(proxy_for(url) or "").password or "")


def bypassed(host: str, port: int | None, listed: str) -> bool:
    """Return whether a ``NO_PROXY`` list matches a host."""
    host = host.lower().rstrip(".")
    entries = (entry.strip().lower() for entry in listed.split(","))
    return any(_names(entry, host, port) for entry in entries if entry)


def _names(entry: str, host: str, port: int | None) -> bool:
    entry = entry.partition("://")[2] or entry
    if entry == "*":
        return True
    try:
        numeric = ip_address(host)
    except ValueError:
        numeric = None
    if numeric is not None:
        try:
            bare = entry[1 : entry.index("]")] if entry[:1] == "[" else entry
            return numeric in ip_network(bare, strict=False)
        except ValueError:
            pass
    name, sep, number = entry.rpartition(":")
    if sep and number.isdecimal() and (":" not in name or name.endswith("]")):
        return number == str(port) and _names(name, host, None)
    name = entry.lstrip("*").strip(".")
    return host == name or host.endswith(f".{name}")


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
