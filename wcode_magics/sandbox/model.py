"""Language model: a distribution over the whole vocabulary at each step.

Two sources are mixed. The drafts are what the planner found for this request
(retrieved answers, labels, values, the prompt itself), weighted; the corpus is
the bundled text. Each predicts by matching contexts from the longest down,
escaping to shorter ones (PPM with method C escapes, Moffat 1990, in blended
form). Part of the mass that escapes from the corpus goes to frequencies by script:
tokens after Latin, Chinese and other tokens, with additive smoothing. Bytes that
would make invalid UTF-8 get probability 0, so every sample is valid text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import arithmetic, library, tokenizer
from .memory import Floats, Ids, Memory, Trail
from .utf8 import FREE, Utf8

_TRUST = (0.0, 0.6, 0.9, 0.985)
"""Share of the drafts by number of matched tokens; the corpus gets the rest."""

_DRAFT_CONTEXT = 16
_CORPUS_CONTEXT = 8
"""Maximum tokens of context that are matched."""

_GLANCE = 3
"""Maximum tokens of context in the corpus if drafts apply, to provide alternatives;
longer contexts would repeat the drafts, which are part of the corpus."""

_DRAFT_ESCAPE = 0.06
_FAINT = 2e-3
"""Weight at which a draft is trusted half as much, as quotes of the prompt are."""

_SMOOTHING = 0.01
_FLOOR = 0.05
"""Share of the mass escaping all contexts that goes to the floor; normalization
spreads the rest over the predictions of the contexts."""
_LEAST_MASS = 1e-4


@dataclass(frozen=True, slots=True)
class WeightedDraft:
    """Text that the answer may follow; starts with ASSISTANT unless it is a part."""

    tokens: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Trained part of the model.

    ``floors``, shape (3, size), has a row of probabilities for each script of the
    last token; ``scripts``, shape (size,), is the script of each token.
    """

    corpus: Memory
    floors: Floats
    scripts: Ids
    cache: dict[int, tuple[Ids, Floats, float]]

    @property
    def size(self) -> int:
        """Number of tokens in the vocabulary."""
        return int(self.scripts.size)


@cache
def load() -> LanguageModel:
    """Train on the bundled corpus (tens of milliseconds)."""
    tok = tokenizer.load()
    start, end = tokenizer.ASSISTANT, tokenizer.END
    answers = [a.at("high") for pair in library.pairs() for a in pair.answers]
    texts = [([start, *tok.encode(text), end], 1.0) for text in answers]
    texts += [([*tok.encode(text), end], 1.0) for text in tokenizer.texts()]
    corpus = Memory.of(texts, tok.size)
    scripts = np.array([_script(raw) for raw in tok.bytes_of])
    return LanguageModel(corpus, _floors(corpus, scripts), scripts, {})


def _script(raw: bytes) -> int:
    """Return 0 for Latin letters, 1 for Chinese and other wide ones, else 2."""
    if raw.strip().isalpha() and raw.isascii():
        return 0
    return 1 if raw[0] >= _FIRST_WIDE else 2


_FIRST_WIDE = 0xE3


def _floors(corpus: Memory, scripts: Ids) -> Floats:
    last, following = corpus.tokens[:-1], corpus.tokens[1:]
    pairs = (last >= 0) & (following >= 0)
    found = np.full((3, scripts.size), _SMOOTHING)
    np.add.at(found, (scripts[last[pairs]], following[pairs]), 1.0)
    found[:, list(tokenizer.MARKS)] = 0.0
    return np.asarray(found / found.cumsum(axis=1)[:, -1:])


class Mind:
    """State of the model for one answer; grows with its tokens."""

    __slots__ = ("_corpus", "_drafts", "_last", "_length", "_model", "_utf8")

    def __init__(self, model: LanguageModel, drafts: Iterable[WeightedDraft]) -> None:
        """Index the planner's drafts and start at the beginning of the answer."""
        self._model = model
        texts = [(draft.tokens, draft.weight) for draft in drafts]
        self._drafts = Trail(Memory.of(texts, model.size), _DRAFT_CONTEXT)
        self._corpus = Trail(model.corpus, _CORPUS_CONTEXT)
        self._length = 0
        self._last = tokenizer.ASSISTANT
        self._utf8 = Utf8(model.size)
        self._step(tokenizer.ASSISTANT)

    def read(self, tokens: Sequence[int]) -> None:
        """Advance by tokens of the answer."""
        for token in tokens:
            self._step(token)
            self._utf8.step(token)

    @property
    def whole(self) -> bool:
        """Whether the text so far ends between characters."""
        return self._utf8.state == FREE

    def predict(self) -> Floats:
        """Return the probabilities of the next token, shape (size,), sum 1.

        They are rounded, so that they do not depend on the order of summation.
        """
        out = np.zeros(self._model.size)
        left = self._follow_drafts(out)
        left = self._follow_corpus(out, left)
        script = self._model.scripts[self._last]
        out += left * _FLOOR * self._model.floors[script]
        out *= self._utf8.mask()
        return arithmetic.rounded(out / arithmetic.total(out))

    def _step(self, token: int) -> None:
        self._drafts.add(token)
        self._corpus.add(token)
        self._last = token
        self._length += 1

    def _follow_drafts(self, out: Floats) -> float:
        """Add the drafts' predictions, longest context first; return the mass left."""
        given = mass = 0.0
        for following, weights in self._said():
            total = arithmetic.total(weights)
            if not given:
                given = mass = self._trust() * total / (total + _FAINT)
            np.add.at(out, following, weights * (mass * (1 - _DRAFT_ESCAPE) / total))
            mass *= _DRAFT_ESCAPE
            if mass < _LEAST_MASS:
                break
        return 1.0 - given + mass

    def _said(self) -> Iterator[tuple[Ids, Floats]]:
        """Yield the tokens that follow each context in the drafts, with weights."""
        memory = self._drafts.memory
        for places in reversed(self._drafts.matches):
            following = memory.tokens[places]
            weights = memory.weights[places] * (following >= 0)
            if weights.any():
                yield following, weights

    def _trust(self) -> float:
        """Return the share of the drafts: full if the whole answer matches one."""
        depth = len(self._drafts.matches)
        full = depth == self._length or depth >= len(_TRUST)
        return _TRUST[-1] if full else _TRUST[depth]

    def _follow_corpus(self, out: Floats, left: float) -> float:
        tokens = self._model.corpus.tokens
        reach = _CORPUS_CONTEXT if left == 1.0 else _GLANCE
        for places in reversed(self._corpus.matches[:reach]):
            if places.size == 1:
                token = tokens[places[0]]
                if token >= 0:
                    left *= 0.5
                    out[token] += left
                continue
            ids, shares, escape = self._spread(places)
            out[ids] += left * shares
            left *= escape
        return left

    def _spread(self, places: Ids) -> tuple[Ids, Floats, float]:
        """Count tokens at places; return ids, shares and escaping mass (method C)."""
        large = places.size > _CACHED_PLACES
        key = int(places[0])
        if large and places.base is not None and key in self._model.cache:
            return self._model.cache[key]
        following = self._model.corpus.tokens[places]
        ids, counts = np.unique(following[following >= 0], return_counts=True)
        whole = float(counts.sum() + ids.size) or 1.0
        found = ids, counts / whole, (ids.size / whole if ids.size else 1.0)
        if large and places.base is not None:
            self._model.cache[key] = found
        return found


_CACHED_PLACES = 16
