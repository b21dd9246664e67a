"""The token log probabilities of an answer as numbers that can be trusted.

All logarithms that servers send are natural. Here information is told in bits:
a token of probability p carries -log2 p bits (Shannon, A Mathematical Theory of
Communication, 1948).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from math import exp, log2
from operator import attrgetter, mul
from statistics import mode
from typing import TYPE_CHECKING

from wcode_magics import glyphs, text
from wcode_magics.glyphs import Glyph
from wcode_magics.tokentext import (
    LOST,
    Place,
    decode,
    encode,
    place_tokens,
    spelt,
    uses_alphabet,
)
from wcode_magics.values import Alternative, Bytes, TokenLogprob

if TYPE_CHECKING:
    import pandas as pd

UNLIKELY = -9999.0
"""What OpenAI and vLLM send where a log probability is too low to be told."""

VOCABULARY = 152_064
"""Tokens that a hidden alternative could be (Qwen2.5-7B-Instruct, ``vocab_size``)."""

CERTAIN = -1e-9  # a logprob above this is a probability of 1 but for rounding
LEAST_CERTAIN = 5

_logprob = attrgetter("logprob")


@dataclass(frozen=True, slots=True)
class Position:
    """One token of the answer.

    ``text`` is the characters it stands for; where tokens share a character, the
    first of them has it and the others are empty. ``bytes`` is None where the server
    lost them. ``alternatives`` are the tokens shown for this position, the sampled
    one (at ``sampled``) among them, most likely first, and ``shares`` their
    probabilities; ``listed`` tells whether the sampled one is among the most likely
    ones that were asked for.
    """

    index: int
    text: str
    bytes: Bytes | None
    logprob: float
    alternatives: tuple[Alternative, ...]
    shares: tuple[float, ...]
    sampled: int
    listed: bool

    @property
    def probability(self) -> float:
        """Of the sampled token, from 0 to 1."""
        return probability(self.logprob)

    @property
    def rank(self) -> int | None:
        """1 for the most likely token; a token not ``listed`` may rank lower.

        None where no alternatives are shown.
        """
        if not self.alternatives:
            return None
        likelier = takewhile(self.logprob.__lt__, map(_logprob, self.alternatives))
        return 1 + sum(1 for _ in likelier)

    @property
    def others(self) -> float:
        """The probability of all tokens that are not shown."""
        return max(0.0, 1.0 - sum(self.shares))

    @property
    def entropy(self) -> float:
        """Of the shown alternatives in bits: a part of the entropy; nan without any.

        H = -Σ p log2 p over the alternatives shown (Shannon 1948, section 6).
        """
        if not self.alternatives:
            return math.nan
        shares = self.shares if self.shares[-1] else [*filter(None, self.shares)]
        return -math.fsum(map(mul, shares, map(log2, shares)))

    def entropy_bounds(self, vocabulary: int = VOCABULARY) -> tuple[float, float]:
        """Between which the entropy of the whole distribution lies, in bits.

        The hidden rest adds most when spread evenly over the hidden vocabulary, and
        least when held by as few tokens as can be, none likelier than the least
        likely one listed: entropy is Schur-concave (Marshall, Olkin and Arnold,
        Inequalities, 2nd edition, section 3.D).
        """
        shown, rest = self.entropy, self.others
        if not self.alternatives or rest == 0.0:
            return shown, shown
        most = min(self._listed_shares(), default=rest)
        whole = int(rest / most) if most > 0 else 0
        fewest = whole * _bits(most) + _bits(max(0.0, rest - whole * most))
        hidden = max(vocabulary - len(self.alternatives), 1)
        return shown + fewest, shown + max(fewest, rest * log2(hidden / rest))

    def _listed_shares(self) -> list[float]:
        return [
            share
            for index, share in enumerate(self.shares)
            if self.listed or index != self.sampled
        ]


def probability(logprob: float) -> float:
    """From 0 to 1; nan and sentinels for «too unlikely» are 0."""
    return exp(min(logprob, 0.0)) if logprob > UNLIKELY else 0.0


def _bits(share: float) -> float:
    return -share * log2(share) if share > 0 else 0.0


@dataclass(frozen=True)
class Logprobs:
    """The tokens of an answer and its text, brought together.

    Sums and means are over the tokens that the text holds and whose logprob the
    server told: a stop token that it lists or leaves out changes nothing.
    """

    tokens: tuple[TokenLogprob, ...]
    text: str

    def __repr__(self) -> str:
        return f"<Logprobs: {len(self.tokens)} tokens, {len(self.text)} characters>"

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def data(self) -> bytes:
        """The text in UTF-8; all byte offsets are into it."""
        return encode(self.text)

    @cached_property
    def places(self) -> list[Place]:
        """The bytes [start, stop) of each token; None: not in the text."""
        return place_tokens(self.tokens, self.data)

    @cached_property
    def glyphs(self) -> tuple[Glyph, ...]:
        """The pieces of the text that readers see, with the tokens behind each."""
        return glyphs.cut(self.text, self.places)

    @cached_property
    def positions(self) -> tuple[Position, ...]:
        """One for each token."""
        asked = mode([len(token.top) for token in self.tokens] or [0])
        texts, alone = self._texts
        return tuple(
            Position(
                index,
                texts[index],
                self._bytes(index) if alone[index] else None,
                token.logprob,
                *_shown(token, asked),
            )
            for index, token in enumerate(self.tokens)
        )

    @property
    def sum(self) -> float:
        """The natural log probability of the answer."""
        return math.fsum(self._told)

    @property
    def mean(self) -> float:
        """The mean natural log probability of a token; nan without tokens."""
        return self.sum / len(self._told) if self._told else math.nan

    @property
    def perplexity(self) -> float:
        """exp(-mean logprob), as Jelinek and others defined it in 1977.

        It depends on the tokenizer: compare models by ``bits_per_character``.
        """
        return math.exp(-self.mean)

    @property
    def bits_per_character(self) -> float:
        """-Σ log2 p over the characters that tokens were reported for; nan if none."""
        held = sum(len(g.text) for g in self.glyphs if not g.unreported)
        return -self.sum / math.log(2) / held if held and self._told else math.nan

    @property
    def certain(self) -> bool:
        """Whether every probability is 1.

        A server that reports probabilities after sampling at temperature 0 does so:
        they then say nothing about the model's certainty.
        """
        return bool(self._told) and min(self._told) > CERTAIN

    @property
    def untold(self) -> int:
        """How many tokens of the text have no known logprob (-inf, -9999)."""
        return sum(place is not None for place in self.places) - len(self._told)

    def least_certain(self, count: int = LEAST_CERTAIN) -> list[Position]:
        """The ``count`` least likely tokens of the text, least likely first."""
        held = (p for p in self.positions if self.places[p.index] is not None)
        return sorted(held, key=_logprob)[:count]

    def logprob_of(self, glyph: Glyph) -> float:
        """The summed natural log probability of the tokens behind a piece."""
        behind = self.tokens[glyph.first : glyph.stop]
        return math.fsum(min(token.logprob, 0.0) for token in behind)

    def glyph_at(self, index: int) -> Glyph:
        """The piece of the text that a token belongs to."""
        place = bisect_right(self.glyphs, index, key=attrgetter("first")) - 1
        return self.glyphs[place]

    def sampled(self, index: int) -> Alternative:
        """A token as it was reported, without its alternatives."""
        return _sampled(self.tokens[index])

    def readable(self, alternative: Alternative) -> str:
        r"""The text of an alternative; single bytes as ``\xe9``, lost ones ``\x??``."""
        data = spelt(alternative, alphabet=self._alphabet)
        if data is None:
            return alternative.token.replace(LOST, r"\x??")
        return decode(data) or data.decode("utf-8", "backslashreplace")

    def notes(self) -> list[str]:
        """What a reader must know to read these numbers rightly, in words."""
        missing = sum(len(g.text) for g in self.glyphs if g.unreported)
        outside = sum(place is None for place in self.places)
        found = {
            "certain": self.certain,
            "unreported": missing,
            "outside": outside,
            "untold": self.untold,
        }
        return [
            text.say(f"logprobs.note_{key}", count=count)
            for key, count in found.items()
            if count
        ]

    def frame(self) -> "pd.DataFrame":
        """One row for each token.

        Columns: position; token (characters; joined they are the text that tokens
        were reported for); bytes; logprob (natural); probability; entropy (of the
        shown alternatives, bits); rank; alternatives (token: probability, most likely
        first; tokens of equal text are added up).
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "position": range(len(self.tokens)),
                "token": [p.text for p in self.positions],
                "bytes": pd.Series([p.bytes for p in self.positions], dtype=object),
                "logprob": [p.logprob for p in self.positions],
                "probability": [p.probability for p in self.positions],
                "entropy": [p.entropy for p in self.positions],
                "rank": pd.array([p.rank for p in self.positions], dtype="Int64"),
                "alternatives": [self._odds(p) for p in self.positions],
            }
        )

    @cached_property
    def _told(self) -> list[float]:
        return [
            min(token.logprob, 0.0)
            for token, place in zip(self.tokens, self.places, strict=True)
            if place is not None and token.logprob > UNLIKELY
        ]

    @cached_property
    def _alphabet(self) -> bool:
        return uses_alphabet(self.tokens, self.places, self.data)

    @cached_property
    def _texts(self) -> tuple[list[str], list[bool]]:
        texts, alone = [""] * len(self.tokens), [True] * len(self.tokens)
        for piece in glyphs.cut(self.text, self.places, clusters=False):
            if not piece.unreported:
                texts[piece.first] = piece.text
        for index, place in enumerate(self.places[:-1]):
            if place is not None and place == self.places[index + 1]:
                alone[index] = alone[index + 1] = place[0] == place[1]
        return texts, alone

    def _bytes(self, index: int) -> bytes | None:
        place = self.places[index]
        if place is None:
            return spelt(_sampled(self.tokens[index]), alphabet=self._alphabet)
        return self.data[slice(*place)]

    def _odds(self, position: Position) -> dict[str, float]:
        words = [other.token for other in position.alternatives]
        if self._alphabet or LOST in "".join(words):
            words = [self.readable(other) for other in position.alternatives]
        odds = dict(zip(words, position.shares, strict=True))
        if len(odds) < len(words):
            odds = dict.fromkeys(words, 0.0)
            for word, share in zip(words, position.shares, strict=True):
                odds[word] += share
        return odds


