"""Answers that have been compared with gold, as arrays with one element per row."""

import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Bools: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


def confidences_of(column: Any) -> Floats:
    """Return a column of a DataFrame as floats; nan where a value is no number."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    found: Floats = numbers.to_numpy(dtype=float, na_value=math.nan)
    return found


@dataclass(frozen=True)
class Graded:
    """Rows that have an answer and gold.

    ``answers`` and ``gold`` are indices into ``names``; ``confidence`` is from 0 to 1,
    nan if unknown; ``places`` are positions in the frame. ``unanswered`` counts rows
    with gold and no answer, ``unlabelled`` rows without gold, ``chosen`` rows whose
    gold is left out because a person picked them for review, not at random.
    ``flips`` is the share of answered rows whose answer depends on the order of the
    labels, nan if that was not asked.
    """

    into: str
    source: str
    names: tuple[str, ...]
    answers: Ints
    gold: Ints
    confidence: Floats
    places: Ints
    unanswered: int = 0
    unlabelled: int = 0
    chosen: int = 0
    flips: float = math.nan

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def right(self) -> Bools:
        """Whether each answer is its row's gold."""
        made: Bools = self.answers == self.gold
        return made

    @property
    def sure(self) -> "Graded":
        """The rows whose confidence is known."""
        return self.only(~np.isnan(self.confidence))

    def only(self, rows: Bools | Ints) -> "Graded":
        """Return some of the rows."""
        return replace(
            self,
            answers=self.answers[rows],
            gold=self.gold[rows],
            confidence=self.confidence[rows],
            places=self.places[rows],
        )
