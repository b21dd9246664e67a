"""Mask the API key where a server repeats it, before it is displayed or stored.

The key may be whole or split over any number of deltas, in the text, a tool call, a
token or a name; percent-encoded or in Base64, as in a dump of headers; or cut off by
the end of the answer or by a limit of its length, which leaves its first half at least.
A delta whose end may begin a key is held back until the next ones decide; without a key
it is passed on unchanged. At most as many deltas are held back as the key has
characters: one channel may have ended while another continues.
"""

import base64
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any
from urllib.parse import quote

from wcode_magics.errors import WcodeError
from wcode_magics.output.secret_forms import MASK
from wcode_magics.protocol.messages import SECRET, Delta
from wcode_magics.runtime.serialization import Value

_STREAMED = ("text", "reasoning", "refusal")
"""Fields of a delta that continue in the next one."""
_fields_of = attrgetter(*(one.name for one in fields(Delta)))
_CUT = ("", "…")
"""What follows a text that is cut off."""


class Masking:
    """Masks ``secrets``, a sequence of non-empty strings."""

    def __init__(self, secrets: Sequence[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._secrets = tuple(sorted(forms, key=len, reverse=True))
        self._starts = tuple(one[: _least(one)] for one in self._secrets)
        self._bytes = tuple(one.encode() for one in self._starts)
        self._most = max(map(len, secrets), default=0)

    def text(self, text: str, *, ended: bool = True) -> str:
        """Return the text with every secret masked.

        ``ended``: no more follows, so that a secret may be cut off.
        """
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return self._without_cut(text) if ended else text

    def _without_cut(self, text: str) -> str:
        for secret, start in zip(self._secrets, self._starts, strict=True):
            at = text.find(start)
            while at >= 0:
                end = at + _common(secret, text[at : at + len(secret)])
                if text[end : end + 1] in _CUT:
                    text = f"{text[:at]}{MASK}{text[end:]}"
                at = text.find(start, at + 1)
        return text

    def value(self, value: Any) -> Any:
        """Mask the strings inside JSON data or this package's values."""
        if isinstance(value, str):
            return self.text(value)
        if not self._secrets:
            return value
        if isinstance(value, bytes):
            return self.text(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, Mapping):
            return {self.value(name): self.value(held) for name, held in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.value, value))
        if isinstance(value, Value):
            kind: Any = type(value)
            held = [getattr(value, name) for name in kind.__match_args__]
            fresh = self.value(held)
            return value if fresh == held else kind(*fresh)
        return value

    def delta(self, delta: Delta) -> Delta:
        """Mask a whole answer."""
        if not (self._secrets and self._is_in(delta)):
            return delta
        return self._by_field(self._across([delta], ended=True)[0])

    def deltas(
        self, source: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Delta, None]:
        """Mask a stream of deltas; closing it closes the source."""
        return self._masked(source) if self._secrets else source

    async def _masked(
        self, source: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Delta, None]:
        held: list[Delta] = []
        async with aclosing(source):
            try:
                async for delta in source:
                    held = self._across([*held, delta], ended=False)
                    ready = self._ready(held)
                    for one in held[:ready]:
                        yield self._by_field(one)
                    held = held[ready:]
            except WcodeError:
                for one in self._across(held, ended=True):
                    yield self._by_field(one)
                raise
            for one in self._across(held, ended=True):
                yield self._by_field(one)

    def _ready(self, held: Sequence[Delta]) -> int:
        """Return the number of leading deltas that no later one can change."""
        if len(held) > self._most:
            return len(held)
        lengths = [
            {name: len(text) for name, text in _channels([one]).items()} for one in held
        ]
        ready = len(held)
        for name, text in _channels(held).items():
            begun, at = self._begun(text), len(held)
            while begun > 0:
                at -= 1
                begun -= lengths[at].get(name, 0)
            ready = min(ready, at)
        return ready

    def _begun(self, text: str) -> int:
        """Return the number of trailing characters that may begin a secret."""
        longest = 0
        for secret in self._secrets:
            end = text[-(len(secret) - 1) :]
            at = end.find(secret[0])
            while at >= 0 and not secret.startswith(end[at:]):
                at = end.find(secret[0], at + 1)
            longest = max(longest, len(end) - at if at >= 0 else 0)
        return longest

    def _across(self, held: list[Delta], *, ended: bool) -> list[Delta]:
        """Mask what continues across deltas."""
        masked = {
            name: fresh
            for name, text in _channels(held).items()
            if self.has(text) and (fresh := self.text(text, ended=ended)) != text
        }
        if masked.pop("tokens", None) is not None:
            held = [replace(delta, tokens=()) for delta in held]
        for name, text in masked.items():
            held = _joined(held, name, text)
        return held

    def _by_field(self, delta: Delta) -> Delta:
        """Mask each field of a delta on its own."""
        return self.value(delta) if self._is_in(delta) else delta

    def _is_in(self, delta: Delta) -> bool:
        """Return whether a secret, or its start, is in a delta."""
        return self.has("\n".join(_texts(delta))) or any(
            start in data for data in _bytes(delta) for start in self._bytes
        )

    def has(self, text: str) -> bool:
        """Return whether a secret, or its start, is in a text."""
        for start in self._starts:  # noqa: SIM110 - half as fast by any()
            if start in text:
                return True
        return False


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, percent-encoded, and in Base64 from any byte on."""
    yield secret
    yield quote(secret, safe="")
    for before in range(3):
        packed = base64.b64encode(bytes(before) + secret.encode()).decode()
        own = packed.rstrip("=")[(0, 2, 3)[before] :]
        yield own[: -1 if packed.endswith("=") else None]


def _least(secret: str) -> int:
    """Return the characters of a cut secret that are masked, its first half."""
    return max(min(SECRET, len(secret)), len(secret) // 2)


def _common(one: str, other: str) -> int:
    """Return the length of the common start."""
    pairs = zip(one, other, strict=False)
    unlike = (at for at, (a, b) in enumerate(pairs) if a != b)
    return next(unlike, min(len(one), len(other)))


def _texts(delta: Delta) -> Iterator[str]:
    """Yield every text of a delta, and that of its tokens together."""
    yield from (value for value in _fields_of(delta) if isinstance(value, str))
    for piece in delta.calls:
        yield from (piece.id, piece.name, piece.arguments)
    yield "".join(token.token for token in delta.tokens)
    for token in delta.tokens:
        yield token.token
        yield from (one.token for one in token.top)


def _bytes(delta: Delta) -> Iterator[bytes]:
    """Yield the bytes of all tokens that may hold a secret."""
    for token in delta.tokens:
        for data in (token.bytes, *(one.bytes for one in token.top)):
            if data and len(data) >= SECRET:
                yield data


def _channels(held: Sequence[Delta]) -> dict[str | int, str]:
    """Join what continues across deltas: fields, tokens, tool calls by index."""
    parts: dict[str | int, list[str]] = {}
    for delta in held:
        for name in _STREAMED:
            parts.setdefault(name, []).append(getattr(delta, name, None) or "")
        parts.setdefault("tokens", []).extend(one.token for one in delta.tokens)
        for piece in delta.calls:
            parts.setdefault(piece.index, []).append(piece.arguments)
    return {name: "".join(texts) for name, texts in parts.items()}


def _joined(held: list[Delta], name: str | int, text: str) -> list[Delta]:
    """Move all text of one channel into the first delta that has it."""
    result = []
    for delta in held:
        changes: dict[str, Any] = {}
        if isinstance(name, str) and getattr(delta, name, None):
            changes[name], text = text, ""
        elif not isinstance(name, str):
            calls = []
            for piece in delta.calls:
                own = piece.index == name
                calls.append(replace(piece, arguments=text) if own else piece)
                text = "" if own else text
            changes["calls"] = tuple(calls)
        result.append(replace(delta, **changes))
    return result
