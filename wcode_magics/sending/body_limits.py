"""The bytes of an answer within their bounds: silence, the whole time, the size."""

import asyncio
import math
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic

from wcode_magics.errors import LimitError, TimedOut

MOST_BYTES = 64 * 2**20
"""Of an answer; the longest that a model writes is some hundred times less."""
PACKINGS = ("gzip", "deflate")
"""How a body may be packed; the first is what is asked for."""
_ANY_HEADER = zlib.MAX_WBITS | 32
_PIECE = 2**18
"""Bytes that are unpacked at once."""


@dataclass(slots=True)
class Watch:
    """How long one attempt may take.

    ``silence`` is the longest time in seconds without anything of the answer: blanks
    and comments that only keep the connection open do not end it. ``most`` is the
    longest time for the whole answer, 0 for any.
    """

    url: str
    silence: float
    most: float = 0.0
    _begun: float = field(default_factory=monotonic, init=False)
    _heard: float = field(default_factory=monotonic, init=False)

    @property
    def end(self) -> float | None:
        """When the answer must be whole, on the clock of the running loop."""
        return asyncio.get_running_loop().time() + self.left if self.most else None

    @property
    def left(self) -> float:
        """Seconds until the answer must be whole."""
        return self._begun + self.most - monotonic() if self.most else math.inf

    def hear(self, *, alive: bool) -> None:
        """Take note that bytes came, ``alive`` with something of the answer.

        Raises:
            TimedOut: too long nothing of the answer came.
        """
        now = monotonic()
        if alive:
            self._heard = now
        elif now - self._heard > self.silence:
            raise TimedOut("timed_out", url=self.url, seconds=f"{self.silence:g}")

    def too_long(self) -> LimitError:
        """The error of an answer that is not whole in time."""
        return LimitError("too_long", url=self.url, seconds=f"{self.most:g}")


class Body(AsyncIterator[bytes]):
    """The chunks of an answer, as long as they are within the bounds.

    ``faults`` turns what the network raises into errors of ours. Iterating raises
    LimitError where the answer takes too long or has more than ``most`` bytes.
    """

    def __init__(
        self,
        chunks: AsyncIterable[bytes],
        watch: Watch,
        faults: Callable[[], AbstractContextManager[None]],
        most: int = MOST_BYTES,
    ) -> None:
        self._source = aiter(chunks)
        self._watch = watch
        self._faults = faults
        self._most = most
        self._size = 0

    async def __anext__(self) -> bytes:
        with self._faults():
            async with asyncio.timeout_at(self._watch.end):
                chunk = await anext(self._source, None)
        if chunk is None:
            raise StopAsyncIteration
        self._size += len(chunk)
        if self._size > self._most:
            size = f"{self._most >> 20} MB"
            raise LimitError("too_big", url=self._watch.url, size=size)
        return chunk


def unpacked(chunks: AsyncIterable[bytes], packing: str) -> AsyncIterable[bytes]:
    """The chunks of a body, unpacked no further than they are read.

    A kilobyte may be packed from gigabytes, and packed twice from more than any
    machine holds. A ``packing`` that is none of :data:`PACKINGS` is no packing: servers
    write a charset there.

    Raises:
        ValueError: it is packed more than once; or, while it is read, broken.
    """
    known = [name for name in packing.lower().split(", ") if name in PACKINGS]
    if len(known) > 1:
        raise ValueError(f"Content-Encoding: {packing}")
    return _unpacked(chunks) if known else chunks


async def _unpacked(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(_ANY_HEADER)
    try:
        async for chunk in chunks:
            left = chunk
            while left:
                yield unpacker.decompress(left, _PIECE)
                left = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as wrong:
        raise ValueError(str(wrong)) from wrong
