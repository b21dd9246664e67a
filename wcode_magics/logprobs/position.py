"""One token of an answer: its probability, alternatives and uncertainty.

All logarithms that servers send are natural. Information is given in bits here: a
token of probability p carries -log2 p bits (Shannon, A Mathematical Theory of
Communication, 1948).
"""

import math
from collections.abc import Sequence
from itertools import takewhile
from math import exp, fsum, log2
from operator import attrgetter, mul

import msgspec

from wcode_magics.logprobs.byte_dialects import LOST, encode
from wcode_magics.logprobs.token import Alternative, Bytes, TokenLogprob

UNLIKELY = -9999.0
"""Value that OpenAI and vLLM send for log probabilities too low to report."""

BELOW_ONE = 1 - 1e-9
"""A sum below this is below 1 however its terms were rounded."""

INSIDE = frozenset(range(0x80, 0xC0))
"""UTF-8 continuation bytes."""

_logprob, _token = attrgetter("logprob"), attrgetter("token")


class Position(msgspec.Struct, frozen=True, gc=False):
    """One token of the answer.

    ``text`` is the characters of the token; if tokens share a character, the first of
    them has it and the others are empty. ``bytes`` is None if the server lost them.
    ``alternatives`` are the tokens listed for this position, including the sampled one
    (at index ``sampled``), most likely first, and ``shares`` their probabilities, whose
    sum never exceeds 1; ``listed`` is whether the sampled one is among the most likely
    ones that were requested. ``incomplete``: the token was sampled in parts, and the
    numbers are those of its last part only, so the whole token is less likely.
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
        """Probability of the sampled token, from 0 to 1."""
        return probability(self.logprob)

    @property
    def rank(self) -> int | None:
        """Rank from 1; one that is not ``listed`` may rank lower; None: unknown."""
        if not self.alternatives:
            return None
        if self.alternatives[0].logprob <= self.logprob:
            return 1
        likelier = takewhile(self.logprob.__lt__, map(_logprob, self.alternatives))
        return 1 + sum(1 for _ in likelier)

    @property
    def others(self) -> float:
        """Probability of all other tokens; without alternatives, of all but its own."""
        return max(0.0, 1.0 - sum(self.shares or (self.probability,)))

    @property
    def entropy(self) -> float:
        """Entropy of the listed alternatives in bits, a part of the whole; nan if none.

        H = -Σ p log2 p over the listed alternatives (Shannon 1948, section 6).
        """
        if not self.alternatives:
            return math.nan
        shares = self.shares if self.shares[-1] else [*filter(None, self.shares)]
        return -math.fsum(map(mul, shares, map(log2, shares)))

    @property
    def unlisted(self) -> float:
        """Largest probability that a token which is not listed can have."""
        return min([self.others, *self._listed_shares()])

    def entropy_bounds(self, vocabulary: int | None) -> tuple[float, float]:
        """Return lower and upper bound of the entropy of the whole distribution, bits.

        The unlisted remainder adds most if it is uniform over the unlisted vocabulary,
        and least if concentrated on as few tokens as possible, none likelier than the
        least likely listed one: entropy is Schur-concave (Marshall, Olkin and Arnold,
        Inequalities, 2nd edition, section 3.D). ``vocabulary`` is the number of tokens
        of the model; if it is None, the upper bound is nan.
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
    """Convert a logprob to a probability; nan and "too unlikely" sentinels give 0."""
    return exp(min(logprob, 0.0)) if logprob > UNLIKELY else 0.0


def is_incomplete(token: TokenLogprob) -> bool:
    """Return whether earlier parts of the token are not listed.

    Its own entry is then only its end: the last byte of a character (llama.cpp), or a
    letter after text that was held back (Ollama). Or another entry is the end of a
    character, which cannot occur where a character begins.
    """
    if LOST in token.token or not token.token:
        return False
    if token.token not in map(_token, token.top):
        index = _index_by_logprob(token, token.top)
        if index is not None:
            own = token.top[index]
            return LOST in own.token or _is_part(own, token)
    if token.token.isascii() or not token.bytes or token.bytes[0] in INSIDE:
        return False
    starts = [other.bytes[0] for other in token.top if other.bytes]
    return not INSIDE.isdisjoint(starts)


def is_known(token: TokenLogprob) -> bool:
    """Return whether a token or an alternative has a logprob above the sentinel."""
    best: float = max(token.logprob, *map(_logprob, token.top), -math.inf)
    return best > UNLIKELY


def _bits(share: float) -> float:
    return -share * log2(share) if share > 0 else 0.0


def sampled(token: TokenLogprob) -> Alternative:
    """Return a token as reported, without its alternatives."""
    return Alternative(token.token, token.logprob, token.bytes)


def shown(
    token: TokenLogprob, requested: int
) -> tuple[tuple[Alternative, ...], tuple[float, ...], int, bool, bool]:
    """Return the last five fields of a position, from ``alternatives`` on.

    Servers list ``asked`` alternatives, or one more if they append the sampled token,
    or fewer; in any order; the sampled one twice, not at all, or only its last part.
    """
    if not token.top:
        return (), (), 0, True, False
    ordered, logprobs = token.top, [other.logprob for other in token.top]
    if sorted(logprobs, reverse=True) != logprobs:
        ordered = tuple(sorted(ordered, key=_logprob, reverse=True))
    words = [other.token for other in ordered]
    if len({*words}) < len(ordered):
        ordered = tuple(dict.fromkeys(ordered))
        words = [other.token for other in ordered]
    index = _index(token, ordered, words)
    listed = index is not None and not (
        len(ordered) > requested > 0 and index == len(ordered) - 1
    )
    if index is None:
        more = (*ordered, sampled(token))
        ordered = tuple(sorted(more, key=_logprob, reverse=True))
        index = ordered.index(sampled(token))
    if ordered is not token.top:
        logprobs = [other.logprob for other in ordered]
    return ordered, _shares(logprobs), index, listed, is_incomplete(token)


def _shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    if logprobs[0] <= 0.0 and logprobs[-1] > UNLIKELY:
        shares = tuple(map(exp, logprobs))
    else:
        shares = tuple(map(probability, logprobs))
    if sum(shares) < BELOW_ONE:
        return shares
    total = fsum(shares)
    return shares if total <= 1.0 else tuple(share / total for share in shares)


def _index(
    token: TokenLogprob, ordered: Sequence[Alternative], words: Sequence[str]
) -> int | None:
    """Return the index of the sampled token; lost text is matched by its logprob."""
    if token.token in words:
        first = words.index(token.token)
        if ordered[first].logprob == token.logprob:
            return first
    lossy = LOST in token.token or not token.token
    named = [at for at, other in enumerate(ordered) if other.token == token.token]
    for index in named:
        if ordered[index].logprob == token.logprob:
            return index
    if named and not lossy:
        return min(named, key=lambda at: abs(ordered[at].logprob - token.logprob))
    return _index_by_logprob(token, ordered)


def _index_by_logprob(
    token: TokenLogprob, ordered: Sequence[Alternative]
) -> int | None:
    """Return the index of the sampled token where its text is not listed."""
    for index, other in enumerate(ordered):
        if other.logprob == token.logprob:
            known = token.bytes is not None and other.bytes == token.bytes
            if known or LOST in other.token or _is_part(other, token):
                return index
    return None


def _is_part(other: Alternative, token: TokenLogprob) -> bool:
    """Return whether a token ends in another one, as if a server held back text."""
    whole, part = (
        encode(t.token) if t.bytes is None else t.bytes for t in (token, other)
    )
    return bool(part) and part != whole and whole.endswith(part)
