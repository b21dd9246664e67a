"""Tokenizer: words and characters of the corpus, and bytes for everything else.

Ids 0-255 are the bytes, then the special tokens, then the lines of
``corpus/vocabulary.txt`` (one JSON string each, in the order of their ids; new
ones are only appended, so ids are stable). Any text round-trips.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from . import library

END, USER, ASSISTANT, SYSTEM, TOOL = range(256, 261)
SPECIALS = ("<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|tool|>")
MARKS = (USER, ASSISTANT, SYSTEM, TOOL)
"""Special tokens that never occur in an answer."""

FIRST_PIECE = 256 + len(SPECIALS)

_WIDE = "\u3040-\u30ff\u3400-\u9fff"
PIECE = re.compile(
    rf' ?[A-Za-z]+|[0-9]|[{_WIDE}]+|"|\n+| +(?= [A-Za-z])| +'
    rf'| ?[^\sA-Za-z0-9{_WIDE}"]|.',
    re.DOTALL,
)
"""Piece of a text, which no token crosses."""


class Tokenizer:
    """Tokenizer that splits by a fixed pattern, then by longest known piece."""

    __slots__ = ("_cache", "_ids", "_longest", "bytes_of", "size")

    def __init__(self, pieces: Iterable[str]) -> None:
        """Assign ids to the pieces after the bytes and the special tokens."""
        known = list(pieces)
        self._ids = {piece: FIRST_PIECE + i for i, piece in enumerate(known)}
        self._longest = max(map(len, known), default=1)
        self._cache: dict[str, tuple[int, ...]] = {}
        singles = [bytes([value]) for value in range(256)]
        marks = [mark.encode() for mark in SPECIALS]
        self.bytes_of = (*singles, *marks, *(piece.encode() for piece in known))
        self.size = len(self.bytes_of)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text; lone surrogates become "?"."""
        ids: list[int] = []
        for match in PIECE.finditer(text):
            piece = match.group()
            found = self._cache.get(piece)
            if found is None:
                found = tuple(self._split(piece))
                if len(self._cache) < _CACHED_PIECES:
                    self._cache[piece] = found
            ids.extend(found)
        return ids

    def _split(self, piece: str) -> Iterator[int]:
        start = 0
        while start < len(piece):
            stop = min(len(piece), start + self._longest)
            while stop > start and piece[start:stop] not in self._ids:
                stop -= 1
            if stop > start:
                yield self._ids[piece[start:stop]]
                start = stop
            else:
                yield from piece[start].encode("utf-8", "replace")
                start += 1


_CACHED_PIECES = 50_000


def spell(raw: bytes) -> str:
    r"""Return the bytes of a token as text, or as ``\xe9`` escapes if they are none."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{value:02x}" for value in raw)


@cache
def load() -> Tokenizer:
    """Return the tokenizer of the bundled vocabulary."""
    lines = (files(__package__) / "corpus" / "vocabulary.txt").read_text("utf-8")
    pieces = ",".join(lines.splitlines())
    return Tokenizer(json.loads(f"[{pieces}]"))


def texts() -> Iterator[str]:
    """Yield all texts of the corpus, for the model and its vocabulary."""
    for pair in library.written_pairs():
        yield from (answer.at("high") for answer in pair.answers)
        yield from pair.questions
    yield from library.prose()
    for stories in library.stories().values():
        yield from ("\n\n".join(story) for story in stories)
    for phrase in library.phrases():
        yield from phrase
    for label in library.labels():
        yield f" {' '.join(label.names + label.words)}"
    for persona in library.personas():
        yield f"{persona.opening} {persona.closing}"
    for name in sorted(library.names()):
        yield f"{name}\n{name.capitalize()}\n {name}"
