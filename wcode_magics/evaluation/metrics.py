"""Numbers about graded answers: accuracy, and what their confidence predicts."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wcode_magics.evaluation.bounds import interval
from wcode_magics.evaluation.graded import Floats, Graded, Ints

BINS = 10
"""Bins of equal width for the calibration error and the reliability diagram."""
SURE = 0.95


@dataclass(frozen=True, slots=True)
class Metrics:
    """Summary of graded answers; nan where a number cannot be computed.

    ``accuracy`` lies in ``low`` to ``high`` with 95 % certainty (exact, see
    :func:`~wcode_magics.evaluation.bounds.interval`). The others are of the ``sure``
    rows, whose confidence is known, with r = 1 if the answer is right, else 0:

    - ``confidence``: its mean;
    - ``brier``: mean of (confidence - r)² (Brier, Verification of forecasts expressed
      in terms of probability, 1950), for the answer given;
    - ``ece``: expected calibration error, Σ n_b/n |accuracy_b - confidence_b| over ten
      bins of equal width (Guo et al., On calibration of modern neural networks, 2017);
    - ``auroc``: probability that a right answer has more confidence than a wrong one;
    - ``aurc``: area under the risk-coverage curve, the mean error over all coverages
      (Geifman, Uziel and El-Yaniv, Bias-reduced uncertainty estimation, 2019).
    """

    rows: int
    sure: int
    accuracy: float
    low: float
    high: float
    confidence: float
    brier: float
    ece: float
    auroc: float
    aurc: float


def metrics(graded: Graded) -> Metrics:
    """Return the summary of graded answers."""
    from sklearn.metrics import auc, brier_score_loss, roc_auc_score

    right = graded.right
    low, high = interval(right.sum(), len(right), SURE)
    sure = graded.sure
    hits, p = sure.right, sure.confidence
    mixed = 0 < hits.sum() < len(hits)
    curve = risk_coverage(graded)
    return Metrics(
        rows=len(graded),
        sure=len(sure),
        accuracy=float(right.mean()) if len(right) else math.nan,
        low=float(low),
        high=float(high),
        confidence=float(p.mean()) if len(p) else math.nan,
        brier=float(brier_score_loss(hits, p, pos_label=True)) if len(p) else math.nan,
        ece=_calibration_error(reliability(sure)) if len(p) else math.nan,
        auroc=float(roc_auc_score(hits, p)) if mixed else math.nan,
        aurc=_area(curve, auc),
    )


def reliability(graded: Graded, bins: int = BINS) -> pd.DataFrame:
    """Return a row per bin of confidence that has rows.

    Columns: ``rows``, mean ``confidence``, ``accuracy``, and its exact 95 % interval
    ``low`` to ``high``.
    """
    sure = graded.sure
    place = np.minimum((sure.confidence * bins).astype(np.int64), bins - 1)
    rows = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=sure.right, minlength=bins)
    confidences = np.bincount(place, weights=sure.confidence, minlength=bins)
    full = rows > 0
    low, high = interval(hits[full], rows[full], SURE)
    return pd.DataFrame(
        {
            "rows": rows[full],
            "confidence": confidences[full] / rows[full],
            "accuracy": hits[full] / rows[full],
            "low": low,
            "high": high,
        }
    )


def risk_coverage(graded: Graded) -> pd.DataFrame:
    """Return the error of the most confident rows, per distinct confidence.

    Columns: ``confidence`` (of these rows at least), ``rows``, ``wrong``, ``coverage``
    (share of all graded rows) and ``error``. Rows of unknown confidence count in the
    denominator of ``coverage`` alone.
    """
    sure = graded.sure
    order = np.argsort(-sure.confidence, kind="stable")
    p, wrong = sure.confidence[order], np.cumsum(~sure.right[order])
    last = _last_of_ties(p)
    rows = last + 1
    return pd.DataFrame(
        {
            "confidence": p[last],
            "rows": rows,
            "wrong": wrong[last],
            "coverage": rows / max(len(graded), 1),
            "error": wrong[last] / rows,
        }
    )


def per_label(graded: Graded) -> pd.DataFrame:
    """Return precision, recall, F1, rows of gold and rows answered, per label."""
    from sklearn.metrics import precision_recall_fscore_support

    listed = range(len(graded.names))
    precision, recall, f1, support = precision_recall_fscore_support(
        graded.gold, graded.answers, labels=[*listed], zero_division=np.nan
    )
    answers = np.bincount(graded.answers, minlength=len(listed))
    columns = {"precision": precision, "recall": recall, "f1": f1}
    index = pd.Index(graded.names, name="label")
    return pd.DataFrame({**columns, "gold": support, "answers": answers}, index=index)


def confusion(graded: Graded) -> pd.DataFrame:
    """Return counts, with gold as rows and answers as columns."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(
        graded.gold, graded.answers, labels=[*range(len(graded.names))]
    )
    index = pd.Index(graded.names, name="gold")
    return pd.DataFrame(counts, index, pd.Index(graded.names, name="answer"))


def _calibration_error(bins: pd.DataFrame) -> float:
    gap = np.abs(bins["accuracy"] - bins["confidence"])
    return float(np.average(gap, weights=bins["rows"]))


def _area(curve: pd.DataFrame, auc: Any) -> float:
    if len(curve) == 0:
        return math.nan
    coverage: Floats = curve["coverage"].to_numpy()
    error: Floats = curve["error"].to_numpy()
    coverage, error = np.r_[0.0, coverage], np.r_[error[0], error]
    return float(auc(coverage, error) / coverage[-1])


def _last_of_ties(p: Floats) -> Ints:
    if len(p) == 0:
        return np.zeros(0, np.int64)
    return np.append(np.flatnonzero(np.diff(p)), len(p) - 1).astype(np.int64)
