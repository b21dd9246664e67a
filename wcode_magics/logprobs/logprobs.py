"""Token log probabilities of an answer, and statistics on them."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from statistics import mode
from typing import TYPE_CHECKING

from wcode_magics import text
from wcode_magics.logprobs import graphemes
from wcode_magics.logprobs.byte_dialects import LOST, decode, encode, spelt
from wcode_magics.logprobs.graphemes import Glyph
from wcode_magics.logprobs.position import (
    UNLIKELY,
    Position,
    is_incomplete,
    sampled,
    shown,
)
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.logprobs.token_bytes import Place, place_tokens, uses_alphabet
from wcode_magics.runtime.imports import of_extra, shown_by

if TYPE_CHECKING:
    import pandas as pd

CERTAIN = -1e-9  # a logprob above this is a probability of 1 up to rounding
LEAST_CERTAIN = 5


@dataclass(frozen=True)
class Logprobs:
    """Tokens of an answer, aligned with its text.

    Sums and means are over the tokens in the text whose logprob the server reported:
    they do not depend on whether it lists a stop token. ``counted`` is the endpoint's
    token count for the text, None if unknown: some servers list fewer tokens (llama.cpp
    lists only the token that completes a character), and unlisted ones are in no sum.
    ``vocabulary`` is the number of tokens of the model, None if unknown.
    """

    tokens: tuple[TokenLogprob, ...]
    text: str
    counted: int | None = None
    vocabulary: int | None = None

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.logprobs")

    def __repr__(self) -> str:
        return f"<Logprobs: tokens {len(self.tokens)}, mean {self.mean:.4g}>"

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def data(self) -> bytes:
        """The text in UTF-8, which all byte offsets refer to."""
        return encode(self.text)

    @cached_property
    def places(self) -> list[Place]:
        """Byte offsets [start, stop) of each token; None if it is not in the text."""
        return place_tokens(self.tokens, self.data)

    @cached_property
    def alphabet(self) -> bool:
        """Whether the server spells its tokens in GPT-2's byte alphabet."""
        return uses_alphabet(self.tokens, self.places, self.data)

    @cached_property
    def glyphs(self) -> tuple[Glyph, ...]:
        """Visible pieces of the text, with the tokens of each."""
        return graphemes.cut(self.text, self.places)

    @cached_property
    def positions(self) -> tuple[Position, ...]:
        """One :class:`Position` per token."""
        return tuple(map(self.position_at, range(len(self.tokens))))

    @property
    def sum(self) -> float:
        """Natural log probability of the answer."""
        return math.fsum(self._known)

    @property
    def mean(self) -> float:
        """Mean natural log probability of a token; nan without tokens."""
        return self.sum / len(self._known) if self._known else math.nan

    @property
    def perplexity(self) -> float:
        """exp(-mean logprob), as Jelinek and others defined it in 1977.

        It depends on the tokenizer: compare models by ``bits_per_character``. Infinite
        beyond the largest float.
        """
        try:
            return math.exp(-self.mean)
        except OverflowError:
            return math.inf

    @property
    def bits_per_character(self) -> float:
        """-Σ log2 p per character that tokens were reported for; nan if none."""
        characters = sum(len(g.text) for g in self.glyphs if not g.unreported)
        return (
            -self.sum / math.log(2) / characters
            if characters and self._known
            else math.nan
        )

    @property
    def certain(self) -> bool:
        """Whether every probability is 1 and that of every alternative 0 or missing.

        This happens if a server reports probabilities after sampling at temperature 0;
        they then carry no information about the model's certainty.
        """
        others = (other.logprob for token in self.tokens for other in token.top)
        known = (one for one in chain(self._known, others) if one > UNLIKELY)
        return bool(self._known) and all(one > CERTAIN for one in known)

    @property
    def without_logprob(self) -> int:
        """Number of tokens of the text without a known logprob (-inf, -9999)."""
        return sum(place is not None for place in self.places) - len(self._known)

    @property
    def unlisted(self) -> int:
        """Number of counted tokens that are not listed; 0 for one, the end token."""
        missing = (self.counted or 0) - len(self.tokens)
        return missing if missing > 1 else 0

    @property
    def incomplete(self) -> int:
        """Number of tokens sampled in parts of which only the last is listed."""
        return sum(map(is_incomplete, self.tokens))

    def least_certain(self, count: int = LEAST_CERTAIN) -> list[Position]:
        """Return the ``count`` least likely tokens of the text, least likely first."""
        in_text = (at for at, place in enumerate(self.places) if place is not None)
        least = sorted(in_text, key=lambda index: self.tokens[index].logprob)[:count]
        return [*map(self.position_at, least)]

    def logprob_of(self, glyph: Glyph) -> float:
        """Return the summed natural log probability of the tokens of a piece."""
        behind = self.tokens[glyph.first : glyph.stop]
        return math.fsum(min(token.logprob, 0.0) for token in behind)

    def position_at(self, index: int) -> Position:
        """Return a token with its probability, alternatives and uncertainty."""
        known = self._positions.get(index)
        if known is None:
            token, (texts, alone) = self.tokens[index], self._texts
            data = self._bytes(index) if alone[index] else None
            fields = shown(token, self._requested)
            known = Position(index, texts[index], data, token.logprob, *fields)
            self._positions[index] = known
        return known

    def glyph_at(self, index: int) -> Glyph:
        """Return the piece of the text that a token belongs to."""
        place = bisect_right(self.glyphs, index, key=attrgetter("first")) - 1
        return self.glyphs[place]

    def sampled(self, index: int) -> Alternative:
        """Return a token as reported, without its alternatives."""
        return sampled(self.tokens[index])

    def readable(self, alternative: Alternative) -> str:
        r"""Return an alternative's text: single bytes as ``\xe9``, lost as ``\x??``."""
        data = spelt(alternative, alphabet=self.alphabet)
        if data is None:
            return alternative.token.replace(LOST, r"\x??")
        return decode(data) or data.decode("utf-8", "backslashreplace")

    def notes(self) -> list[str]:
        """Return caveats about these numbers, as messages."""
        missing = sum(len(g.text) for g in self.glyphs if g.unreported)
        outside = sum(place is None for place in self.places)
        found = {
            "certain": self.certain,
            "unreported": missing,
            "outside": outside,
            "without_logprob": self.without_logprob,
            "incomplete": self.incomplete,
            "unlisted": self.unlisted,
        }
        return [
            text.say(f"logprobs.note_{key}", count=count)
            for key, count in found.items()
            if count
        ]

    def frame(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per token.

        Columns: position; token (characters; joined they are the text that tokens
        were reported for); bytes; logprob (natural); probability; entropy (of the
        listed alternatives, bits); rank; alternatives (token: probability, most likely
        first; repeated texts are numbered).
        """
        with of_extra("pandas"):
            import pandas as pd

        odds = [self._odds(self.position_at(index)) for index in range(len(self))]
        return pd.DataFrame(
            {
                "position": range(len(self.tokens)),
                "token": [p.text for p in self.positions],
                "bytes": pd.Series([p.bytes for p in self.positions], dtype=object),
                "logprob": [p.logprob for p in self.positions],
                "probability": [p.probability for p in self.positions],
                "entropy": [p.entropy for p in self.positions],
                "rank": pd.array([p.rank for p in self.positions], dtype="Int64"),
                "alternatives": odds,
            }
        )

    @cached_property
    def _known(self) -> list[float]:
        return [
            min(token.logprob, 0.0)
            for token, place in zip(self.tokens, self.places, strict=True)
            if place is not None and token.logprob > UNLIKELY
        ]

    @cached_property
    def _requested(self) -> int:
        """Number of alternatives that most tokens have."""
        return mode([len(token.top) for token in self.tokens] or [0])

    @cached_property
    def _positions(self) -> dict[int, Position]:
        """Those asked for so far, by index."""
        return {}

    @cached_property
    def _texts(self) -> tuple[list[str], list[bool]]:
        texts, alone = [""] * len(self.tokens), [True] * len(self.tokens)
        for piece in self.glyphs:
            places = self.places[piece.first : piece.stop]
            for part in graphemes.characters(piece, places):
                if not part.unreported:
                    texts[part.first] = part.text
        for index, place in enumerate(self.places[:-1]):
            if place is not None and place == self.places[index + 1]:
                alone[index] = alone[index + 1] = place[0] == place[1]
        return texts, alone

    def _bytes(self, index: int) -> bytes | None:
        place = self.places[index]
        if place is None:
            return spelt(sampled(self.tokens[index]), alphabet=self.alphabet)
        start, stop = place
        return self.data[start:stop]

    def _odds(self, position: Position) -> dict[str, float]:
        others, shares = position.alternatives, position.shares
        words = [other.token for other in others]
        odds = dict(zip(words, shares, strict=True))
        if self.alphabet or LOST in "".join(odds):
            words = [*map(self.readable, others)]
            odds = dict(zip(words, shares, strict=True))
        if len(odds) == len(words):
            return odds
        odds.clear()
        for word, share in zip(words, shares, strict=True):
            name, times = word, 1
            while name in odds:
                times += 1
                name = f"{word} ({times})"
            odds[name] = share
        return odds
