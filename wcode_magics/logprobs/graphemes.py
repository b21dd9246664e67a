"""Split an answer into the smallest pieces that align with tokens and graphemes.

A piece never splits a character or a grapheme cluster (Unicode annex 29): the tokens
of 👩‍💻 or of é form one piece. The texts of all pieces join to the answer's text.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from wcwidth import iter_graphemes

from wcode_magics.logprobs.byte_dialects import encode
from wcode_magics.logprobs.token_bytes import Place

FIRST_OF_MANY = 0xC0  # the lowest first byte of a character of several bytes


@dataclass(frozen=True, slots=True)
class Glyph:
    """Piece of the text and its tokens ``first`` to ``stop`` (exclusive).

    ``start`` is its byte offset in the text. Without tokens, it is text for which the
    server reported no token; without text, its tokens are not in the text, such as a
    stop token.
    """

    text: str
    start: int
    first: int
    stop: int

    @property
    def unreported(self) -> bool:
        """Whether the server reported no token for this text."""
        return self.first == self.stop

    @property
    def outside(self) -> bool:
        """Whether these tokens are not in the text."""
        return not self.text


def cut(
    text: str, places: Sequence[Place], *, clusters: bool = True
) -> tuple[Glyph, ...]:
    """Return the pieces in order; ``places`` are the offsets from ``place_tokens``.

    Without ``clusters`` a piece may split a grapheme cluster, never a character.
    """
    return tuple(_pieces(encode(text), places, _boundaries(text, clusters=clusters)))


def spells(letter: str) -> bool:
    """Return whether a letter belongs to a script that separates words by spaces."""
    wide = unicodedata.east_asian_width(letter) in {"W", "F"}
    return letter.isalnum() and not wide


def words(text: str) -> Iterator[str]:
    """Split a text into units of comparison: words, ideographs, other characters."""
    word = ""
    for cluster in iter_graphemes(text):
        if spells(cluster[0]):
            word += cluster
            continue
        if word:
            yield word
            word = ""
        yield cluster
    if word:
        yield word


def _boundaries(text: str, *, clusters: bool) -> frozenset[int] | range:
    """Return the byte offsets between characters or grapheme clusters."""
    if text.isascii() and "\r" not in text:
        return range(len(text) + 1)
    parts = iter_graphemes(text) if clusters else text
    return frozenset(accumulate((len(encode(part)) for part in parts), initial=0))


def _pieces(
    data: bytes, places: Sequence[Place], boundaries: frozenset[int] | range
) -> Iterator[Glyph]:
    begun = (0, 0)  # first byte and token of the open piece
    at = 0

    def piece(until: int, stop: int) -> Glyph:
        text = data[begun[0] : until].decode("utf-8", "surrogatepass")
        return Glyph(text, begun[0], begun[1], stop)

    for token, place in enumerate([*places, (len(data), len(data))]):
        start, stop = place or (at, at)
        free = start >= at and at in boundaries
        if free and begun < (at, token) and not _waits(data, begun, at, start, stop):
            yield piece(at, token)
            begun = (at, token)
        if free and start > at and start in boundaries:
            yield piece(start, token)
            begun = (start, token)
        at = max(at, stop)
    if begun < (at, len(places)):
        yield piece(at, len(places))


def _waits(data: bytes, begun: tuple[int, int], at: int, start: int, stop: int) -> bool:
    """Return whether the empty tokens are the first parts of the next character."""
    empty = begun[0] == at == start
    return empty and stop > at and data[at] >= FIRST_OF_MANY
