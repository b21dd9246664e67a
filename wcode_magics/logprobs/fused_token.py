"""Separate a value from what stands before it in its first token, such as ``":"``."""

from collections.abc import Iterator

from wcode_magics.logprobs.byte_dialects import spelt
from wcode_magics.logprobs.position import Position

SPACE = b" \t\r\n"


def remainder(raw: bytes, head: bytes) -> bytes | None:
    """Return what follows ``head`` in ``raw``; None if ``raw`` starts differently.

    White space before, in and after ``head`` is ignored. The result is empty if
    ``raw`` ends within ``head`` or the white space after it.
    """
    at = 0
    for byte in head.translate(None, SPACE):
        while at < len(raw) and raw[at] in SPACE:
            at += 1
        if at == len(raw):
            return b""
        if raw[at] != byte:
            return None
        at += 1
    return raw[at:].lstrip(SPACE)


def opening(position: Position, head: bytes, *, alphabet: bool) -> float | None:
    """Return the probability that the token at ``position`` begins any value.

    The alternatives that begin one are those with text after ``head``. None if fewer
    than two alternatives are listed: a single one is no evidence for the others.
    """
    if len(position.alternatives) < 2:
        return None
    rests = list(_rests(position, head, alphabet=alphabet))
    if head.translate(None, SPACE):
        return sum(share for rest, share in rests if rest)
    return 1.0 - sum(share for rest, share in rests if rest == b"")


def beginning(
    position: Position, head: bytes, start: bytes, *, alphabet: bool
) -> float | None:
    """Return how likely a value begins with ``start``, if one begins; None: unknown."""
    whole = opening(position, head, alphabet=alphabet)
    if not whole:
        return None
    rests = _rests(position, head, alphabet=alphabet)
    alike = sum(p for rest, p in rests if rest and rest.startswith(start))
    return min(1.0, alike / whole)


def _rests(
    position: Position, head: bytes, *, alphabet: bool
) -> Iterator[tuple[bytes | None, float]]:
    for other, share in zip(position.alternatives, position.shares, strict=True):
        raw = spelt(other, alphabet=alphabet)
        yield (None if raw is None else remainder(raw, head)), share
