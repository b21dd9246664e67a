"""The lowest confidence above which errors are rare, with a guarantee.

Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei, Learn then test:
calibrating predictive algorithms to achieve risk control, arXiv 2110.01052, section 3):
each threshold is a hypothesis «above it, errors are more frequent than allowed», with
the exact binomial p-value, the probability of at most so many errors among so many
rows at the allowed rate. As looking at many thresholds finds a lucky one, they are
tested in an order that is fixed beforehand, from the most confident rows down, with
several starts that share the admissible doubt; a rejected hypothesis hands its share to
the next one (Wiens, A fixed sequence Bonferroni procedure, 2003; Bretz et al., A
graphical approach to sequentially rejective multiple test procedures, 2009). So the
probability that the result is too low is at most 1 - ``sure`` over repeated samples.

It holds for rows like those that were labelled: drawn at random, answered by the same
model and prompt. The argument is exact where errors grow no rarer as confidence falls;
simulations in the tests hold it for other shapes too, even for confidences that are the
worse the higher they are.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wcode_magics.errors import UsageError, mistyped
from wcode_magics.evaluation.bounds import least_rows
from wcode_magics.evaluation.graded import Bools, Floats, Graded, Ints, confidences_of
from wcode_magics.logprobs.number_format import significant
from wcode_magics.runtime.imports import shown_by
from wcode_magics.text import say

if TYPE_CHECKING:
    import pandas as pd

AUTO, REVIEW = "auto", "review"
STEPS = 50
"""Thresholds tested: so many equal steps of coverage."""
USUAL_STARTS, MOST_STARTS = 2, 4
HOPED = 0.6
"""Share of the allowed error that is assumed without evidence from rows."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Result of :func:`threshold_of`.

    ``confidence`` is the lowest one that was certified, or None; above it, ``wrong``
    of ``kept`` answers were wrong, of ``rows`` graded ones. ``more`` is about how many
    further labels would certify one, or None if labels alone will not: errors are more
    frequent than allowed at every confidence.
    """

    confidence: float | None
    error: float
    sure: float
    rows: int
    kept: int
    wrong: int
    more: int | None
    into: str
    source: str

    _repr_mimebundle_ = shown_by("wcode_magics.display.evaluation_bundles.threshold")

    def __str__(self) -> str:
        facts = {"error": _percent(self.error), "sure": _percent(self.sure)}
        facts |= {"rows": f"{self.rows:,}"}
        if self.confidence is not None:
            facts |= {"confidence": significant(self.confidence, 6)}
            facts |= {"coverage": f"{self.coverage:.1%}"}
            facts |= {"kept": f"{self.kept:,}", "wrong": f"{self.wrong:,}"}
            return say("evaluation.threshold", **facts)
        if self.more is None:
            return say("evaluation.no_threshold_ever", **facts)
        return say("evaluation.no_threshold", more=f"{self.more:,}", **facts)

    @property
    def coverage(self) -> float:
        """Share of the graded rows whose answers need no review."""
        return self.kept / self.rows if self.rows else 0.0

    def apply(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Return the frame with a column ``<into>_route``: ``auto`` or ``review``.

        Rows without an answer or without a confidence are ``review``, and so are all if
        there is no threshold.

        Raises:
            UsageError: the frame lacks the column of answers or of confidences.
        """
        import pandas as pd

        if not isinstance(frame, pd.DataFrame):
            raise mistyped("frame", frame, "frame")
        for name in (self.into, self.source):
            if name not in frame.columns:
                raise UsageError("evaluate.no_column", name=name, hint="")
        p = confidences_of(frame[self.source])
        least = math.inf if self.confidence is None else self.confidence
        answered = frame[self.into].notna().to_numpy(bool)
        routes = np.where(answered & (p >= least), AUTO, REVIEW)
        made = frame.copy(deep=False)
        made[f"{self.into}_route"] = pd.Categorical(routes, [AUTO, REVIEW])
        return made


