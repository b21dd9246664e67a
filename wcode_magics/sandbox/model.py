"""The language model: a true distribution over the whole vocabulary at each step.

Two memories are mixed. The drafts are what the planner found for this request
(retrieved answers, labels, values, the prompt itself), weighted; the corpus is
the bundled text. Each is predicted by matching contexts from the longest down,
escaping to shorter ones (PPM with method C escapes, Moffat 1990, in blended
form). What escapes from the corpus goes, in part, to frequencies by script: what is
written after Latin, after Chinese, after other tokens, with additive smoothing.
Bytes that would not be UTF-8 get probability 0, so that every sample is a text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import arithmetic, library, tokenizer
from .memory import Floats, Ids, Memory, Trail
from .utf8 import FREE, Utf8

_TRUST = (0.0, 0.6, 0.9, 0.985)
"""Share of the drafts by matched tokens; the rest goes to the corpus."""

_DRAFT_CONTEXT = 16
_CORPUS_CONTEXT = 8
"""Tokens of context that are matched at most."""

_GLANCE = 3
"""Tokens of context for the corpus beside the drafts: what else could be said here;
with longer ones it would repeat the drafts, which stand in it."""

_DRAFT_ESCAPE = 0.06
_FAINT = 2e-3
"""Weight at which a draft is trusted half as much: quotes of the prompt are."""

_SMOOTHING = 0.01
_FLOOR = 0.05
"""Share of the mass that escapes all contexts which goes on to the floor; the
rest is spread over what the contexts said, by normalising."""
_LEAST_MASS = 1e-4


@dataclass(frozen=True, slots=True)
class WeightedDraft:
    """A text the answer may follow, tokens that start with ASSISTANT or inside."""

    tokens: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """The trained part.

    ``floors`` has a row of probabilities, shape (3, size), for each script that
    the last token may have; ``scripts``, shape (size,), says which it has.
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
    """Return 0 for Latin letters, 1 for Chinese and other wide ones, 2 for the rest."""
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
    """The model reading one conversation: its state grows with the answer."""

    __slots__ = ("_corpus", "_drafts", "_last", "_length", "_model", "_utf8")

    def __init__(self, model: LanguageModel, drafts: Iterable[WeightedDraft]) -> None:
        """Take what the planner drafted and stand at the start of the answer."""
        self._model = model
        texts = [(draft.tokens, draft.weight) for draft in drafts]
        self._drafts = Trail(Memory.of(texts, model.size), _DRAFT_CONTEXT)
        self._corpus = Trail(model.corpus, _CORPUS_CONTEXT)
        self._length = 0
        self._last = tokenizer.ASSISTANT
        self._utf8 = Utf8(model.size)
        self._step(tokenizer.ASSISTANT)

    def read(self, tokens: Sequence[int]) -> None:
        """Take in tokens of the answer."""
        for token in tokens:
            self._step(token)
            self._utf8.step(token)

    @property
    def whole(self) -> bool:
        """Whether the text so far ends between characters."""
        return self._utf8.state == FREE

    def predict(self) -> Floats:
        """Return the probabilities of every next token, shape (size,), sum 1.

        They are rounded: what is equal but for the order of its sums is equal here.
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
        """Add what the drafts say, longest context first; return the mass left."""
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
        """Yield what follows each context in the drafts, with weights."""
        memory = self._drafts.memory
        for places in reversed(self._drafts.matches):
            following = memory.tokens[places]
            weights = memory.weights[places] * (following >= 0)
            if weights.any():
                yield following, weights

    def _trust(self) -> float:
        """Return the share of the drafts: full if all of the answer is theirs."""
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
        """Count what follows the places: ids, shares, and what escapes (method C)."""
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
