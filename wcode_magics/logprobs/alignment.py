"""Compare two answers: where they diverge, and the probabilities there.

Answers are aligned by bytes, so models with different tokenizers can be compared: a
token's bits are spread evenly over its bytes, and at the fork a token of one answer
is matched with the text of the other answer, however that is tokenized.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from wcode_magics.errors import mistyped
from wcode_magics.logprobs.byte_dialects import encode, spelt
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.position import Position
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.logprobs.word_diff import common_start, differences
from wcode_magics.runtime.imports import shown_by
from wcode_magics.text import say, sentences


class Answer(Protocol):
    """Text and the tokens reported for it: a Reply or a Logprobs."""

    @property
    def text(self) -> str:
        """The text of the answer."""

    @property
    def tokens(self) -> tuple[TokenLogprob, ...]:
        """The tokens as reported; may be empty."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of the two texts, equal or not, with the bits of each; nan if unknown."""

    same: bool
    first: str
    second: str
    first_bits: float
    second_bits: float


@dataclass(frozen=True, slots=True)
class Branch:
    """One answer at the fork.

    ``position`` is the token that differs from the other answer; None if this answer
    ends there or no token was reported. ``other_probability`` is what the tokens listed
    there assign to the other answer's text; nan without alternatives.
    """

    position: Position | None
    other_probability: float


@dataclass(frozen=True, slots=True, repr=False)
class Fork:
    """Point where two answers diverge: after ``at`` common characters."""

    at: int
    first: Branch
    second: Branch

    def __repr__(self) -> str:
        return f"<Fork after {self.at} characters>"


@dataclass(frozen=True)
class Comparison:
    """Two answers: common and differing stretches, and the fork; None if equal."""

    first: Logprobs
    second: Logprobs
    stretches: tuple[Stretch, ...]
    fork: Fork | None

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.compared")

    def __repr__(self) -> str:
        where = f"apart after {self.fork.at} characters" if self.fork else "equal"
        return f"<Comparison: {where}, agreement {self.agreement:.4g}>"

    @property
    def apart(self) -> float:
        """Bits per character of the second answer minus those of the first."""
        return self.second.bits_per_character - self.first.bits_per_character

    @property
    def agreement(self) -> float:
        """Fraction of common characters, 0 to 1: twice their number / both lengths."""
        both = len(self.first.text) + len(self.second.text)
        common = sum(len(stretch.first) for stretch in self.stretches if stretch.same)
        return 2 * common / both if both else 1.0


@dataclass(frozen=True)
class Agreement:
    """Several runs of one prompt: each text with its count, most frequent first."""

    counts: tuple[tuple[str, int], ...]

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.agreement")

    def __repr__(self) -> str:
        most = self.counts[0][1] if self.counts else 0
        return f"<Agreement: {most} of {self.runs}, answers {len(self.counts)}>"

    def __str__(self) -> str:
        """Describe how far several runs agree."""
        return sentences(described(self))

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(count for _, count in self.counts)

    @cached_property
    def common(self) -> str:
        """Common prefix of all runs."""
        texts = [text for text, _ in self.counts] or [""]
        return texts[0][: min(common_start(texts[0], text) for text in texts)]


def described(found: Agreement) -> list[str]:
    """Return sentences: how many answers there are, then how alike they are."""
    kinds = len(found.counts)
    if kinds <= 1:
        return [say("agreement.all", runs=found.runs)]
    count = found.counts[0][1]
    parts = [say("agreement.some", runs=found.runs, kinds=kinds)]
    if count > 1:
        parts.append(say("agreement.most", count=count))
    key = "common" if found.common else "at_once"
    return [*parts, say(f"agreement.{key}", common=f"{len(found.common):,}")]


def compare(first: Answer, second: Answer) -> Comparison:
    """Align two answers and find where they diverge.

    Raises:
        UsageError: one of them is no answer.
    """
    for name, answer in (("first", first), ("second", second)):
        if not (hasattr(answer, "tokens") and hasattr(answer, "text")):
            raise mistyped(name, answer, "reply")
    one, two = Logprobs(first.tokens, first.text), Logprobs(second.tokens, second.text)
    return Comparison(one, two, tuple(_stretches(one, two)), _fork(one, two))


def agree(answers: Sequence[Answer]) -> Agreement:
    """Count equal answers."""
    return Agreement(tuple(Counter(answer.text for answer in answers).most_common()))


def _fork(one: Logprobs, two: Logprobs) -> Fork | None:
    if one.data == two.data:
        return None
    at = common_start(one.data, two.data)
    common = one.data[:at].decode("utf-8", "ignore")
    return Fork(len(common), _branch(one, two, at), _branch(two, one, at))


def _branch(own: Logprobs, other: Logprobs, at: int) -> Branch:
    for index, place in enumerate(own.places):
        if place is None or place[1] <= at:
            continue
        if place[0] > at:
            break
        position, continuation = own.position_at(index), other.data[place[0] :]
        return Branch(position, _mass_of(own, position, continuation))
    return Branch(None, math.nan)


def _mass_of(own: Logprobs, position: Position, continuation: bytes) -> float:
    """Return the probability of all listed tokens that ``continuation`` begins with."""
    if not position.alternatives:
        return math.nan
    spellings = (spelt(o, alphabet=own.alphabet) for o in position.alternatives)
    pairs = zip(spellings, position.shares, strict=True)
    return math.fsum(
        share for raw, share in pairs if raw and continuation.startswith(raw)
    )


class _BitTotals:
    """Cumulative bits of an answer by byte offset."""

    def __init__(self, logprobs: Logprobs) -> None:
        self._edges, self._totals = [0], [0.0]
        for token, place in zip(logprobs.tokens, logprobs.places, strict=True):
            if place is None:
                continue
            total = self._totals[-1]
            self._add(place[0], total)
            self._add(place[1], total - min(token.logprob, 0.0) / math.log(2))
        self._known = bool(logprobs.tokens)

    def _add(self, edge: int, total: float) -> None:
        self._edges.append(max(edge, self._edges[-1]))
        self._totals.append(total)

    def between(self, start: int, stop: int) -> float:
        """Return the bits of the bytes [start, stop); nan without tokens."""
        return self._until(stop) - self._until(start) if self._known else math.nan

    def _until(self, byte: int) -> float:
        after = bisect_right(self._edges, byte)
        if after == len(self._edges):
            return self._totals[-1]
        low, high = self._edges[after - 1], self._edges[after]
        before, total = self._totals[after - 1], self._totals[after]
        return before + (total - before) * (byte - low) / (high - low)


def _stretches(one: Logprobs, two: Logprobs) -> Iterator[Stretch]:
    bits_one, bits_two = _BitTotals(one), _BitTotals(two)
    at_one = at_two = 0
    for same, first, second in differences(one.text, two.text):
        to_one, to_two = at_one + len(encode(first)), at_two + len(encode(second))
        yield Stretch(
            same,
            first,
            second,
            bits_one.between(at_one, to_one),
            bits_two.between(at_two, to_two),
        )
        at_one, at_two = to_one, to_two
