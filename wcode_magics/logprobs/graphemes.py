"""Split an answer into the smallest pieces that align with tokens and graphemes.

A piece never splits a character or a grapheme cluster (Unicode annex 29): the tokens
of 👩‍💻 or of é form one piece. The texts of all pieces join to the answer's text.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

from wcode_magics.logprobs.byte_dialects import encode
from wcode_magics.logprobs.token_bytes import Place

FIRST_OF_MANY = 0xC0  # the lowest first byte of a character of several bytes


class Glyph(msgspec.Struct, frozen=True, gc=False):
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


def cut(text: str, places: Sequence[Place]) -> tuple[Glyph, ...]:
    """Return the pieces in order; ``places`` are the offsets from ``place_tokens``."""
    return tuple(_pieces(encode(text), places, _boundaries(text, clusters=True)))


def characters(piece: Glyph, places: Sequence[Place]) -> Sequence[Glyph]:
    """Cut a piece, whose tokens have these places, further: between its characters."""
    data, at = encode(piece.text), piece.start
    if len(places) == 1 and places[0] == (at, at + len(data)):
        return (piece,)
    moved = [place and (place[0] - at, place[1] - at) for place in places]
    return [
        Glyph(
            part.text,
            at + part.start,
            piece.first + part.first,
            piece.first + part.stop,
        )
        for part in _pieces(data, moved, _boundaries(piece.text, clusters=False))
    ]


def spells(letter: str) -> bool:
    """Return whether a letter belongs to a script that separates words by spaces."""
    wide = unicodedata.east_asian_width(letter) in {"W", "F"}
    return letter.isalnum() and not wide


def words(text: str) -> Iterator[str]:
    """Split a text into units of comparison: words, ideographs, other characters."""
    from wcwidth import iter_graphemes

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
    from wcwidth import iter_graphemes

    parts = iter_graphemes(text) if clusters else text
    return frozenset(accumulate((len(encode(part)) for part in parts), initial=0))


def _pieces(
    data: bytes, places: Sequence[Place], boundaries: frozenset[int] | range
) -> Iterator[Glyph]:
    begun = first = at = 0  # byte and token that the open piece begins with; byte

    def piece(until: int, stop: int) -> Glyph:
        text = data[begun:until].decode("utf-8", "surrogatepass")
        return Glyph(text, begun, first, stop)

    for token, place in enumerate([*places, (len(data), len(data))]):
        start, stop = place or (at, at)
        if start >= at and at in boundaries:
            waits = begun == at == start and _begins_longer(data, at, stop)
            if begun < at or (first < token and not waits):
                yield piece(at, token)
                begun, first = at, token
            if start > at and start in boundaries:
                yield piece(start, token)
                begun, first = start, token
        at = max(at, stop)
    if begun < at or first < len(places):
        yield piece(at, len(places))


def _begins_longer(data: bytes, at: int, stop: int) -> bool:
    """Return whether empty tokens before this one may be parts of its character."""
    return stop > at and data[at] >= FIRST_OF_MANY
