r"""Masking of secrets in text that leaves the machine.

A secret is recognized by its name (``db_password``, ``{"X-API-Key": …}``,
``token=…``), by its form (:data:`FORMS`), or because it looks random. The first two
are reliable enough to mask the same text everywhere else.

The package detect-secrets was evaluated for this: it asks the issuers over the network
whether a key works, needs requests and PyYAML, reads files line by line, and does not
know ``hf_``, ``AIza`` or the names inside a value.
"""

import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, pairwise
from typing import Any

from wcode_magics.output.secret_forms import MASK, without_forms, without_random

SHORTEST = 6
"""Minimum length in characters of a text masked everywhere; shorter ones are words."""
DEPTH, ITEMS = 5, 5_000
"""Maximum depth and number of values searched for secrets."""
ENDS = 10_000
"""Characters examined at each end of a text that is shown shortened."""

_WORDS = frozenset(
    {
        *("apikey", "auth", "authorization", "bearer", "cookie", "credential"),
        *("credentials", "dsn", "jwt", "key", "otp", "pass", "passcode", "passwd"),
        *("pin", "privatekey", "pwd", "secret", "secrets", "sig", "signature", "token"),
        *("accesskey", "authkey", "authtoken", "passwords", "cookies", "keyring"),
        *("pw", "psw", "pswd", "passw", "mima", "ak", "sk"),
    }
)
_PARTS = ("password", "passphrase", "passwd", "secret", "apikey", "credential")
_CHINESE = ("密码", "口令", "密钥", "令牌", "凭证", "凭据")
_PLAIN = frozenset(
    {
        *("column", "count", "error", "exception", "file", "foreign", "func"),
        *("function", "index", "length", "limit", "max", "min", "name", "num"),
        *("path", "price", "primary", "public", "size", "sort", "type", "warning"),
    }
)
"""Words that mark a name as not secret, such as ``KeyError``."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[\u3400-\u9fff]+")

_NAMED = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]++)"""
    r"""(?P<head>["']?\]?(?:\s*:\s*[\w.\[\]|, ]{1,60}?(?=\s*=[^=]))?"""
    r"""\s*(?:=>|:=|[=:：>]|(?<=["'])\s*,)\s*[rbufRBUF]{0,2}|[ \t]+(?=[^\s'"]*\d))"""
    r"""(?:(?P<quote>\"{3}|'{3}|"|')(?P<quoted>(?>(?:\\.|(?!(?P=quote)).)+))(?P=quote)"""
    r"""|(?P<bare>[^\s'"(){}\[\],;=&<>?]{4,})(?P<call>[(\[.]?))""",
    re.DOTALL,
)
"""Atomic, not possessive: Python 3.11.2 repeats no lookahead possessively."""
_SAID = re.compile(rf"((?:{'|'.join(_CHINESE)})[是为])[!-~]{{4,}}")
"""What is said of a secret in Chinese, where no space ends a name."""


def is_secret(name: str) -> bool:
    """Return whether a name denotes a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if _PLAIN & {*words}:
        return False
    pairs = {f"{one}{other}" for one, other in pairwise(words)}
    known = bool(_WORDS & ({*words} | pairs)) or any(part in joined for part in _PARTS)
    return known or any(word in name for word in _CHINESE)


def secrets_in(names: Mapping[str, Any]) -> list[str]:
    """Return the texts under secret names, at any depth; the longest first."""
    found: set[str] = set()
    for name, value in names.items():
        found.update(_SecretSearch().texts(value, secret=is_secret(name)))
    long = {text.strip() for text in found if len(text.strip()) >= SHORTEST}
    return sorted(long, key=len, reverse=True)


class _SecretSearch:
    """Searches one value, up to :data:`ITEMS` items."""

    def __init__(self) -> None:
        self._left = ITEMS

    def texts(self, value: Any, *, secret: bool, depth: int = DEPTH) -> Iterator[str]:
        """Yield the texts inside that are under a secret name."""
        self._left -= 1
        if depth < 0 or self._left < 0 or isinstance(value, type):
            return
        if isinstance(value, bytes | bytearray):
            value = bytes(value).decode("utf-8", "replace")
        if hasattr(value, "get_secret_value"):
            value, secret = value.get_secret_value(), True
        if isinstance(value, str | int):
            yield from [str(value)] if secret else []
            return
        for name, inner in _inside(value):
            known = secret or is_secret(name)
            yield from self.texts(inner, secret=known, depth=depth - 1)


def _inside(value: Any) -> Iterable[tuple[str, Any]]:
    """Return the items of a container or plain object, by name."""
    if isinstance(value, Mapping):
        return [(str(name), inner) for name, inner in _first(value.items())]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [*zip(value._fields, value, strict=False)]
    if isinstance(value, list | tuple | set | frozenset):
        return [("", inner) for inner in _first(value)]
    attributes = getattr(value, "__dict__", None)
    return (
        [*_first(attributes.items())]
        if type(attributes) is dict and not callable(value)
        else []
    )


def _first(items: Iterable[Any]) -> list[Any]:
    return list(islice(items, ITEMS))


class Masker:
    """Masks texts and values; ``secrets`` are masked wherever they occur."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._short = _Short(self)

    def text(self, text: str, *, code: bool = True) -> str:
        """Mask secrets in a text; unless ``code``, also unquoted values."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        named = "".join(_by_name(without_forms(text), code=code))
        return without_random(_SAID.sub(rf"\1{MASK}", named))

    def value(self, name: str, value: Any, limit: int) -> str:
        """Format a value in at most ``limit`` characters, masked before shortening."""
        if is_secret(name) and not isinstance(value, bool | None) and _holds(value):
            return MASK
        self._short.maxstring = self._short.maxother = limit
        return self.text(self._short.repr(value), code=False)[:limit]


class _Short(reprlib.Repr):
    def __init__(self, masker: Masker) -> None:
        super().__init__()
        self._masker = masker
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 10

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(self._masker.text(_ends(x), code=False), level)

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        shown = {
            key: MASK if isinstance(key, str) and is_secret(key) else value
            for key, value in x.items()
        }
        return super().repr_dict(shown, level)

    def repr_instance(self, x: Any, level: int) -> str:
        whole = self._masker.text(_ends(repr(x)), code=False)
        if len(whole) <= self.maxother:
            return whole
        half = (self.maxother - 3) // 2
        return f"{whole[:half]}...{whole[-half:]}"


def _ends(text: str) -> str:
    """Return a text without its middle if only its ends will be shown."""
    return text if len(text) <= 2 * ENDS else text[:ENDS] + text[-ENDS:]


def _holds(value: Any) -> bool:
    """Return whether a value can be a secret; functions and classes cannot."""
    return not (callable(value) and hasattr(value, "__qualname__"))


def _by_name(text: str, *, code: bool) -> Iterator[str]:
    """Yield the parts of a text, masking values that follow a secret's name."""
    at = 0
    while match := _NAMED.search(text, at):
        yield text[at : match.end("name")]
        at = match.end("name")
        shown = _masked(match, code=code) if is_secret(match["name"]) else None
        if shown is not None:
            yield shown
            at = match.end()
    yield text[at:]


def _masked(match: re.Match[str], *, code: bool) -> str | None:
    """Return the masked value after a secret's name; None if it is code."""
    if match["quoted"] is not None:
        return f"{match['head']}{match['quote']}{MASK}{match['quote']}"
    called = match["call"] or not any(c.isdigit() for c in match["bare"])
    return None if code and called else f"{match['head']}{MASK}{match['call']}"
