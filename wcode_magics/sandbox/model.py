"""Language model: a distribution over the whole vocabulary at each step.

Two sources are mixed. The drafts are what the planner found for this request
(retrieved answers, labels, values, the prompt itself), weighted; the corpus is
the bundled text. Each predicts by matching contexts from the longest down,
escaping to shorter ones (PPM with method C escapes, Moffat 1990, in blended
form). Part of the mass that escapes from the corpus goes to frequencies by script:
tokens after Latin, Chinese and other tokens, with additive smoothing. Bytes that
would make invalid UTF-8 get probability 0, so every sample is valid text.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from . import library, tokenizer
from .distribution import Distribution, masked
from .suffix_index import GAP, Memory, Trail
from .utf8 import FREE, Utf8

_DRAFT_SHARES = (0.0, 0.6, 0.9, 0.985)
"""Share of the drafts by number of matched tokens; the corpus gets the rest."""

_DRAFT_CONTEXT = 16
_CORPUS_CONTEXT = 8
"""Maximum tokens of context that are matched."""

_CORPUS_CONTEXT_WITH_DRAFTS = 3
"""Maximum tokens of context in the corpus if drafts apply, to provide alternatives;
longer contexts would repeat the drafts, which are part of the corpus."""

_DRAFT_ESCAPE = 0.06
_HALF_WEIGHT = 2e-3
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
class Spread:
    """Shares of the tokens that follow a context, and the share of all others."""

    shares: Mapping[int, float]
    escape: float


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Trained part of the model.

    ``floors`` has the probabilities for each script of the last token; ``scripts`` is
    the script of each token; ``spreads`` keeps what follows single tokens.
    """

    corpus: Memory
    floors: tuple[Distribution, ...]
    scripts: Sequence[int]
    spreads: dict[int, Spread]

    @property
    def size(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.scripts)


@cache
def load() -> LanguageModel:
    """Train on the bundled corpus (tens of milliseconds)."""
    tok = tokenizer.load()
    start, end = tokenizer.ASSISTANT, tokenizer.END
    answers = [a.at("high") for pair in library.pairs() for a in pair.answers]
    texts = [([start, *tok.encode(text), end], 1.0) for text in answers]
    texts += [([*tok.encode(text), end], 1.0) for text in tokenizer.texts()]
    corpus = Memory.of(texts)
    scripts = [_script(raw) for raw in tok.bytes_of]
    return LanguageModel(corpus, _floors(corpus, scripts), scripts, {})


def _script(raw: bytes) -> int:
    """Return 0 for Latin letters, 1 for Chinese and other wide ones, else 2."""
    if raw.strip().isalpha() and raw.isascii():
        return 0
    return 1 if raw[0] >= _FIRST_WIDE else 2


_FIRST_WIDE = 0xE3


def _floors(corpus: Memory, scripts: Sequence[int]) -> tuple[Distribution, ...]:
    counts = [[0] * len(scripts) for _ in range(3)]
    for last, token in itertools.pairwise(corpus.tokens):
        if last >= 0 and token >= 0:
            counts[scripts[last]][token] += 1
    return tuple(map(_floor, counts))


def _floor(counts: list[int]) -> Distribution:
    """Group the tokens by count; the marks are impossible."""
    kinds = sorted(set(counts))
    group_of = {count: group for group, count in enumerate(kinds, 1)}
    groups = bytearray(group_of[count] for count in counts)
    for mark in tokenizer.MARKS:
        groups[mark] = 0
    weights = Distribution(bytes(groups), [0.0, *(_SMOOTHING + n for n in kinds)], {})
    total = weights.total()
    return weights.mapped(lambda weight: weight / total)


class Decoder:
    """State of the model for one answer; grows with its tokens."""

    __slots__ = ("_corpus", "_drafts", "_last", "_length", "_model", "_utf8")

    def __init__(self, model: LanguageModel, drafts: Iterable[WeightedDraft]) -> None:
        """Index the planner's drafts and start at the beginning of the answer."""
        self._model = model
        texts = [(draft.tokens, draft.weight) for draft in drafts]
        self._drafts = Trail(Memory.of(texts), _DRAFT_CONTEXT)
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

    def predict(self) -> Distribution:
        """Return the probabilities of the next token, with sum 1."""
        found: dict[int, float] = {}
        left = self._follow_drafts(found)
        left = self._follow_corpus(found, left)
        floor = self._model.floors[self._model.scripts[self._last]]
        groups = masked(floor.groups, self._utf8.mask())
        common = [left * _FLOOR * prob for prob in floor.common]
        own = {
            token: prob + common[groups[token]]
            for token, prob in found.items()
            if groups[token]
        }
        return Distribution(groups, common, own).normalized()

    def _step(self, token: int) -> None:
        self._drafts.add(token)
        self._corpus.add(token)
        self._last = token
        self._length += 1

    def _follow_drafts(self, out: dict[int, float]) -> float:
        """Add the drafts' predictions, longest context first; return the mass left."""
        share = mass = 0.0
        for following in self._continuations():
            total = math.fsum(weight for _, weight in following)
            if not share:
                share = mass = self._draft_share() * total / (total + _HALF_WEIGHT)
            scale = mass * (1 - _DRAFT_ESCAPE) / total
            for token, weight in following:
                out[token] = out.get(token, 0.0) + weight * scale
            mass *= _DRAFT_ESCAPE
            if mass < _LEAST_MASS:
                break
        return 1.0 - share + mass

    def _continuations(self) -> Iterator[list[tuple[int, float]]]:
        """Yield the tokens that follow each context in the drafts, with weights."""
        tokens, weights = self._drafts.memory.tokens, self._drafts.memory.weights
        for places in reversed(self._drafts.matches):
            following = [(tokens[p], weights[p]) for p in places if tokens[p] >= 0]
            if any(weight for _, weight in following):
                yield following

    def _draft_share(self) -> float:
        """Return the share of the drafts: full if the whole answer matches one."""
        depth = len(self._drafts.matches)
        full = depth == self._length or depth >= len(_DRAFT_SHARES)
        return _DRAFT_SHARES[-1] if full else _DRAFT_SHARES[depth]

    def _follow_corpus(self, out: dict[int, float], left: float) -> float:
        """Add the corpus's predictions, longest context first; return the mass left."""
        tokens = self._model.corpus.tokens
        reach = _CORPUS_CONTEXT if left == 1.0 else _CORPUS_CONTEXT_WITH_DRAFTS
        for size, places in reversed([*enumerate(self._corpus.matches[:reach], 1)]):
            if len(places) == 1:
                token = tokens[places[0]]
                if token >= 0:
                    left *= 0.5
                    out[token] = out.get(token, 0.0) + left
                continue
            spread = self._after_last(places) if size == 1 else self._spread(places)
            for token, share in spread.shares.items():
                out[token] = out.get(token, 0.0) + left * share
            left *= spread.escape
        return left

    def _after_last(self, places: Sequence[int]) -> Spread:
        """Return what follows the last token alone, kept for other answers."""
        spreads = self._model.spreads
        if self._last not in spreads:
            spreads[self._last] = self._spread(places)
        return spreads[self._last]

    def _spread(self, places: Sequence[int]) -> Spread:
        """Count tokens at places (method C)."""
        counts = Counter(map(self._model.corpus.tokens.__getitem__, places))
        counts.pop(GAP, None)
        whole = counts.total() + len(counts)
        shares = {token: count / whole for token, count in counts.items()}
        return Spread(shares, len(counts) / whole if counts else 1.0)
