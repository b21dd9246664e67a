"""Token index that tracks all suffix matches while a text grows.

Prediction by partial matching (Cleary and Witten 1984) needs, for each length n,
the tokens that followed the last n tokens. Instead of a table per length, this keeps
the places where the last n tokens occur: after a new token, the places for n + 1 are
those for n that are followed by it. This is exact, needs no training but one sort,
and works for a new prompt as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

_GAP = -1


@dataclass(frozen=True, slots=True)
class Memory:
    """Tokens (with a gap of -1 after each text), their weights, and an index.

    ``places[starts[t]:starts[t + 1]]`` are the positions after each token t.
    """

    tokens: Ids
    weights: Floats
    places: Ids
    starts: Ids

    @classmethod
    def of(cls, texts: Iterable[tuple[Sequence[int], float]], size: int) -> Self:
        """Index (tokens, weight) texts over a vocabulary of ``size`` tokens."""
        ids: list[int] = []
        spans: list[int] = []
        weights: list[float] = []
        for text, weight in texts:
            ids.extend(text)
            ids.append(_GAP)
            spans.append(len(text) + 1)
            weights.append(weight)
        tokens = np.array([*ids, _GAP], dtype=np.int64)
        scale = np.append(np.repeat(weights, spans), 0.0)
        order = np.argsort(tokens[:-1], kind="stable")
        starts = np.searchsorted(tokens[order], np.arange(size + 1))
        return cls(tokens, scale, order + 1, starts)

    def after(self, token: int) -> Ids:
        """Return the positions that follow a token."""
        return self.places[self.starts[token] : self.starts[token + 1]]


class Trail:
    """Places where the text so far matches a memory, by length of context."""

    __slots__ = ("_longest", "matches", "memory")

    def __init__(self, memory: Memory, longest: int) -> None:
        """Start without context; match at most ``longest`` tokens of it."""
        self._longest = longest
        self.memory = memory
        self.matches: list[Ids] = []

    def add(self, token: int) -> None:
        """Extend the text by one token."""
        tokens = self.memory.tokens
        first = self.memory.after(token)
        found = [first] if first.size else []
        for places in self.matches[: self._longest - 1] if found else ():
            longer = places[tokens[places] == token]
            if not longer.size:
                break
            found.append(longer + 1)
        self.matches = found
