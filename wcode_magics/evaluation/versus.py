"""Two variants answered the same rows: which one is right more often."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wcode_magics.evaluation.graded import Bools
from wcode_magics.protocol.models import Costs
from wcode_magics.runtime.imports import shown_by

if TYPE_CHECKING:
    import pandas as pd

SURE, POWER = 0.95, 0.8
LARGE = 10_000_000


@dataclass(frozen=True, slots=True)
class Paired:
    """Paired comparison of two variants over rows that both answered.

    Counts: ``both`` right, ``first`` only, ``second`` only, ``neither``. ``p`` is the
    two-sided exact p-value of McNemar's test: the smaller of ``first`` and ``second``
    is binomial with share 1/2 if the variants are equally good (McNemar, Note on the
    sampling error of the difference between correlated proportions, 1947).
    ``difference`` is the accuracy of the second minus that of the first, in ``low`` to
    ``high`` with 95 % certainty (Bonett and Price, Adjusted Wald confidence interval
    for a difference of binomial proportions based on paired data, 2012). ``more`` is
    about how many further rows a decision needs: p < 0.05 in four of five experiments
    if the shares are those seen (Connor, Sample size for testing differences in
    proportions for the paired-sample design, 1987); 0 if decided, None if no
    difference is seen.
    """

    both: int
    first: int
    second: int
    neither: int
    p: float
    difference: float
    low: float
    high: float
    more: int | None

    @property
    def rows(self) -> int:
        """Rows compared."""
        return self.both + self.first + self.second + self.neither


def paired(first: Bools, second: Bools) -> Paired:
    """Compare whether two variants are right, row by row."""
    rows = len(first)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    both = int((first & second).sum())
    p = exact_p(only_first, only_second)
    low, high = interval(only_first, only_second, rows)
    difference = (only_second - only_first) / rows if rows else math.nan
    more = _rows_needed(only_first / max(rows, 1), only_second / max(rows, 1))
    left = 0 if p < 1 - SURE else None if more is None else max(1, more - rows)
    neither = rows - both - only_first - only_second
    return Paired(
        both, only_first, only_second, neither, p, difference, low, high, left
    )


def exact_p(first: int, second: int) -> float:
    """Return the two-sided exact p-value of McNemar's test; 1 without any change."""
    from scipy.special import bdtr

    return float(min(1.0, 2 * bdtr(min(first, second), first + second, 0.5)))


def interval(first: int, second: int, rows: int) -> tuple[float, float]:
    """Return the interval of the second's accuracy minus the first's."""
    from scipy.special import ndtri

    one, two = (first + 1) / (rows + 2), (second + 1) / (rows + 2)
    wide = ndtri((1 + SURE) / 2) * math.sqrt(
        (one + two - (two - one) ** 2) / (rows + 2)
    )
    return float(max(two - one - wide, -1.0)), float(min(two - one + wide, 1.0))


def _rows_needed(first: float, second: float) -> int | None:
    from scipy.special import ndtri

    changed, gain = first + second, second - first
    if gain == 0:
        return None
    size = ndtri((1 + SURE) / 2) * math.sqrt(changed)
    size += ndtri(POWER) * math.sqrt(max(changed - gain**2, 0.0))
    return int(min(np.ceil((size / gain) ** 2), LARGE))


@dataclass(frozen=True)
class Versus:
    """Result of ``df.wcode.versus``; displays as a table with the rows that changed.

    ``names`` are the two variants, ``answers`` the frame with the columns of both, and
    ``changed`` its rows to which they answer differently: gold, both answers and both
    confidences. ``unanswered`` counts per variant the rows with gold and no answer;
    ``costs`` are those of 1,000 rows, None if unknown, in ``currencies``; ``paid`` is
    what this comparison paid: nothing for stored answers.
    """

    names: tuple[str, str]
    paired: Paired
    answers: "pd.DataFrame"
    changed: "pd.DataFrame"
    accuracies: tuple[float, float]
    unanswered: tuple[int, int]
    costs: tuple[float | None, float | None]
    currencies: tuple[str, str]
    paid: Costs

    _repr_mimebundle_ = shown_by("wcode_magics.display.versus_bundles.versus")

    def __repr__(self) -> str:
        paired = self.paired
        names = " / ".join(self.names)
        return f"<Versus {names}: {paired.difference:+.4f}, p {paired.p:.3g}>"

    def frame(self) -> "pd.DataFrame":
        """Return a row per variant: accuracy, rows it alone gets right, cost."""
        import pandas as pd

        return pd.DataFrame(
            {
                "accuracy": self.accuracies,
                "only_right": (self.paired.first, self.paired.second),
                "unanswered": self.unanswered,
                "cost_per_1000": [math.nan if c is None else c for c in self.costs],
                "currency": self.currencies,
            },
            index=pd.Index(self.names, name="variant"),
        )
