"""Token index that tracks all suffix matches while a text grows.

Prediction by partial matching (Cleary and Witten 1984) needs, for each length n,
the tokens that followed the last n tokens. Instead of a table per length, this keeps
the places where the last n tokens occur: after a new token, the places for n + 1 are
those for n that are followed by it. This is exact, needs no training but one pass,
and works for a new prompt as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

GAP = -1


@dataclass(frozen=True, slots=True)
class Memory:
    """Tokens (with a gap of -1 after each text), their weights, and an index.

    ``places`` has the positions after each token, in ascending order.
    """

    tokens: Sequence[int]
    weights: Sequence[float]
    places: Mapping[int, Sequence[int]]

    @classmethod
    def of(cls, texts: Iterable[tuple[Sequence[int], float]]) -> Self:
        """Index (tokens, weight) texts."""
        tokens: list[int] = []
        weights: list[float] = []
        for text, weight in texts:
            tokens += text
            tokens.append(GAP)
            weights += [weight] * (len(text) + 1)
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, token in enumerate(tokens, 1):
            places[token].append(place)
        places.pop(GAP, None)
        return cls([*tokens, GAP], [*weights, 0.0], dict(places))


class Trail:
    """Places where the text so far matches a memory, by length of context."""

    __slots__ = ("_longest", "matches", "memory")

    def __init__(self, memory: Memory, longest: int) -> None:
        """Start without context; match at most ``longest`` tokens of it."""
        self._longest = longest
        self.memory = memory
        self.matches: list[Sequence[int]] = []

    def add(self, token: int) -> None:
        """Extend the text by one token."""
        tokens = self.memory.tokens
        first = self.memory.places.get(token)
        found = [first] if first else []
        for places in self.matches[: self._longest - 1] if found else ():
            longer = [place + 1 for place in places if tokens[place] == token]
            if not longer:
                break
            found.append(longer)
        self.matches = found
