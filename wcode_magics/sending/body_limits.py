"""Limits on a response body: silence, total time and size."""

import codecs
import math
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from wcode_magics.errors import LimitError, TimedOut, WcodeError
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.output.escaping import inert
from wcode_magics.runtime.deadline import Deadline

MOST_BYTES = 64 * 2**20
"""Maximum response size in bytes; the longest answers are some hundred times less."""
ENDING_S = 5.0
"""Longest wait after the finish reason for what follows it, such as the usage."""
PACKINGS = ("gzip", "deflate")
"""Supported content encodings; the first is the one requested."""
_KNOWN = frozenset({*PACKINGS, "br", "zstd", "compress"})
_ANY_HEADER = zlib.MAX_WBITS | 32
_NO_HEADER = -zlib.MAX_WBITS
"""Window of deflate without zlib's header, as some servers send it (RFC 9110, 8.4)."""
_GZIP, _ZLIB = b"\x1f", b"x"
"""First byte of each member of a gzip body, of which there may be several; of zlib's.

No text of an API begins with either.
"""
_PIECE = 2**18
"""Maximum number of bytes decompressed per step."""


@dataclass(slots=True)
class Watch:
    """Time limits of one attempt.

    ``silence`` is the maximum time in seconds without content: blanks and keep-alive
    comments do not reset it. ``most`` is the maximum time for the whole answer, 0 for
    no limit.
    """

    url: str
    silence: float
    most: float = 0.0
    _begun: float = field(default_factory=monotonic, init=False)
    _heard: float = field(init=False)
    _ending: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        self._heard = self._begun + self.silence

    @property
    def left(self) -> float:
        """Seconds until the deadline for the whole answer; infinite without one."""
        due = self._begun + self.most if self.most else math.inf
        return min(due, self._ending) - monotonic()

    def due(self) -> float:
        """Return the seconds until the next part of the answer must be here.

        The head may take as long a silence as the connection before it.
        """
        return min(self.left, self._heard + self.silence - monotonic())

    def finish(self) -> None:
        """Record that the answer is finished: what follows it is soon due."""
        self._ending = monotonic() + ENDING_S

    def hear(self, *, alive: bool) -> None:
        """Record that bytes arrived; ``alive`` if they include content.

        Raises:
            TimedOut: no content arrived for longer than ``silence``.
        """
        now = monotonic()
        if alive:
            self._heard = now
        elif now - self._heard > self.silence:
            raise self.late()

    def late(self) -> WcodeError:
        """Return the error for a deadline that has passed: of the whole, or silence."""
        if self.left <= 0:
            return LimitError("too_long", url=self.url, seconds=decimal(self.most))
        return TimedOut("timed_out", url=self.url, seconds=decimal(self.silence))

    def too_big(self, most: int) -> LimitError:
        """Return the error for a body of more than ``most`` bytes."""
        return LimitError("too_big", url=self.url, size=f"{most >> 20} MB")


class Body(AsyncIterator[bytes]):
    """Chunks of a response body, checked against the limits.

    ``faults`` is a context manager that translates network exceptions. Iterating raises
    LimitError if the answer takes too long or exceeds :data:`MOST_BYTES`.
    """

    def __init__(
        self,
        chunks: AsyncIterable[bytes],
        watch: Watch,
        faults: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._source = aiter(chunks)
        self._watch = watch
        self._faults = faults
        self._size = 0

    async def __anext__(self) -> bytes:
        with self._faults(), Deadline(self._watch.due()):
            chunk = await anext(self._source, None)
        if chunk is None:
            raise StopAsyncIteration
        self._size += len(chunk)
        if self._size > MOST_BYTES:
            raise self._watch.too_big(MOST_BYTES)
        return chunk


class Unpacked(AsyncIterator[bytes]):
    """Chunks of a body, decompressed only as far as they are read.

    A kilobyte may expand to gigabytes, and doubly compressed data to more than any
    machine holds. ``packing`` is the Content-Encoding, but the bytes decide: gateways
    keep it for what they have unpacked, leave it out, or write a charset there.

    Raises:
        ValueError: the body is compressed more than once; or, while reading, corrupt,
            or compressed otherwise than requested.
    """

    def __init__(self, chunks: AsyncIterable[bytes], packing: str) -> None:
        self._chunks = aiter(chunks)
        self._packing = _requested(packing) if packing else ""
        self._begun = False

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        if self._begun or not chunk:
            return chunk
        self._begun = True
        unpacker = _unpacker(chunk, self._packing)
        if unpacker is None:
            return chunk
        self._chunks = _inflated(unpacker, chunk, self._chunks)
        return await anext(self._chunks)


def _requested(packing: str) -> str:
    """Return the one packing that a Content-Encoding names, or an empty text."""
    named = [name.strip().removeprefix("x-") for name in packing.lower().split(",")]
    known = [name for name in named if name in _KNOWN]
    if len(known) > 1:
        raise ValueError(inert(f"Content-Encoding: {packing}"))
    return "".join(known)


async def _inflated(
    unpacker: Any, first: bytes, rest: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    left: bytes | None = first
    try:
        while left is not None:
            while left:
                if unpacker.eof:
                    if not left.startswith(_GZIP):
                        break  # padding
                    unpacker = zlib.decompressobj(_ANY_HEADER)
                yield unpacker.decompress(left, _PIECE)
                left = unpacker.unconsumed_tail or unpacker.unused_data
            left = await anext(rest, None)
        yield unpacker.flush()
    except zlib.error as wrong:
        raise ValueError(str(wrong)) from wrong


def _unpacker(start: bytes, packing: str) -> Any:
    """Return what unpacks a body with this first chunk; None for a plain one."""
    if start.startswith(_GZIP) or (packing == "deflate" and start.startswith(_ZLIB)):
        return zlib.decompressobj(_ANY_HEADER)
    if packing == "deflate" and not _is_text(start):
        return zlib.decompressobj(_NO_HEADER)
    if packing and not _is_text(start):
        raise ValueError(inert(f"Content-Encoding: {packing}"))
    return None


def _is_text(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True
