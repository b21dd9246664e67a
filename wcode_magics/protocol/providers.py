"""Services and servers of the chat-completions API, as rows of ``providers.toml``.

What belongs together is in one row: base URL, key variable and dialect, which is how an
answer goes on from a beginning and how thinking is asked for. A key set for one is
never used for another.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wcode_magics.errors import SettingError, UsageError
from wcode_magics.protocol.parameters import hint, nearest

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """One service or server; ``providers.toml`` explains the fields.

    Empty fields are unknown: a ``prefix`` is tried, thinking cannot be asked for.
    Equal to itself alone, so that it can be a key.
    """

    name: str
    title: str
    base_url: str
    key: str = ""
    url_variable: str = ""
    hosts: tuple[str, ...] = ()
    currency: str = ""
    prefix: str = ""
    prefix_url: str = ""
    think_on: Mapping[str, Any] = field(default_factory=dict)
    think_off: Mapping[str, Any] = field(default_factory=dict)
    think_budget: str = ""
    usage: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)

    def serves(self, url: str) -> bool:
        """Return whether a URL is at this provider's host, so that its key may go."""
        return _host(url) in {_host(self.base_url), *((h, None) for h in self.hosts)}

    def thinking(self, *, on: bool | None, budget: int | None) -> dict[str, Any]:
        """Return the fields that turn thinking on or off and limit its tokens.

        Raises:
            UsageError: the provider documents no such field.
        """
        if budget is not None and not self.think_budget:
            raise UsageError("think.no_budget", name=self.title)
        chosen = {None: {}, True: self.think_on, False: self.think_off}[on]
        if on is not None and not chosen:
            raise UsageError("think.no_switch", name=self.title)
        made = dict(chosen)
        if budget is not None:
            *path, last = self.think_budget.split(".")
            inner = made
            for part in path:
                inner[part] = inner = dict(inner.get(part, {}))
            inner[last] = budget
        return made


def _rows() -> tuple[Provider, ...]:
    source = Path(__file__).with_name("providers.toml")
    tables = tomllib.loads(source.read_text("utf-8"))
    return tuple(
        Provider(name=name, **{**row, "hosts": tuple(row.get("hosts", ()))})
        for name, row in tables.items()
    )


PROVIDERS = _rows()


SANDBOX = Provider(
    "sandbox",
    "the sandbox",
    "",
    prefix="continue",
    think_on={"enable_thinking": True},
    think_off={"enable_thinking": False},
    think_budget="thinking_budget",
)
"""Dialect of this package's own server, which has no address of its own."""


def named(name: str) -> Provider:
    """Return a row by name; raises SettingError with the nearest name."""
    for row in PROVIDERS:
        if row.name == name:
            return row
    known = [row.name for row in PROVIDERS]
    near = hint(name, known) if nearest(name, known) else ""
    listed = ", ".join(known)
    raise SettingError("unknown_provider", given=name, hint=near, known=listed)


def at(url: str) -> Provider | None:
    """Return the provider at whose host a URL is, or None."""
    return _at(url, PROVIDERS)


@lru_cache(maxsize=256)
def _at(url: str, rows: tuple[Provider, ...]) -> Provider | None:
    return next((row for row in rows if row.serves(url)), None)


def main_url(url: str) -> str:
    """Return the base URL of a provider that has several addresses, else ``url``."""
    found = at(url)
    return found.base_url if found is not None and found.prefix_url else url


def is_silent_on_thinking(extra: Mapping[str, Any]) -> bool:
    """Return whether a request's extra fields do not turn thinking off."""
    off = [row.think_off for row in (*PROVIDERS, SANDBOX) if row.think_off]
    return not any(fields.items() <= extra.items() for fields in off)


def variables() -> tuple[str, ...]:
    """Return the names of all key variables."""
    return tuple(row.key for row in PROVIDERS if row.key)


def unused(environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return variables set for other services, and the line that uses the first."""
    found = [row for row in PROVIDERS[1:] if any(_set(row, environ))]
    names = [name for row in found for name in _set(row, environ)]
    return names, f"%wcode_config provider={found[0].name}" if found else ""


def _set(row: Provider, environ: Mapping[str, str]) -> Iterable[str]:
    return [name for name in (row.key, row.url_variable) if environ.get(name)]


@lru_cache(maxsize=256)
def _host(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # no URL at all
        return "", None
    host = parts.hostname or ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = None if port == usual else port
    return ("localhost" if host in _LOOPBACK else host), port
