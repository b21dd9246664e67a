"""Diff of two texts in whole words.

Runs of words that occur once in each text are anchors: the longest increasing series
of them (Bram Cohen's patience diff) aligns long answers in linear time, where
``difflib`` alone ignores every frequent word. ``difflib`` fills the gaps between
anchors.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain

from wcode_magics.logprobs.graphemes import words

ANCHOR_WORDS = 6
THOROUGH = 40_000  # word pairs in a gap up to which difflib runs without autojunk

MOST_COMPARED = 400_000  # characters of both texts together that are compared by words

Block = tuple[int, int, int]
"""Start of equal words in the first and the second text, and their number."""


def differences(one: str, two: str) -> Iterator[tuple[bool, str, str]]:
    """Yield (same, first text, second text) in order; joined they are the two texts.

    Of texts that together exceed :data:`MOST_COMPARED`, only the common start is
    reported as the same.
    """
    if one == two or len(one) + len(two) > MOST_COMPARED:
        start = common_start(one, two)
        if start:
            yield True, one[:start], one[:start]
        if one != two:
            yield False, one[start:], two[start:]
        return
    first, second = [*words(one)], [*words(two)]
    i = j = 0
    for a, b, size in chain(
        _joined(_blocks(first, second)), [(len(first), len(second), 0)]
    ):
        if (i, j) < (a, b):
            yield False, "".join(first[i:a]), "".join(second[j:b])
        i, j = a + size, b + size
        if size:
            same = "".join(first[a:i])
            yield True, same, same


def common_start(one: Sequence[object], two: Sequence[object]) -> int:
    """Return the length of the common prefix of two sequences."""
    pairs = enumerate(zip(one, two, strict=False))
    unlike = (place for place, (a, b) in pairs if a != b)
    return next(unlike, min(len(one), len(two)))


def _joined(blocks: Iterator[Block]) -> Iterator[Block]:
    """Merge adjacent blocks."""
    a = b = size = 0
    for i, j, length in blocks:
        if (i, j) == (a + size, b + size):
            size += length
            continue
        if size:
            yield a, b, size
        a, b, size = i, j, length
    if size:
        yield a, b, size


def _blocks(first: Sequence[str], second: Sequence[str]) -> Iterator[Block]:
    i = j = 0
    start = common_start(first, second)
    for a, b in chain([(0, 0)] if start else [], _anchors(first, second)):
        if a < i or b < j:
            continue
        yield from _between(first, second, (i, a), (j, b))
        size = common_start(first[a:], second[b:])
        yield a, b, size
        i, j = a + size, b + size
    yield from _between(first, second, (i, len(first)), (j, len(second)))


def _between(
    first: Sequence[str],
    second: Sequence[str],
    rows: tuple[int, int],
    cols: tuple[int, int],
) -> Iterator[Block]:
    """Yield equal words in a gap, except lone spaces between differing words."""
    gap, beside = first[slice(*rows)], second[slice(*cols)]
    if not gap or not beside:
        return
    many = len(gap) * len(beside) > THOROUGH
    matcher = SequenceMatcher(None, gap, beside, autojunk=many)
    for a, b, size in matcher.get_matching_blocks():
        if "".join(gap[a : a + size]).strip():
            yield rows[0] + a, cols[0] + b, size


def _anchors(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """Return the starts of runs that occur once in each text, increasing in both."""
    here, there = _unique_runs(first), _unique_runs(second)
    pairs = [(a, there[run]) for run, a in here.items() if run in there]
    return _increasing(sorted(pairs))


def _unique_runs(items: Sequence[str]) -> dict[tuple[str, ...], int]:
    runs = [*zip(*(items[k:] for k in range(ANCHOR_WORDS)), strict=False)]
    last = {run: place for place, run in enumerate(runs)}
    first = {run: place for place, run in reversed([*enumerate(runs)])}
    return {run: place for run, place in last.items() if first[run] == place}


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest subsequence with increasing second items (patience sort)."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, b) in enumerate(pairs):
        pile = bisect_left(tops, b)
        tops[pile : pile + 1] = [b]
        ends[pile : pile + 1] = [index]
        before.append(ends[pile - 1] if pile else -1)
    chosen = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chosen.append(pairs[index])
        index = before[index]
    return chosen[::-1]
