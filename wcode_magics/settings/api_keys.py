"""Where the API key of an endpoint is found, so that no other endpoint gets it.

A key belongs to a host. That of a provider's variable goes to the provider's host
alone, one that was typed to the host it was typed for. ``WCODE_API_KEY`` goes to the
hosted service, to a base URL that stands beside it in the environment, and to one that
is no provider's, neither a service's nor the usual address of a local server.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from wcode_magics.errors import SettingError
from wcode_magics.protocol import providers
from wcode_magics.protocol.messages import HOSTED_URL
from wcode_magics.protocol.providers import Provider
from wcode_magics.settings import env_file, keyring_access, notebook_secrets

KEY_VARIABLE = keyring_access.KEY_VARIABLE
KEY_FILE_VARIABLE = "WCODE_API_KEY_FILE"
"""Names a file that holds the key, as mounted by container secrets."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, and where it is from: the variable, or the host it was typed for."""

    value: str = field(repr=False)
    source: Literal[
        "call", "session", "environment", "key_file", "env_file", "keyring", "notebook"
    ]
    name: str = ""


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """An endpoint that needs a key: its host, and the variables that may hold it."""

    host: str
    variables: tuple[str, ...]

    @classmethod
    def of(cls, url: str, provider: Provider | None, *, paired: bool) -> "KeyOwner":
        """Return the owner at a URL; ``provider`` is the one that was named.

        ``paired``: the URL is from the environment, where ``WCODE_API_KEY`` goes
        with it.
        """
        host, here = host_of(url), providers.at(url)
        if here is not None and here.key:
            also = paired and provider is None and here.key != KEY_VARIABLE
            return cls(host, (here.key, KEY_VARIABLE) if also else (here.key,))
        own = provider is None and (here is None or paired)
        return cls(host, (KEY_VARIABLE,) if own else ())


class KeyChain:
    """Keys typed in this session and read from the keyring; in no pickle and no repr.

    ``environ`` replaces the process's environment and everything else that is read.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = environ
        self._typed: dict[str, str] = {}
        self._read: dict[str, FoundKey | None] = {}

    def __reduce__(self) -> tuple[type["KeyChain"], tuple[Mapping[str, str] | None]]:
        return type(self), (self._environ,)

    def hold(self, host: str, key: str) -> None:
        """Keep a typed key for this session."""
        self._typed[host] = key

    def drop(self, host: str) -> bool:
        """Forget the typed key of a host; return False if there was none."""
        return self._typed.pop(host, None) is not None

    def reread(self) -> None:
        """Ask the keyring and the notebook's host again next time."""
        self._read.clear()

    def find(self, owner: KeyOwner) -> FoundKey | None:
        """Return the key of an endpoint, or None.

        From this session, the environment, a key file, a ``.env`` file, the keyring,
        and the notebook's host.

        Raises:
            SettingError: the key file cannot be read.
        """
        typed = self._typed.get(owner.host)
        if typed is not None:
            return FoundKey(typed, "session", owner.host)
        environ = os.environ if self._environ is None else self._environ
        for name in owner.variables:
            if key := environ.get(name, "").strip():
                return FoundKey(key, "environment", name)
        path = environ.get(KEY_FILE_VARIABLE, "")
        if path and KEY_VARIABLE in owner.variables and (key := _key_in(path)):
            return FoundKey(key, "key_file", KEY_FILE_VARIABLE)
        if self._environ is not None:
            return None
        for name in owner.variables:
            if key := env_file.read(name) or "":
                return FoundKey(key, "env_file", name)
        if owner.host not in self._read:
            self._read[owner.host] = _read(owner)
        return self._read[owner.host]


def is_key(text: str) -> bool:
    """Return whether a text can be a key: no space, quotation mark or accent in it."""
    plain = text.isascii() and text.isprintable()
    return plain and not any(mark in text for mark in " \"'")


def host_of(url: str) -> str:
    """Return host and port of a URL, as keys are kept by."""
    return urlsplit(url).netloc.lower()


HOSTED = host_of(HOSTED_URL)


def _read(owner: KeyOwner) -> FoundKey | None:
    if key := read_key(owner.host):
        return FoundKey(key, "keyring", owner.host)
    for name in owner.variables:
        if key := notebook_secrets.read(name):
            return FoundKey(key, "notebook", name)
    return None


def _key_in(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8").strip()
    except (OSError, RuntimeError, UnicodeDecodeError) as wrong:  # ~nobody
        name = KEY_FILE_VARIABLE
        raise SettingError("key_file", name=name, path=path, reason=wrong) from wrong


def read_key(host: str = HOSTED) -> str | None:
    """Return the key of a host in the keyring; None without key or keyring."""
    found = keyring_access.ask("get_password", _account(host))
    return found[0] if found else None


def keep_key(key: str, host: str = HOSTED) -> bool:
    """Store the key of a host in the keyring; False if this machine has no usable one.

    It counts as stored only once it is read back: a keyring may take what it loses.
    """
    kept = keyring_access.ask("set_password", _account(host), key)
    return bool(kept) and read_key(host) == key


def forget_key(host: str = HOSTED) -> bool:
    """Delete the key of a host from the keyring; return False if there was none."""
    return bool(keyring_access.ask("delete_password", _account(host)))


def _account(host: str) -> str:
    return "api-key" if host == HOSTED else f"api-key {host}"
