"""Probability of each of several labels.

At each token of the answer, the preceding text and each alternative form the beginning
of another answer. If exactly one label has this beginning, its probability is added to
that label: the product of the probabilities of the preceding tokens and of the
alternative. Beginnings of several labels, or of none, are uncovered.

Beginnings of several labels can be completed: given the token that follows such a
beginning, with its alternatives, each of these extends it, and so on; one without text
ends the answer. Only those with enough probability to be seen in the result are, and at
most :data:`MOST_COMPLETED` of an answer; the others are uncovered.

With a path, what stands before the value in its first token is divided out: the
probabilities there are relative to the alternatives that begin the value at all.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wcode_magics.errors import UsageError
from wcode_magics.logprobs import json_path
from wcode_magics.logprobs.byte_dialects import decode, encode, spelt
from wcode_magics.logprobs.fused_token import opening, remainder
from wcode_magics.logprobs.graphemes import spells
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.position import Position
from wcode_magics.logprobs.token import Alternative
from wcode_magics.runtime.imports import shown_by

PRECEDING = " \t\r\n\"'`*_([{“‘「『《（【"
"""Characters that may precede the label in an answer."""
NEGLIGIBLE = 1e-9
"""Probability below which a beginning of several labels is not completed."""
NEGLIGIBLE_PRECEDING = 1e-3
"""The same for a beginning of :data:`PRECEDING` alone, which every label shares."""
MOST_PRECEDING_TOKENS = 2
"""Most tokens of such a beginning that are completed."""
MOST_COMPLETED = 16
"""Most beginnings of an answer that are completed."""


@dataclass(frozen=True, slots=True)
class LabelConfidence:
    """Probabilities of labels: ``shares`` sum to 1 over the labels.

    ``masses`` are the probabilities before normalization; ``uncovered`` is the
    probability of anything else, and of tokens that are ambiguous or not listed. With
    no mass on any label, the shares are nan and ``best`` is None. ``unlisted`` is the
    most that a label without mass may have in tokens that are not listed.
    """

    shares: Mapping[str, float]
    masses: Mapping[str, float]
    uncovered: float
    unlisted: float = 0.0

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.labels")

    def __repr__(self) -> str:
        shares = [f"{label!r} {share:.4g}" for label, share in self.shares.items()]
        return f"<LabelConfidence {', '.join(shares)}; uncovered {self.uncovered:.4g}>"

    @property
    def best(self) -> str | None:
        """The most likely label, or None."""
        best = max(self.masses, key=self.masses.__getitem__)
        return best if self.masses[best] else None


def of_labels(
    logprobs: Logprobs,
    labels: Sequence[str],
    path: str = "",
    after: Mapping[str, Logprobs] | None = None,
) -> LabelConfidence:
    """Return the probability of each label at the answer's start, or at ``path``.

    Case is ignored, and so are quotes and similar characters before a label. ``after``
    maps beginnings (see :func:`beginnings`) to the token that follows each.

    Raises:
        UsageError: there are no labels, an empty one, or two equal ones.
        AnswerError: the answer is not JSON, has no such field or ends inside it.
    """
    folded = _by_folded(labels)
    where = json_path.locate(logprobs.text, path)[0] if path else 0
    masses = dict.fromkeys(labels, 0.0)
    start, hidden = len(encode(logprobs.text[:where])), 0.0
    for branch in _branches(logprobs, start, [*folded], after or {}):
        if branch.fit.only:
            masses[folded[branch.fit.only]] += branch.mass
        hidden += branch.unlisted
    covered = math.fsum(masses.values())
    return LabelConfidence(
        {k: mass / covered if covered else math.nan for k, mass in masses.items()},
        masses,
        max(0.0, 1.0 - covered),
        hidden,
    )


def beginnings(
    logprobs: Logprobs, labels: Sequence[str], after: Mapping[str, Logprobs]
) -> dict[str, float]:
    """Return the beginnings of several labels that ``after`` lacks, likeliest first.

    Each is the text of an answer so far, with its probability. Those too unlikely to
    be completed and those that end inside a character are left out, and together with
    ``after`` there are at most :data:`MOST_COMPLETED`.
    """
    found: dict[str, float] = {}
    for branch in _branches(logprobs, 0, [*_by_folded(labels)], after):
        text = decode(branch.prefix)
        open_ = branch.fit.begun and not branch.fit.only
        if text and open_ and text not in after:
            found[text] = found.get(text, 0.0) + branch.mass
    likely = [pair for pair in found.items() if _counts(*pair, after)]
    left = max(0, MOST_COMPLETED - len(after))
    return dict(sorted(likely, key=lambda pair: -pair[1])[:left])


def _counts(text: str, mass: float, after: Mapping[str, Logprobs]) -> bool:
    """Return whether to complete a beginning: likely, and not only preceding text."""
    if text.strip(PRECEDING):
        return mass > NEGLIGIBLE
    depth = sum(text.startswith(shorter) for shorter in after)
    return mass > NEGLIGIBLE_PRECEDING and depth < MOST_PRECEDING_TOKENS


def _by_folded(labels: Sequence[str]) -> dict[str, str]:
    folded = {label.strip().casefold(): label for label in labels}
    if not labels:
        raise UsageError("logprobs.no_labels")
    if "" in folded or len(folded) < len(labels):
        raise UsageError("logprobs.bad_labels", given=", ".join(map(repr, labels)))
    return folded


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


class _Branch(NamedTuple):
    """Beginning of an answer: which labels it fits, its probability and its bytes.

    ``unlisted`` is the most that a token which is not listed, or whose text is lost,
    can have in its place.
    """

    fit: _Fit
    mass: float
    prefix: bytes
    unlisted: float = 0.0


def _branches(
    logprobs: Logprobs, start: int, labels: Sequence[str], after: Mapping[str, Logprobs]
) -> Iterator[_Branch]:
    """Yield the beginnings at which an answer becomes one label, several, or none."""
    data, mass = logprobs.data, 1.0
    tokens = [
        (position, place)
        for position, place in zip(logprobs.positions, logprobs.places, strict=True)
        if place is not None and place[1] > start
    ]
    tokens += _ending(logprobs) if tokens else []
    first = min(start, tokens[0][1][0]) if tokens else start
    preceding = data[first:start]
    if preceding:
        whole = opening(tokens[0][0], preceding, alphabet=logprobs.alphabet)
        mass = 1.0 / whole if whole else 1.0
    places = [*(place for _, place in tokens[1:]), None]
    for (position, place), then in zip(tokens, places, strict=False):
        begun = data[first : place[0]]
        for other, share in _not_sampled(position):
            raw = spelt(other, alphabet=logprobs.alphabet)
            if not raw:
                yield _Branch(NO_FIT, 0.0, begun, mass * share)
                continue
            prefix = begun + raw
            branch = _Branch(_fit(prefix, preceding, labels), mass * share, prefix)
            yield from _completed(branch, labels, after)
        yield _Branch(NO_FIT, 0.0, begun, mass * position.unlisted)
        mass *= position.probability
        fit = _fit(data[first : place[1]], preceding, labels)
        if then != place and (fit.only or not fit.begun):
            break
    fit = _fit(data[first:], preceding, labels)
    settled = fit.whole or fit.only
    if tokens:
        prefix = data[first:]
        fit = _Fit(settled, []) if settled else fit
        yield from _completed(_Branch(fit, mass, prefix), labels, after)


def _completed(
    branch: _Branch, labels: Sequence[str], after: Mapping[str, Logprobs]
) -> Iterator[_Branch]:
    """Yield a beginning, or its continuations if the token after it is known."""
    text = decode(branch.prefix)
    following = after.get(text) if text and branch.fit.begun else None
    if following is None or branch.fit.only:
        yield branch
        return
    if not following.positions:
        yield branch._replace(fit=_Fit(branch.fit.whole, []))
        return
    position = following.positions[-1]
    yield _Branch(NO_FIT, 0.0, branch.prefix, branch.mass * position.unlisted)
    for other, share in zip(position.alternatives, position.shares, strict=True):
        mass, raw = branch.mass * share, spelt(other, alphabet=following.alphabet)
        if raw:
            prefix = branch.prefix + raw
            longer = _Branch(_fit(prefix, b"", labels), mass, prefix)
            yield from _completed(longer, labels, after)
        elif raw is not None and branch.fit.whole:
            yield _Branch(_Fit(branch.fit.whole, []), mass, branch.prefix)
        else:
            yield _Branch(NO_FIT, 0.0, branch.prefix, mass)


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


def _fit(raw: bytes, preceding: bytes, labels: Sequence[str]) -> _Fit:
    rest = remainder(raw, preceding) if preceding else raw
    if rest is None:
        return NO_FIT
    text = rest.decode("utf-8", "ignore")
    part = rest[len(text.encode()) :]
    readings = {text.lstrip().casefold(), text.lstrip(PRECEDING).casefold()}
    whole = [label for label in labels if any(_is(label, one) for one in readings)]
    begun = [
        label
        for label in labels
        if any(_begins(label, one.encode() + part) for one in readings)
    ]
    return _Fit(max(whole, key=len, default=None), begun)


def _is(label: str, text: str) -> bool:
    """Return whether ``text`` is the label, or starts with it as a whole word."""
    following = text[len(label) :]
    if not text.startswith(label) or not following:
        return text == label
    return not (spells(label[-1]) and spells(following[0]))


def _begins(label: str, start: bytes) -> bool:
    spelling = label.encode()
    return len(start) < len(spelling) and spelling.startswith(start)
