"""Which parts of a prompt a label rests on: leave one out.

The effect of a part is the natural logarithm of the label's probability with it, minus
that without it: positive if the part speaks for the label. It is the occlusion of
Zeiler and Fergus (Visualizing and understanding convolutional networks, ECCV 2014)
for text (Li, Monroe and Jurafsky, Understanding neural networks through representation
erasure, arXiv 1612.08220). Parts that say the same can each have no effect, as one is
enough; effects do not add up.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wcode_magics.logprobs.graphemes import spells, words
from wcode_magics.runtime.imports import shown_by

if TYPE_CHECKING:
    import pandas as pd

By = Literal["phrases", "words"]
MOST_PARTS = 40
_PHRASE = re.compile(r"[^,，、;；:：.!?。！？…\n]*[,，、;；:：.!?。！？…\n]*\s*")


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A part of a field: characters [start, stop) of its text; its effect, or nan.

    ``bound``: the effect is larger, as the label is not even listed without the part.
    """

    field: str
    text: str
    start: int
    stop: int
    effect: float = math.nan
    bound: bool = False


@dataclass(frozen=True)
class Attribution:
    """Effects of parts on the probability ``p`` of ``label``.

    ``fields`` are whole fields of the template, ``parts`` those of ``field``, in order;
    ``prompt`` is the text that was sent, and ``values`` are the texts of the fields.
    """

    label: str
    p: float
    fields: tuple[PromptPart, ...]
    parts: tuple[PromptPart, ...]
    field: str
    prompt: str
    values: tuple[tuple[str, str], ...]

    _repr_mimebundle_ = shown_by("wcode_magics.display.attribution_bundles.bundle")

    def __repr__(self) -> str:
        best = self.ranked[0].text if self.ranked else "–"
        return f"<Attribution {self.label!r} {self.p:.4g}: {best!r} first>"

    @property
    def ranked(self) -> list[PromptPart]:
        """All parts with a known effect, the largest for the label first.

        Those without which the label is not listed come before all others.
        """
        known = (p for p in (*self.fields, *self.parts) if not math.isnan(p.effect))
        return sorted(known, key=lambda part: (not part.bound, -part.effect))

    def frame(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per part.

        Columns: field; text; start and stop (characters; of a whole field 0 and its
        length); effect (natural logarithm); bound (whether the effect is larger).
        """
        import pandas as pd

        rows = [*self.fields, *self.parts]
        names = ("field", "text", "start", "stop", "effect", "bound")
        return pd.DataFrame({name: [getattr(p, name) for p in rows] for name in names})


def parts_of(field: str, text: str, by: By) -> list[PromptPart]:
    """Return the phrases or words of a text, at most :data:`MOST_PARTS`.

    Phrases end with punctuation; words keep the white space and punctuation after
    them. Of longer texts, neighbours are joined evenly.
    """
    found = [*filter(None, _PHRASE.findall(text))] if by == "phrases" else _words(text)
    step = -(-len(found) // MOST_PARTS) if found else 1
    pieces = ["".join(found[k : k + step]) for k in range(0, len(found), step)]
    parts, at = [], 0
    for piece in pieces:
        parts.append(PromptPart(field, piece, at, at + len(piece)))
        at += len(piece)
    return parts


def without(text: str, part: PromptPart) -> str:
    """Return a text without a part of it."""
    return text[: part.start] + text[part.stop :]


def _words(text: str) -> list[str]:
    joined: list[str] = []
    for unit in words(text):
        wide = unit.strip() and unit[0].isalnum()
        if joined and not wide and not spells(unit[0]):
            joined[-1] += unit
        else:
            joined.append(unit)
    return joined


def longest(values: Sequence[tuple[str, str]]) -> str:
    """Return the name of the longest of some texts."""
    return max(values, key=lambda pair: len(pair[1]))[0]