def _sampled(token: TokenLogprob) -> Alternative:
    return Alternative(token.token, token.logprob, token.bytes)


def _shown(
    token: TokenLogprob, asked: int
) -> tuple[tuple[Alternative, ...], tuple[float, ...], int, bool]:
    """Alternatives in order, each once; their shares; ``sampled`` and ``listed``.

    Servers send ``asked`` of them, or one more when they append the sampled token,
    or fewer; in any order; the sampled one twice, or not at all.
    """
    if not token.top:
        return (), (), 0, True
    ordered = sorted(token.top, key=_logprob, reverse=True)
    if len({*map(attrgetter("token"), ordered)}) < len(ordered):
        ordered = [*dict.fromkeys(ordered)]
    index = _index(token, ordered)
    listed = index is not None and not (
        len(ordered) > asked > 0 and index == len(ordered) - 1
    )
    if index is None:
        ordered = sorted([*ordered, _sampled(token)], key=_logprob, reverse=True)
        index = ordered.index(_sampled(token))
    return tuple(ordered), _shares([*map(_logprob, ordered)]), index, listed


def _shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    if logprobs[0] <= 0.0 and logprobs[-1] > UNLIKELY:
        return tuple(map(exp, logprobs))
    return tuple(map(probability, logprobs))


def _index(token: TokenLogprob, ordered: Sequence[Alternative]) -> int | None:
    """Where the sampled token stands; lost text is told apart by its logprob."""
    lossy = LOST in token.token or not token.token
    for index, other in enumerate(ordered):
        same = other.logprob == token.logprob
        if other.token == token.token and (same or not lossy):
            return index
        if same and (other.bytes == token.bytes or LOST in other.token):
            return index
    return None
