"""Captions of tokens as text: summary, tooltip of a piece, row of a table."""

from collections.abc import Iterator

from wcode_magics.logprobs.graphemes import Glyph
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import ABOUT, NO_NUMBER, number, percent
from wcode_magics.logprobs.position import Position, probability
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import clipped
from wcode_magics.text import say

COLUMNS = ("position", "token", "logprob", "probability", "entropy", "alternatives")
TEXT_COLUMNS = {1, 5}
NO_TEXT = "∅"
MAX_TEXT = 1_000  # displayed characters of one token
MAX_SHARING = 8  # tokens of one piece that are listed individually
LEAST = 2  # alternatives shown however unlikely: the token and the next one
TINY = 0.0005
"""Minimum probability of all others that is shown."""
BETWEEN = " \u2003"
"""Space between alternatives: white space of a token is drawn, so it is no token."""


def summary(logprobs: Logprobs) -> list[str]:
    """Return the statistics of the whole answer, as phrases."""
    listed = f"{len(logprobs):,}"
    tokens = say("heatmap.tokens", value=listed)
    if logprobs.unlisted:
        tokens = say("heatmap.listed", value=listed, counted=f"{logprobs.counted:,}")
    values = {
        "sum": number(logprobs.sum),
        "mean": number(logprobs.mean, 3),
        "perplexity": number(logprobs.perplexity),
        "bits": number(logprobs.bits_per_character),
    }
    return [
        tokens,
        *(say(f"heatmap.{key}", value=value) for key, value in values.items()),
    ]


class TokenWords:
    """Captions for one answer; caches the formatted alternatives of each token.

    ``most`` is the maximum number of alternatives per token, the token itself included;
    below the probability ``least`` only the likeliest other one is shown.
    """

    def __init__(self, logprobs: Logprobs, most: int, *, least: float = 0.0) -> None:
        self.logprobs = logprobs
        self._most, self._least = most, least
        self._shown: dict[int, list[str]] = {}
        keys = ("one", "together", "rank", "rank_below", "others", "incomplete")
        self._phrases = {key: say(f"heatmap.{key}") for key in keys}

    def alternatives(self, position: Position) -> list[str]:
        """Return the likeliest tokens and the sampled one, with probabilities."""
        known = self._shown.get(position.index)
        if known is None:
            known = [f"{token} {percent(p)}" for token, p in self.likely(position)]
            self._shown[position.index] = known
        return known

    def likely(self, position: Position) -> Iterator[tuple[str, float]]:
        """Yield text and probability of the tokens of :meth:`alternatives`."""
        for place in self._places(position):
            other = self.logprobs.readable(position.alternatives[place])
            token = visible(clipped(other, MAX_TEXT)) or NO_TEXT
            yield token, position.shares[place]

    def others(self, position: Position) -> str:
        """Return the probability of all tokens but those shown, or an empty string."""
        shown = [position.shares[place] for place in self._places(position)]
        share = max(0.0, 1.0 - sum(shown or [position.probability]))
        return f"{self._phrases['others']} {percent(share)}" if share >= TINY else ""

    def _places(self, position: Position) -> list[int]:
        """Return the indices of the alternatives shown, the sampled one among them."""
        shares, own = position.shares, position.sampled
        most = enumerate(shares[: self._most])  # likeliest first
        likely = [at for at, p in most if at < LEAST or p >= self._least]
        if shares and own not in likely:
            likely = [*likely[: self._most - 1], own]
        return likely

    def label(self, index: int) -> str:
        """Return a token's text, numbered if tokens share a character."""
        piece = self.logprobs.glyph_at(index)
        text = self.logprobs.position_at(index).text
        count = piece.stop - piece.first
        if piece.outside:
            text = self.logprobs.readable(self.logprobs.sampled(index))
        elif count > 1 and text in {"", piece.text}:
            text = f"{piece.text} {index - piece.first + 1}/{count}"
        return visible(clipped(text, MAX_TEXT)) or NO_TEXT

    def title(self, piece: Glyph) -> str:
        """Return the tooltip of a piece of the text: details of each of its tokens."""
        indices = range(piece.first, piece.stop)
        positions = [*map(self.logprobs.position_at, indices)]
        if len(positions) == 1:
            return "\n".join(self._lines(positions[0]))
        total = self.logprobs.logprob_of(piece)
        lines = [
            self._phrases["together"].format(
                count=len(positions),
                share=percent(probability(total)),
            )
        ]
        for position in positions[:MAX_SHARING]:
            lines += self._lines(position)
        return "\n".join(lines if len(positions) <= MAX_SHARING else [*lines, "…"])

    def row(self, position: Position) -> list[str]:
        """Return the cells of a token, in the order of :data:`COLUMNS`."""
        bounds = position.entropy_bounds(self.logprobs.vocabulary)
        low, high = map(number, bounds)
        return [
            str(position.index),
            self.label(position.index),
            number(position.logprob, 3),
            percent(position.probability),
            _span(low, high),
            BETWEEN.join(self.alternatives(position)),
        ]

    def _lines(self, position: Position) -> Iterator[str]:
        caption = self._phrases["one"].format(
            position=position.index, share=percent(position.probability)
        )
        if not position.alternatives:
            yield caption
            return
        if position.incomplete:
            yield self._phrases["incomplete"]
        rank = self._phrases["rank" if position.listed else "rank_below"]
        first = position.rank == 1 and position.listed
        yield caption if first else f"{caption} · {rank.format(rank=position.rank)}"
        yield from self.alternatives(position)
        others = self.others(position)
        if others:
            yield others


def _span(low: str, high: str) -> str:
    """Format a range whose upper bound may be unknown."""
    if low == high:
        return low
    if high != NO_NUMBER:
        return f"{low} … {high}"
    return low if low.startswith(ABOUT) else f"≥ {low}"
