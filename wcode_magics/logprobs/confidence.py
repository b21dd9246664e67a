"""Probability of one field of a JSON answer.

A value consists of its bytes, including the quotes of a string: the closing quote ends
it. Each token that contains any of these bytes counts; the joint probability is their
product, by the chain rule.

* A first token that also holds what stands before the value, such as ``":"``, counts
  as the probability that the value begins so, given that the text before it stands:
  the alternatives that begin the value so, divided by those that begin any value. With
  no other alternative listed it is left out, and :attr:`Confidence.fused` is true.
* A last token that also holds what follows, such as ``12,`` or ``",``, counts in full,
  as it ends the value, and :attr:`Confidence.fused` is true.
* If the schema leaves a finite choice (``enum``, ``const``, a boolean), the probability
  is the share of the value among the choices, by the rule of
  :mod:`wcode_magics.logprobs.label_masses`, so that it is the same whether a server
  reports probabilities from before or after its grammar. What lies on none of them is
  :attr:`Confidence.uncovered`. The share is nan if it cannot be known: a choice that no
  alternative begins may have more than :data:`HIDDEN` of what is on the choices, or
  the server reports the chosen token as certain and no other.

The package llm-structured-confidence (0.4.5) differs on purpose. It counts the tokens
that overlap the value without its quotes, each in full, and reports their geometric
mean, by default without those of probability 1: a mean does not shrink with the length
of the value and is not the probability of the value. A closing quote of its own does
not count there, so doubt whether ``Pos`` ends or goes on to ``Positive`` does not show;
nor does an opening one. Choices are not normalized among each other. On its documented
examples the product of the tokens of a number is the same here and there, and that of
a string differs by the probability of its closing quote alone.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.logprobs import json_path
from wcode_magics.logprobs.byte_dialects import encode
from wcode_magics.logprobs.fused_token import beginning
from wcode_magics.logprobs.label_masses import LabelConfidence, of_labels
from wcode_magics.logprobs.logprobs import CERTAIN, Logprobs
from wcode_magics.logprobs.position import UNLIKELY, probability
from wcode_magics.runtime.imports import shown_by

HIDDEN = 0.05
"""Share of the choices' probability that choices which are not listed may have."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Joint probability of a field; ``float(confidence)`` is ``probability``.

    ``text`` is the value as it is in the answer, ``logprob`` a natural logarithm,
    ``positions`` the indices of its tokens, ``least`` the smallest probability among
    them. ``fused``: text outside the value is in its last token, or was left out with
    its first one. ``incomplete``: only the last part of one of the tokens is listed, so
    the true probability is lower. ``uncovered``: of a finite choice, the probability of
    anything else; nan of other values.
    """

    path: str
    text: str
    logprob: float
    positions: tuple[int, ...]
    least: float
    fused: bool
    incomplete: bool = False
    uncovered: float = math.nan

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.confidence")

    def __repr__(self) -> str:
        return f"<Confidence {self.path or '$'}: {self.probability:.4g}>"

    @property
    def probability(self) -> float:
        """Joint probability from 0 to 1, or share of a choice; nan if unknown."""
        known = not math.isnan(self.logprob)
        return probability(self.logprob) if known else math.nan

    def __float__(self) -> float:
        return self.probability


def of_field(
    logprobs: Logprobs, path: str = "", choices: Sequence[Any] = ()
) -> Confidence:
    """Return the joint probability of the value at ``path`` of a JSON answer.

    ``path``: ``a.b[0]``, ``a["b.c"]``; empty for the whole value. ``choices`` are the
    JSON values that the schema allows there, if they are finitely many.

    Raises:
        UsageError: ``path`` is not a valid path.
        AnswerError: the answer is not JSON, has no such field or ends inside it, or
            the server did not report all its tokens.
    """
    start, stop = _bytes(logprobs.text, json_path.locate(logprobs.text, path))
    behind = [
        (index, place)
        for index, place in enumerate(logprobs.places)
        if place is not None and _within(place, start, stop)
    ]
    places = [place for _, place in behind]
    if not _cover(places, start, stop):
        raise AnswerError("logprobs.field_unreported", path=path or "$")
    positions = tuple(index for index, _ in behind)
    values = [logprobs.tokens[index].logprob for index in positions]
    fused = places[-1][1] > stop
    if places[0][0] < start:
        head, value = logprobs.data[places[0][0] : start], logprobs.data[start:stop]
        share = beginning(
            logprobs.positions[positions[0]],
            head,
            value[: places[0][1] - start],
            alphabet=logprobs.alphabet,
        )
        fused = fused or share is None
        values[0] = _logprob(1.0 if share is None else share)
    made = Confidence(
        path,
        logprobs.data[start:stop].decode("utf-8", "surrogatepass"),
        math.fsum(min(t, 0.0) for t in values) if min(values) > UNLIKELY else -math.inf,
        positions,
        min(map(probability, values)),
        fused,
        any(logprobs.positions[index].incomplete for index in positions),
    )
    found = _among(logprobs, path, choices) if choices else None
    return made if found is None else _chosen(made, found)


def _among(
    logprobs: Logprobs, path: str, choices: Sequence[Any]
) -> LabelConfidence | None:
    """Return the probabilities of the choices; None if two differ only in form."""
    try:
        return of_labels(logprobs, [*map(_spelled, choices)], path or "$")
    except UsageError:
        return None


def _spelled(choice: Any) -> str:
    return choice if isinstance(choice, str) else json.dumps(choice)


def _chosen(made: Confidence, found: LabelConfidence) -> Confidence:
    """Return the confidence with its probability among the choices."""
    choice = _spelled(json.loads(made.text, strict=False))
    mass, covered = found.masses.get(choice, 0.0), math.fsum(found.masses.values())
    missing = not all(found.masses.values())
    hidden = missing and found.unlisted > HIDDEN * covered
    certain = missing and found.shares.get(choice) == 1 and mass > math.exp(CERTAIN)
    unknown = not mass or hidden or certain
    logprob = math.nan if unknown else _logprob(found.shares[choice])
    return replace(made, logprob=logprob, uncovered=found.uncovered)


def _logprob(share: float) -> float:
    return math.log(share) if share else -math.inf


def _bytes(text: str, span: tuple[int, int]) -> tuple[int, int]:
    start = len(encode(text[: span[0]]))
    return start, start + len(encode(text[slice(*span)]))


def _within(place: tuple[int, int], start: int, stop: int) -> bool:
    if place[0] == place[1]:
        return start < place[0] < stop
    return place[0] < stop and place[1] > start


def _cover(places: Sequence[tuple[int, int]], start: int, stop: int) -> bool:
    at = start
    for place in places:
        if place[0] > at:
            return False
        at = max(at, place[1])
    return at >= stop
