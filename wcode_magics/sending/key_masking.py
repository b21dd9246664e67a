"""Mask the API key where a server repeats it, before it is displayed or stored.

The key may be whole or split over any number of deltas, in the text, a tool call, a
token or a name. A delta whose end may begin a key is held back until the next ones
decide; without a key it is passed on unchanged. At most as many deltas are held back
as the key has characters: one channel may have ended while another continues.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import fields, is_dataclass, replace
from typing import Any

from wcode_magics.errors import WcodeError
from wcode_magics.output.secret_forms import MASK
from wcode_magics.protocol.messages import Delta

_STREAMED = ("text", "reasoning", "refusal")
"""Fields of a delta that continue in the next one."""


class Masking:
    """Masks ``secrets``, a sequence of non-empty strings."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(sorted(secrets, key=len, reverse=True))
        self._most = max(map(len, secrets), default=0)

    def text(self, text: str) -> str:
        """Return the text with every secret masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def value(self, value: Any) -> Any:
        """Mask the strings inside JSON data or this package's dataclasses."""
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
        if is_dataclass(value) and not isinstance(value, type):
            held = {one.name: getattr(value, one.name) for one in fields(value)}
            fresh = {name: self.value(one) for name, one in held.items()}
            return value if fresh == held else replace(value, **fresh)
        return value

    def delta(self, delta: Delta) -> Delta:
        """Mask a whole answer."""
        return self._masked([delta])[0] if self._secrets else delta

    async def deltas(
        self, source: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Delta, None]:
        """Mask a stream of deltas; closing it closes the source."""
        held: list[Delta] = []
        async with aclosing(source):
            try:
                async for delta in source:
                    held = self._masked([*held, delta])
                    ready = self._ready(held)
                    for one in held[:ready]:
                        yield one
                    held = held[ready:]
            except WcodeError:
                for one in held:
                    yield one
                raise
            for one in held:
                yield one

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
        return max(
            (
                length
                for secret in self._secrets
                for length in range(1, len(secret))
                if text.endswith(secret[:length])
            ),
            default=0,
        )

    def _masked(self, held: list[Delta]) -> list[Delta]:
        if not self._secrets:
            return held
        channels = _channels(held)
        cut = {name for name, text in channels.items() if self.text(text) != text}
        if "tokens" in cut:
            held = [replace(delta, tokens=()) for delta in held]
        for name in cut - {"tokens"}:
            held = _joined(held, name, self.text(channels[name]))
        return [self.value(one) if self._is_in(one) else one for one in held]

    def _is_in(self, delta: Delta) -> bool:
        found = list(_texts(delta))
        return any(secret in text for text in found for secret in self._secrets)


def _texts(delta: Delta) -> Iterator[str]:
    """Yield every text of a delta; called for thousands of table rows."""
    values = (getattr(delta, one.name) for one in fields(delta))
    yield from (value for value in values if isinstance(value, str))
    for piece in delta.calls:
        yield from (piece.id, piece.name, piece.arguments)
    for token in delta.tokens:
        yield token.token
        yield from (one.token for one in token.top)


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
