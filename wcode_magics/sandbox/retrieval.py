"""Retrieval of the nearest known question by shared words, weighted by rarity."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from . import analysis, arithmetic, library

_OF_KNOWN = 0.6
"""Exponent of the covered share of the known question; the query's is 1 - this."""


_HALF = 0.5
"""Share of the query's topic that a known question with a narrower topic must cover."""


@dataclass(frozen=True, slots=True)
class Index:
    """Inverted index of texts by feature; ``rarity`` is ln(1 + N / matching texts).

    ``scales`` divides by the rarity of a whole text, to the power of its share.
    """

    postings: dict[str, list[int]]
    rarity: dict[str, float]
    scales: list[float]
    unseen: float

    def scores(self, text: str) -> dict[int, float]:
        """Return similarities from 0 to 1 by index, for texts that share a feature."""
        features = _features(text)
        mass = math.fsum(self.rarity.get(f, self.unseen) for f in features) or 1.0
        shared: defaultdict[int, float] = defaultdict(float)
        for feature in features:
            for place in self.postings.get(feature, ()):
                shared[place] += self.rarity[feature]
        scale = arithmetic.power(mass, _OF_KNOWN - 1)
        return {
            place: arithmetic.rounded(shared[place] * self.scales[place] * scale)
            for place in sorted(shared)
        }


def index(texts: Sequence[str]) -> Index:
    """Build an index of texts."""
    features = tuple(map(_features, texts))
    counts = Counter(feature for found in features for feature in found)
    by_count = {n: arithmetic.log(1 + len(texts) / n) for n in set(counts.values())}
    rarity = {feature: by_count[count] for feature, count in counts.items()}
    postings: defaultdict[str, list[int]] = defaultdict(list)
    for place, found in enumerate(features):
        for feature in found:
            postings[feature].append(place)
    masses = [math.fsum(rarity[f] for f in found) or 1.0 for found in features]
    scales = [arithmetic.power(mass, -_OF_KNOWN) for mass in masses]
    return Index(dict(postings), rarity, scales, arithmetic.log(1.0 + len(texts)))


def pairs(text: str, language: str) -> list[tuple[library.Pair, float]]:
    """Return pairs with answers in a language, with similarity, best first."""
    found, owners = _questions()
    best: dict[int, float] = {}
    topic = _topic(text)
    for place, score in found.scores(text).items():
        known_topic = _topics()[place]
        covered = len(topic & known_topic) / len(topic) if topic else 1.0
        fits = score * (0.5 + 0.5 * covered)
        if known_topic and known_topic <= topic and covered >= _HALF:
            fits = max(fits, _HALF + 0.3 * covered + 0.1 * score)
        owner = owners[place]
        best[owner] = max(best.get(owner, 0.0), fits)
    known = library.pairs()
    rows = [(known[owner], best[owner]) for owner in sorted(best)]
    rows = [row for row in rows if _language(row[0]) == language]
    return sorted(rows, key=lambda row: -row[1])


def phrases(text: str, target: str) -> list[tuple[str, float]]:
    """Return translations of the phrases nearest to a text, best first."""
    known = library.phrases()
    column = 0 if target == "zh" else 1
    found = _phrases(column).scores(text)
    rows = [(known[place][1 - column], score) for place, score in found.items()]
    return sorted(rows, key=lambda row: -row[1])


def warm() -> None:
    """Build the index of questions in advance, so that the first answer is fast."""
    _questions()
    _topics()


def _language(pair: library.Pair) -> str:
    first = pair.answers[0].parts[0]
    return library.language(first if len(first) > 1 else pair.questions[0])


@cache
def _questions() -> tuple[Index, tuple[int, ...]]:
    rows = [(q, i) for i, pair in enumerate(library.pairs()) for q in pair.questions]
    return index([row[0] for row in rows]), tuple(row[1] for row in rows)


@cache
def _phrases(column: int) -> Index:
    return index([phrase[column] for phrase in library.phrases()])


@cache
def _topics() -> tuple[frozenset[str], ...]:
    return tuple(_topic(q) for pair in library.pairs() for q in pair.questions)


def _topic(text: str) -> frozenset[str]:
    """Return the topic of a question: its words without function and frame words."""
    found = analysis.content_words(text.replace("_", " "))
    return frozenset(found) - library.words("frame")


def _features(text: str) -> list[str]:
    """Return words, word pairs (Chinese: character pairs) and stems, sorted."""
    terms = analysis.words(text.replace("_", " "))
    features = set(terms)
    features.update(f"{a} {b}" for a, b in itertools.pairwise(terms))
    features.update(f"{term[:5]}~" for term in terms if len(term) > 5)
    return sorted(features)
