"""One token of an answer: its probability, its alternatives, its uncertainty.

All logarithms that servers send are natural. Here information is told in bits: a
token of probability p carries -log2 p bits (Shannon, A Mathematical Theory of
Communication, 1948).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import exp, fsum, log2
from operator import attrgetter, mul

from wcode_magics.logprobs.byte_dialects import LOST, encode
from wcode_magics.logprobs.token import Alternative, Bytes, TokenLogprob

UNLIKELY = -9999.0
"""What OpenAI and vLLM send where a log probability is too low to be told."""

INSIDE = range(0x80, 0xC0)
"""Bytes that go on with a character and begin none."""

_logprob = attrgetter("logprob")


@dataclass(frozen=True, slots=True)
class Position:
    """One token of the answer.

    ``text`` is the characters it stands for; where tokens share a character, the
    first of them has it and the others are empty. ``bytes`` is None where the server
    lost them. ``alternatives`` are the tokens shown for this position, the sampled
    one (at ``sampled``) among them, most likely first, and ``shares`` their
    probabilities, which never pass 1 together; ``listed`` tells whether the sampled
    one is among the most likely ones that were asked for. ``incomplete``: the token
    was sampled in parts, and the numbers are those of its last part alone, so that
    the whole is less likely.
    """

    index: int
    text: str
    bytes: Bytes | None
    logprob: float
    alternatives: tuple[Alternative, ...]
    shares: tuple[float, ...]
    sampled: int
    listed: bool
    incomplete: bool = False

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

    def entropy_bounds(self, vocabulary: int | None) -> tuple[float, float]:
        """Between which the entropy of the whole distribution lies, in bits.

        The hidden rest adds most when spread evenly over the hidden vocabulary, and
        least when held by as few tokens as can be, none likelier than the least
        likely one listed: entropy is Schur-concave (Marshall, Olkin and Arnold,
        Inequalities, 2nd edition, section 3.D). ``vocabulary`` is how many tokens
        the model has; where it is not known, the most is nan.
        """
        shown, rest = self.entropy, self.others
        if not self.alternatives or rest == 0.0:
            return shown, shown
        most = min(self._listed_shares(), default=rest)
        whole = int(rest / most) if most > 0 else 0
        fewest = whole * _bits(most) + _bits(max(0.0, rest - whole * most))
        if vocabulary is None:
            return shown + fewest, math.nan
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


def sampled(token: TokenLogprob) -> Alternative:
    """The token as it was reported, without its alternatives."""
    return Alternative(token.token, token.logprob, token.bytes)


def shown(
    token: TokenLogprob, asked: int
) -> tuple[tuple[Alternative, ...], tuple[float, ...], int, bool, bool]:
    """The last five fields of a position: what is shown beside the token, in order.

    Servers send ``asked`` of them, or one more when they append the sampled token,
    or fewer; in any order; the sampled one twice, or not at all, or its last part.
    """
    if not token.top:
        return (), (), 0, True, False
    ordered = sorted(token.top, key=_logprob, reverse=True)
    if len({*map(attrgetter("token"), ordered)}) < len(ordered):
        ordered = [*dict.fromkeys(ordered)]
    index = _index(token, ordered)
    incomplete = _is_incomplete(token, ordered, index)
    listed = index is not None and not (
        len(ordered) > asked > 0 and index == len(ordered) - 1
    )
    if index is None:
        ordered = sorted([*ordered, sampled(token)], key=_logprob, reverse=True)
        index = ordered.index(sampled(token))
    shares = _shares([*map(_logprob, ordered)])
    return tuple(ordered), shares, index, listed, incomplete


def _shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    if logprobs[0] <= 0.0 and logprobs[-1] > UNLIKELY:
        shares = tuple(map(exp, logprobs))
    else:
        shares = tuple(map(probability, logprobs))
    total = fsum(shares)
    return shares if total <= 1.0 else tuple(share / total for share in shares)


def _index(token: TokenLogprob, ordered: Sequence[Alternative]) -> int | None:
    """Where the sampled token stands; lost text is told apart by its logprob."""
    lossy = LOST in token.token or not token.token
    named = [at for at, other in enumerate(ordered) if other.token == token.token]
    alike = [at for at, other in enumerate(ordered) if other.logprob == token.logprob]
    for index in named:
        if index in alike:
            return index
    if named and not lossy:
        return min(named, key=lambda at: abs(ordered[at].logprob - token.logprob))
    for index in alike:
        other = ordered[index]
        known = token.bytes is not None and other.bytes == token.bytes
        if known or LOST in other.token or _is_part(other, token):
            return index
    return None


def _is_part(other: Alternative, token: TokenLogprob) -> bool:
    """Whether a token ends in another one, as where a server held text back."""
    whole, part = (
        encode(t.token) if t.bytes is None else t.bytes for t in (token, other)
    )
    return bool(part) and part != whole and whole.endswith(part)


def _is_incomplete(
    token: TokenLogprob, ordered: Sequence[Alternative], index: int | None
) -> bool:
    """Whether earlier parts of the token were not listed.

    Its own entry is only its end: the last byte of a character (llama.cpp), a letter
    behind text that was held back (Ollama). Or another entry is an end of a character,
    which could not stand where a character begins.
    """
    if LOST in token.token or not token.token:
        return False
    own = None if index is None else ordered[index]
    if own is not None and own.token != token.token:
        return LOST in own.token or _is_part(own, token)
    if token.token.isascii() or token.bytes is None:
        return False
    whole = token.bytes[0] not in INSIDE
    return whole and any(o.bytes and o.bytes[0] in INSIDE for o in ordered)
