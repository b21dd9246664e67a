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

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import arithmetic
from .memory import Floats

_LEAST_REPETITION = 0.01


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

    __slots__ = ("_bias", "_bias_ids", "_counts", "_seen", "_settings", "chance")

    def __init__(self, settings: Sampling, prompt: list[int], size: int) -> None:
        """Seed the random generator; initialize counts over ``size`` tokens."""
        self._settings = settings
        seed = settings.seed
        self.chance = random.Random(None if seed is None else f"seed {seed}")
        self._bias_ids = np.array(list(settings.logit_bias), dtype=np.int64)
        self._bias = np.array(list(settings.logit_bias.values()), dtype=float)
        self._counts = np.zeros(size)
        self._seen = np.zeros(size, dtype=bool)
        self._seen[prompt] = True

    def draw(self, probs: Floats, allowed: NDArray[np.bool_] | None = None) -> int:
        """Draw the next token from model probabilities, shape (size,)."""
        if allowed is not None:
            probs = np.where(allowed, probs, 0.0)
        settings = self._settings
        if settings.reshapes:
            probs = self._reshape(probs)
        token = self._pick(_cut(probs, settings))
        self._counts[token] += 1
        self._seen[token] = True
        return token

    def _reshape(self, probs: Floats) -> Floats:
        settings = self._settings
        scores = arithmetic.log(probs * probs.size)
        if self._bias_ids.size:
            scores[self._bias_ids] += self._bias
        if settings.repetition_penalty != 1.0:
            ratio = max(settings.repetition_penalty, _LEAST_REPETITION)
            seen = scores[self._seen]
            scores[self._seen] = np.where(seen > 0, seen / ratio, seen * ratio)
        if settings.frequency_penalty:
            scores -= settings.frequency_penalty * self._counts
        if settings.presence_penalty:
            scores -= settings.presence_penalty * (self._counts > 0)
        best = scores.max()
        if settings.temperature == 0:
            return np.asarray(np.arange(scores.size) == scores.argmax(), dtype=float)
        return arithmetic.exp(np.asarray((scores - best) / settings.temperature))

    def _pick(self, weights: Floats) -> int:
        sums = weights.cumsum()
        place = self.chance.random() * sums[-1]
        found = int(sums.searchsorted(place, side="right"))
        return found if found < weights.size else int(weights.argmax())


def _cut(weights: Floats, settings: Sampling) -> Floats:
    """Set the weights of cut-off tokens to 0; the best token always remains."""
    if 0 < settings.top_k < weights.size:
        order = (-weights).argsort(kind="stable")
        weights = weights.copy()
        weights[order[settings.top_k :]] = 0.0
    if settings.top_p < 1.0:
        order = (-weights).argsort(kind="stable")
        sums = weights[order].cumsum()
        kept = 1 + int(np.searchsorted(sums, settings.top_p * sums[-1], side="left"))
        weights = weights.copy()
        weights[order[kept:]] = 0.0
    if settings.min_p:
        weights = np.where(weights >= settings.min_p * weights.max(), weights, 0.0)
    if settings.top_a:
        shares = weights / arithmetic.total(weights)
        best = shares.max()
        weights = np.where(shares >= settings.top_a * (best * best), weights, 0.0)
    return weights