def threshold_of(graded: Graded, error: float, sure: float) -> Threshold:
    """Return the lowest confidence above which the error is at most ``error``.

    Args:
        graded: rows drawn at random; an unknown confidence is below every threshold.
        error: largest acceptable share of wrong answers, between 0 and 1.
        sure: probability with which it holds, over samples of rows.

    Raises:
        UsageError: ``error`` or ``sure`` is not between 0 and 1, or no row has a
            confidence.
    """
    error, sure = check_level(error, sure)
    known, doubt = graded.sure, 1 - sure
    if not len(known):
        raise UsageError("evaluate.no_confidence", name=graded.source)
    found = certified(known.confidence, known.right, len(graded), error, doubt)
    common: dict[str, Any] = {"error": error, "sure": sure, "rows": len(graded)}
    common |= {"into": graded.into, "source": graded.source}
    if found is None:
        kept, wrong = _steps(known.confidence, known.right)
        more = _labels_needed(kept, wrong, len(graded), error, doubt)
        return Threshold(None, kept=0, wrong=0, more=more, **common)
    count, errors = found
    least = float(np.partition(known.confidence, -count)[-count])
    return Threshold(least, kept=count, wrong=errors, more=0, **common)


def check_level(error: Any, sure: Any) -> tuple[float, float]:
    """Return an error and a certainty as numbers; raises UsageError outside 0 to 1."""
    for name, value in (("error", error), ("sure", sure)):
        if isinstance(value, bool) or not _is_share(value):
            raise UsageError("evaluate.share", name=name, given=repr(value))
    return float(error), float(sure)


def certified(
    p: Floats, right: Bools, rows: int, error: float, doubt: float
) -> tuple[int, int] | None:
    """Return rows and errors above the lowest certified confidence, or None.

    ``p`` are confidences of some of ``rows`` answers, ``right`` whether these are.
    """
    from scipy.special import bdtr

    kept, wrong = _steps(p, right)
    p_values = bdtr(wrong.astype(float), kept, error)
    carried, found = 0.0, None
    shares = _shares(kept, error, doubt, rows)
    for place, share in enumerate(shares.tolist()):
        carried += share
        if p_values[place] <= carried:
            found = int(kept[place]), int(wrong[place])
        else:
            carried = 0.0
    return found


def _shares(kept: Ints, error: float, doubt: float, rows: int) -> Floats:
    """Divide the doubt among starts: one for each doubling of the fewest rows."""
    shares = np.zeros(len(kept))
    fewest = _fewest(error, doubt)
    starts = int(np.clip(np.floor(np.log2(max(rows / fewest, 1.0))), 1, MOST_STARTS))
    fewest = min(_fewest(error, doubt / starts), rows)
    targets = np.geomspace(max(fewest, 1), max(rows, 1), starts + 1)[:starts]
    places = np.unique(np.searchsorted(kept, np.floor(targets)))
    places = places[places < len(kept)]
    shares[places] = doubt / max(len(places), 1)
    return shares


def _fewest(error: float, doubt: float) -> int:
    """Return the rows that show the level if none of them is wrong."""
    return math.ceil(math.log(doubt) / math.log1p(-error))


def _steps(p: Floats, right: Bools) -> tuple[Ints, Ints]:
    """Return the rows and errors above each threshold that is tested."""
    order = np.argsort(-p, kind="stable")
    ordered, errors = p[order], np.cumsum(~right[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(p) - 1)
    targets = np.ceil(np.linspace(0, len(p), STEPS + 1)[1:]).astype(np.int64) - 1
    ends = np.unique(last[np.searchsorted(last, targets)])
    return ends + 1, errors[ends]


def _labels_needed(
    kept: Ints, wrong: Ints, rows: int, error: float, doubt: float
) -> int | None:
    """Return about how many more labels would certify the easiest threshold.

    Where errors are no more frequent than allowed, the error is taken for somewhat
    less than allowed; None if they are more frequent at every confidence.
    """
    likely = np.where(wrong == 0, 0.0, (wrong + 0.5) / (kept + 1))
    likely = np.where(wrong > error * kept, likely, np.minimum(likely, HOPED * error))
    needed = least_rows(likely, doubt / USUAL_STARTS, error) * rows / kept
    fewest = needed[wrong <= error * kept].min(initial=math.inf)
    return max(1, math.ceil(fewest) - rows) if math.isfinite(fewest) else None


def _percent(share: float) -> str:
    return f"{significant(100 * share, 6)}%"


def _is_share(value: Any) -> bool:
    try:
        return 0 < float(value) < 1
    except (TypeError, ValueError):
        return False
