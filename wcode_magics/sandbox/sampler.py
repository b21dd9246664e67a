"""Sample a token from probabilities, applying sampling parameters in this order.

1. the mask of the grammar is applied;
2. ``logit_bias`` is added;
3. ``repetition_penalty`` r, over the tokens of prompt and answer: scores above
   that of a uniform guess are divided by r, lower ones multiplied (Keskar et al.
   2019, CTRL; scores here are log(p · V), so that "above" is well-defined);
4. ``frequency_penalty`` × count and ``presence_penalty`` over the answer are
   subtracted (OpenAI);
5. ``temperature`` divides the scores; 0 selects the best;
6. ``top_k``, ``top_p`` (Holtzman et al. 2019), ``min_p`` (Nguyen et al. 2024),
   ``top_a`` (threshold a · p_max², KoboldAI), each on the result of the previous one;
7. one token is drawn.

Ties are always broken by the lower id.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from . import arithmetic
from .distribution import Distribution

_LEAST_REPETITION = 0.01
_LARGEST_SCORE = 500.0
"""Score whose exp is far from the limits of a double; larger ones are scaled."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters, neutral by default."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    top_a: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict)

    @property
    def reshapes(self) -> bool:
        """Whether any parameter changes the scores before the cutoffs."""
        return bool(
            self.logit_bias
            or self.frequency_penalty
            or self.presence_penalty
            or self.repetition_penalty != 1.0
            or self.temperature != 1.0
        )


class Sampler:
    """Sampler of one answer; counts its tokens for the penalties."""

    __slots__ = ("_counts", "_seen", "_settings", "chance")

    def __init__(self, settings: Sampling, prompt: Iterable[int]) -> None:
        """Seed the random generator; no token of the answer is counted yet."""
        self._settings = settings
        seed = settings.seed
        self.chance = random.Random(None if seed is None else f"seed {seed}")
        self._counts: Counter[int] = Counter()
        self._seen = set(prompt)

    def draw(self, probs: Distribution, allowed: bytes | None = None) -> int:
        """Draw the next token from the probabilities, within a grammar's mask."""
        if allowed is not None:
            probs = probs.within(allowed)
        settings = self._settings
        if settings.reshapes:
            probs = self._reshape(probs)
        token = _cut(probs, settings).at(self.chance.random())
        self._counts[token] += 1
        self._seen.add(token)
        return token

    def _reshape(self, probs: Distribution) -> Distribution:
        """Apply bias, penalties and temperature; at temperature 1 to few tokens."""
        settings = self._settings
        size = len(probs.groups)
        changed = {t: arithmetic.log(probs[t] * size) for t in self._touched()}
        self._penalize(changed)
        small = all(abs(s) < _LARGEST_SCORE for t, s in changed.items() if probs[t])
        if settings.temperature == 1 and small:
            weights = {t: arithmetic.exp(s) / size for t, s in changed.items()}
            return replace(probs, own={**probs.own, **weights})
        scores = probs.mapped(lambda prob: arithmetic.log(prob * size))
        scores = replace(scores, own={**scores.own, **changed})
        if settings.temperature == 0:
            token, _ = next(scores.ranked())
            return scores.only({token: 1.0})
        best = scores.most()
        return scores.mapped(
            lambda score: arithmetic.exp((score - best) / settings.temperature)
        )

    def _penalize(self, scores: dict[int, float]) -> None:
        """Add the bias to scores and subtract the penalties, in place."""
        settings = self._settings
        for token, bias in settings.logit_bias.items():
            scores[token] += bias
        if settings.repetition_penalty != 1.0:
            ratio = max(settings.repetition_penalty, _LEAST_REPETITION)
            for token in self._seen:
                score = scores[token]
                scores[token] = score / ratio if score > 0 else score * ratio
        if settings.frequency_penalty or settings.presence_penalty:
            for token, count in self._counts.items():
                scores[token] -= settings.frequency_penalty * count
                scores[token] -= settings.presence_penalty

    def _touched(self) -> set[int]:
        """Return the tokens whose scores a bias or a penalty changes."""
        settings = self._settings
        touched = set(settings.logit_bias)
        if settings.repetition_penalty != 1.0:
            touched |= self._seen
        if settings.frequency_penalty or settings.presence_penalty:
            touched |= self._counts.keys()
        return touched


def _cut(weights: Distribution, settings: Sampling) -> Distribution:
    """Set the weights of cut-off tokens to 0; the best token always remains."""
    if 0 < settings.top_k < len(weights.groups):
        weights = weights.only(dict(itertools.islice(weights.ranked(), settings.top_k)))
    if settings.top_p < 1.0:
        weights = weights.only(dict(_nucleus(weights, settings.top_p)))
    if settings.min_p:
        least = settings.min_p * weights.most()
        weights = weights.mapped(lambda weight: weight if weight >= least else 0.0)
    if settings.top_a:
        total = weights.total()
        best = weights.most() / total
        threshold = settings.top_a * (best * best)
        weights = weights.mapped(
            lambda weight: weight if weight / total >= threshold else 0.0
        )
    return weights


def _nucleus(weights: Distribution, share: float) -> Iterator[tuple[int, float]]:
    """Yield the greatest weights until they add up to a share of all."""
    least, total = share * weights.total(), 0.0
    for token, weight in weights.ranked():
        yield token, weight
        total += weight
        if total >= least:
            return
