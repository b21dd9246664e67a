"""Tokens of an answer as reported by the server, with their alternatives."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from wcode_magics.runtime.serialization import Value

Bytes = bytes  # a field of that name hides the type inside its class
_NUMBERS = frozenset({float, int})


class Alternative(msgspec.Struct, Value, frozen=True, gc=False):
    """Candidate token at a position.

    ``logprob`` is a natural logarithm as the server sent it (it may be -inf or a
    sentinel such as -9999); ``bytes`` the token's UTF-8 bytes, None if not sent.
    """

    token: str
    logprob: float
    bytes: Bytes | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create an alternative from the output of :meth:`to_dict`."""
        token, logprob, raw = data["token"], data["logprob"], data.get("bytes")
        _check(token, logprob, raw)
        return cls(token, logprob, None if raw is None else bytes(raw))


class TokenLogprob(msgspec.Struct, Value, frozen=True, gc=False):
    """One token of the answer as reported by the server, with its alternatives."""

    token: str
    logprob: float
    bytes: Bytes | None = None
    top: tuple[Alternative, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create a token from the output of :meth:`to_dict`."""
        token, logprob, raw = data["token"], data["logprob"], data.get("bytes")
        _check(token, logprob, raw)
        top = tuple(map(Alternative.from_dict, data.get("top", ())))
        return cls(token, logprob, None if raw is None else bytes(raw), top)


def _check(token: Any, logprob: Any, raw: Any) -> None:
    """Raise TypeError if a part is of another type: ``bytes(n)`` has n bytes."""
    if type(token) is not str or type(logprob) not in _NUMBERS:
        raise TypeError(str(token))
    if raw is not None and type(raw) is not list:
        raise TypeError(str(token))
