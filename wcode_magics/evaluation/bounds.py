"""Exact bounds on a share of which some were counted."""

from typing import Any

import numpy as np

from wcode_magics.evaluation.graded import Floats

MOST_ROWS = 10_000_000


def interval(hits: Any, rows: Any, sure: float = 0.95) -> tuple[Floats, Floats]:
    """Return the two-sided exact interval of a share; (0, 1) for no rows.

    Clopper and Pearson, The use of confidence or fiducial limits illustrated in the
    case of the binomial, Biometrika 26 (1934): quantiles of beta distributions.
    ``hits`` and ``rows`` are counts, or arrays of them.
    """
    from scipy.stats import beta

    hits, rows = np.asarray(hits, float), np.asarray(rows, float)
    tail = (1 - sure) / 2
    low = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 1), rows - hits + 1), 0.0)
    missed = rows - hits
    high = np.where(
        missed > 0, beta.ppf(1 - tail, hits + 1, np.maximum(missed, 1)), 1.0
    )
    return low, high


def least_rows(shares: Floats, doubt: float, level: float) -> Floats:
    """Return about how many rows show that shares are at most ``level``.

    ``doubt`` is the largest acceptable probability of so few hits if a share exceeds
    ``level``. Within 5 % of the number; infinite if ten million rows do not show it.
    """
    from scipy.special import bdtr

    sizes = np.unique(np.geomspace(1, MOST_ROWS, 350).astype(np.int64))
    hits = np.round(np.outer(shares, sizes))
    shown = bdtr(hits, sizes, level) <= doubt
    first = sizes[shown.argmax(axis=1)].astype(float)
    return np.where(shown.any(axis=1), first, np.inf)
