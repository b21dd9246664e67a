"""Probability of one field of a JSON answer, or of each of several labels.

Rule for a field. A value consists of its bytes, including the quotes of a string. Each
token that contains any of these bytes counts in full, as its probability cannot be
divided: if the last token is ``12,`` or ``",``, the delimiter is included, and
:attr:`Confidence.fused` is true. The joint probability is the product over these
tokens, by the chain rule.

Rule for labels. At each token of the answer, the preceding text and each alternative
form the beginning of another answer. If exactly one label has this beginning, its
probability is added to that label: the product of the probabilities of the preceding
tokens and of the alternative. Beginnings of several labels, or of none, are uncovered.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.logprobs import json_path
from wcode_magics.logprobs.byte_dialects import encode, spelt
from wcode_magics.logprobs.graphemes import spells
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.position import UNLIKELY, Position, probability
from wcode_magics.logprobs.token import Alternative
from wcode_magics.runtime.imports import shown_by

LEAD = " \t\r\n\"'`*_([{“‘「『《（【"
"""Characters that may precede the label in an answer."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Joint probability of a field; ``float(confidence)`` is ``probability``.

    ``text`` is the value as it is in the answer, ``logprob`` a natural logarithm,
    ``positions`` the indices of its tokens, ``least`` the smallest probability among
    them. ``fused``: the first or last token also contains text outside the value.
    ``incomplete``: only the last part of one of the tokens is listed, so the true
    probability is lower.
    """

    path: str
    text: str
    logprob: float
    positions: tuple[int, ...]
    least: float
    fused: bool
    incomplete: bool = False

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.confidence")

    def __repr__(self) -> str:
        return f"<Confidence {self.path or '$'}: {self.probability:.4g}>"

    @property
    def probability(self) -> float:
        """Joint probability from 0 to 1."""
        return probability(self.logprob)

    def __float__(self) -> float:
        return self.probability


@dataclass(frozen=True, slots=True)
class LabelConfidence:
    """Probabilities of labels: ``shares`` sum to 1 over the labels.

    ``masses`` are the probabilities before normalization; ``uncovered`` is the
    probability of anything else, and of tokens that are ambiguous or not listed. With
    no mass on any label, the shares are nan and ``best`` is None.
    """

    shares: Mapping[str, float]
    masses: Mapping[str, float]
    uncovered: float

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.labels")

    def __repr__(self) -> str:
        told = [f"{label!r} {share:.4g}" for label, share in self.shares.items()]
        return f"<LabelConfidence {', '.join(told)}; uncovered {self.uncovered:.4g}>"

    @property
    def best(self) -> str | None:
        """The most likely label, or None."""
        best = max(self.masses, key=self.masses.__getitem__)
        return best if self.masses[best] else None


def of_field(logprobs: Logprobs, path: str = "") -> Confidence:
    """Return the joint probability of the value at ``path`` of a JSON answer.

    ``path``: ``a.b[0]``, ``a["b.c"]``; empty for the whole value.

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
    told = [logprobs.tokens[index].logprob for index in positions]
    return Confidence(
        path,
        logprobs.data[start:stop].decode("utf-8", "surrogatepass"),
        math.fsum(min(t, 0.0) for t in told) if min(told) > UNLIKELY else -math.inf,
        positions,
        min(map(probability, told)),
        places[0][0] < start or places[-1][1] > stop,
        any(logprobs.positions[index].incomplete for index in positions),
    )


def of_labels(
    logprobs: Logprobs, labels: Sequence[str], path: str = ""
) -> LabelConfidence:
    """Return the probability of each label at the answer's start, or at ``path``.

    Case is ignored, and so are quotes and similar characters before a label.

    Raises:
        UsageError: there are no labels, an empty one, or two equal ones.
        AnswerError: as for :func:`of_field`, if ``path`` is not empty.
    """
    folded = {label.strip().casefold(): label for label in labels}
    if not folded or "" in folded or len(folded) < len(labels):
        raise UsageError("logprobs.bad_labels", given=", ".join(map(repr, labels)))
    where = json_path.locate(logprobs.text, path)[0] if path else 0
    masses = dict.fromkeys(labels, 0.0)
    start = len(encode(logprobs.text[:where]))
    for label, mass in _masses(logprobs, start, [*folded]):
        masses[folded[label]] += mass
    covered = math.fsum(masses.values())
    return LabelConfidence(
        {k: mass / covered if covered else math.nan for k, mass in masses.items()},
        masses,
        max(0.0, 1.0 - covered),
    )


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


class _Fit(NamedTuple):
    """Label that a text is (the longest), and labels that it may still become."""

    whole: str | None
    begun: list[str]

    @property
    def only(self) -> str | None:
        """The only possible label, or None if there are none or several."""
        left = [*self.begun, *([self.whole] if self.whole else [])]
        return left[0] if len(left) == 1 else None


NO_FIT = _Fit(None, [])


def _masses(
    logprobs: Logprobs, start: int, labels: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """Yield labels and what each beginning of an answer adds to their probability."""
    data, mass = logprobs.data, 1.0
    held = [
        (position, place)
        for position, place in zip(logprobs.positions, logprobs.places, strict=True)
        if place is not None and place[1] > start
    ]
    held += _ending(logprobs) if held else []
    first = min(start, held[0][1][0]) if held else start
    lead = data[first:start]
    places = [*(place for _, place in held[1:]), None]
    for (position, place), then in zip(held, places, strict=False):
        for other, share in _not_sampled(position):
            raw = spelt(other, alphabet=logprobs.alphabet)
            fit = _fit(data[first : place[0]] + raw, lead, labels) if raw else NO_FIT
            if fit.only:
                yield fit.only, mass * share
        mass *= position.probability
        fit = _fit(data[first : place[1]], lead, labels)
        if then != place and (fit.only or not fit.begun):
            break
    fit = _fit(data[first:], lead, labels)
    settled = fit.whole or fit.only
    if settled and held:
        yield settled, mass


def _ending(logprobs: Logprobs) -> list[tuple[Position, tuple[int, int]]]:
    """Return the token after the text that ended the answer, if it is reported.

    It has no text, but its alternatives include continuations to longer labels.
    """
    last = len(logprobs.places) - 1
    if last < 1 or logprobs.places[last] or logprobs.places[last - 1] is None:
        return []
    return [(logprobs.positions[last], (len(logprobs.data), len(logprobs.data)))]


def _not_sampled(position: Position) -> list[tuple[Alternative, float]]:
    pairs = [*zip(position.alternatives, position.shares, strict=True)]
    return pairs[: position.sampled] + pairs[position.sampled + 1 :]


def _fit(said: bytes, lead: bytes, labels: Sequence[str]) -> _Fit:
    if not said.startswith(lead):
        return NO_FIT
    said = said[len(lead) :]
    text = said.decode("utf-8", "ignore")
    part = said[len(text.encode()) :]
    spoken = {text.lstrip().casefold(), text.lstrip(LEAD).casefold()}
    whole = [label for label in labels if any(_is(label, said) for said in spoken)]
    begun = [
        label
        for label in labels
        if any(_begins(label, said.encode() + part) for said in spoken)
    ]
    return _Fit(max(whole, key=len, default=None), begun)


def _is(label: str, said: str) -> bool:
    """Return whether ``said`` is the label, or starts with it as a whole word."""
    following = said[len(label) :]
    if not said.startswith(label) or not following:
        return said == label
    return not (spells(label[-1]) and spells(following[0]))


def _begins(label: str, said: bytes) -> bool:
    spelling = label.encode()
    return len(said) < len(spelling) and spelling.startswith(said)
