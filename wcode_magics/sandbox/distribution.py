"""Sparse numbers over the vocabulary: groups of equal tokens, and exceptions.

Most tokens of a distribution are equally likely as many others: those that the corpus
has once after a Latin word, say. A function of all numbers is therefore computed once
for each group and each exception, a few hundred times instead of thousands.
"""

import heapq
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import Self

from .arithmetic import rounded

EVERY = 0xFF
"""Byte of an allowed token in a mask; that of a forbidden one is 0."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Number of each token: its own, or else that of its group.

    ``groups`` is the group of each token, as bytes; ``common`` the number of each
    group. Tokens of group 0 are impossible.
    """

    groups: bytes
    common: Sequence[float]
    own: dict[int, float]

    def __getitem__(self, token: int) -> float:
        """Return the number of a token."""
        found = self.own.get(token)
        return self.common[self.groups[token]] if found is None else found

    def mapped(self, function: Callable[[float], float]) -> Self:
        """Apply a function to all numbers."""
        table = {value: function(value) for value in {*self.common, *self.own.values()}}
        common = [table[value] for value in self.common]
        own = {token: table[value] for token, value in self.own.items()}
        return replace(self, common=common, own=own)

    def within(self, allowed: bytes) -> Self:
        """Make the tokens that a mask forbids impossible."""
        groups = masked(self.groups, allowed)
        own = {token: value for token, value in self.own.items() if groups[token]}
        return replace(self, groups=groups, own=own)

    def only(self, own: dict[int, float]) -> Self:
        """Keep some tokens with these numbers; the number of all others is 0."""
        return replace(self, common=[0.0] * len(self.common), own=own)

    def total(self) -> float:
        """Return the sum of all numbers."""
        return math.fsum((*map(mul, self.common, self._spare()), *self.own.values()))

    def most(self) -> float:
        """Return the greatest number of the possible tokens."""
        pairs = zip(self.common, self._spare(), strict=True)
        return max((*(value for value, count in pairs if count), *self.own.values()))

    def normalized(self) -> Self:
        """Scale to sum 1; rounded, so that the order of summation does not matter.

        Numbers that are all 0 are returned as they are.
        """
        total = self.total()
        return self.mapped(lambda value: rounded(value / total)) if total else self

    def ranked(self) -> Iterator[tuple[int, float]]:
        """Yield the possible tokens with their numbers, greatest first, then by id."""
        heap = [(-value, token, 0) for token, value in self.own.items()]
        for group in range(1, len(self.common)):
            token = self._next(group, 0)
            if token >= 0:
                heap.append((-self.common[group], token, group))
        heapq.heapify(heap)
        while heap:
            value, token, group = heap[0]
            yield token, -value
            following = self._next(group, token + 1) if group else -1
            if following >= 0:
                heapq.heapreplace(heap, (value, following, group))
            else:
                heapq.heappop(heap)

    def at(self, share: float) -> int:
        """Return the token at a share of the total, 0 up to 1, in the order of ids."""
        if any(self.common):
            tokens, before, place = self._block(share)
        else:
            tokens, before = sorted(self.own), 0.0
            place = share * math.fsum(self.own.values())
        sums = accumulate((self[token] for token in tokens), initial=before)
        within = bisect_right([*sums], place) - 1
        return tokens[min(within, len(tokens) - 1)]

    def _block(self, share: float) -> tuple[Sequence[int], float, float]:
        """Return the tokens around a share of the total, the sum before, the place."""
        sums = [
            math.fsum(self.common[group] * count for group, count in counts)
            for counts in _blocks(self.groups)
        ]
        for token, value in self.own.items():
            sums[token // _BLOCK] += value - self.common[self.groups[token]]
        edges = [0.0, *accumulate(sums)]
        place = share * edges[-1]
        found = min(bisect_right(edges, place), len(sums)) - 1
        tokens = range(len(self.groups))[found * _BLOCK : (found + 1) * _BLOCK]
        return tokens, edges[found], place

    def _spare(self) -> list[int]:
        """Return how many tokens of each group have no number of their own.

        That of group 0 is 0, whose numbers do not count.
        """
        counts = list(_sizes(self.groups, len(self.common)))
        for token in self.own:
            counts[self.groups[token]] -= 1
        counts[0] = 0
        return counts

    def _next(self, group: int, start: int) -> int:
        """Return the next token of a group without its own probability, or -1."""
        token = self.groups.find(group, start)
        while token in self.own:
            token = self.groups.find(group, token + 1)
        return token


def masked(groups: bytes, allowed: bytes) -> bytes:
    """Put the tokens that a mask forbids into group 0."""
    both = int.from_bytes(groups, "little") & int.from_bytes(allowed, "little")
    return both.to_bytes(len(groups), "little")


_BLOCK = 256
"""Tokens whose numbers are added up together."""


@lru_cache(256)
def _blocks(groups: bytes) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return the groups of each block of tokens, with their counts."""
    starts = range(0, len(groups), _BLOCK)
    counted = (Counter(groups[start : start + _BLOCK]) for start in starts)
    return tuple(tuple(counts.items()) for counts in counted)


@lru_cache(256)
def _sizes(groups: bytes, count: int) -> tuple[int, ...]:
    return tuple(map(groups.count, range(count)))
