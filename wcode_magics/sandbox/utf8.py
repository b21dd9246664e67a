"""Mask of the tokens that keep the output valid UTF-8 (RFC 3629, section 4)."""

from functools import cache

from .distribution import EVERY

FREE = (0, 0x80, 0xBF)
"""State between characters: no byte is expected."""

_NARROW = {
    0xE0: (0xA0, 0xBF),
    0xED: (0x80, 0x9F),
    0xF0: (0x90, 0xBF),
    0xF4: (0x80, 0x8F),
}


class Utf8:
    """UTF-8 decoder state: number of bytes still expected, and range of the next."""

    __slots__ = ("_size", "state")

    def __init__(self, size: int) -> None:
        """Start between characters; the first 256 token ids are the bytes."""
        self._size = size
        self.state = FREE

    def step(self, token: int) -> None:
        """Advance by a token; ids above 255 are whole characters."""
        awaited, _, _ = self.state
        if awaited:
            self.state = (awaited - 1, 0x80, 0xBF)
        elif 0xC2 <= token <= 0xF4:
            low, high = _NARROW.get(token, (0x80, 0xBF))
            self.state = (1 + (token >= 0xE0) + (token >= 0xF0), low, high)

    def mask(self) -> bytes:
        """Return 255 for every token allowed next and 0 for others, shape (size,)."""
        awaited, low, high = self.state
        return _mask(self._size, bool(awaited), low, high)


@cache
def _mask(size: int, awaited: bool, low: int, high: int) -> bytes:
    if awaited:
        allowed = range(low, high + 1)
        return bytes(EVERY * (token in allowed) for token in range(size))
    stray = {*range(0x80, 0xC2), *range(0xF5, 0x100)}
    return bytes(EVERY * (token not in stray) for token in range(size))
