"""Confidences that are as often right as they say, learned from graded rows.

Platt, Probabilistic outputs for support vector machines (1999): a logistic function of
the logit. Temperature (Guo et al., 2017): the logit divided by one number. Isotonic
(Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
estimates, 2002): the best non-decreasing steps; it needs the most rows. All keep the
order of confidences, so a threshold on them is one on the original ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wcode_magics.errors import UsageError
from wcode_magics.evaluation.graded import Floats, Graded, Ints, confidences_of
from wcode_magics.evaluation.metrics import Metrics, metrics
from wcode_magics.runtime.imports import shown_by

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("platt", "isotonic", "temperature")
FOLDS = 5
EDGE = 1e-9
"""Confidences are kept this far from 0 and 1, where the logit is infinite."""


@dataclass(frozen=True)
class Calibration:
    """A map from confidences to calibrated ones, fitted on all graded rows.

    ``graded`` has the cross-fitted confidences: each row's is from a fit on the other
    folds, so that no row judges itself; ``raw`` are the original ones. ``before`` and
    ``after`` compare them.
    """

    method: str
    graded: Graded
    raw: Floats
    before: Metrics
    after: Metrics
    mapped: Callable[[Floats], Floats]

    _repr_mimebundle_ = shown_by("wcode_magics.display.evaluation_bundles.calibration")

    def __repr__(self) -> str:
        shown = f"{self.before.ece:.4f} -> {self.after.ece:.4f}"
        return f"<Calibration {self.method}: ece {shown}>"

    def apply(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Return the frame with a column ``<into>_p_cal``.

        Graded rows of the frame that was evaluated get their cross-fitted confidence,
        all others that of the fit on all graded rows.

        Raises:
            UsageError: the frame lacks the column of confidences.
        """
        import pandas as pd

        source = self.graded.source
        if source not in frame.columns:
            raise UsageError("evaluate.no_column", name=source, hint="")
        p = confidences_of(frame[source])
        made = np.full(len(p), np.nan)
        known = ~np.isnan(p)
        if known.any():
            made[known] = self.mapped(p[known])
        places = self.graded.places
        if places.max() < len(p):
            same = p[places] == self.raw
            made[places[same]] = self.graded.confidence[same]
        out = frame.copy(deep=False)
        out[f"{self.graded.into}_p_cal"] = pd.array(made, dtype="Float64")
        return out


def calibrated(graded: Graded, method: str) -> Calibration:
    """Fit a calibration on graded rows whose confidence is known.

    Raises:
        UsageError: the method is unknown, or fewer than two answers are right, or
            fewer than two wrong.
    """
    from sklearn.model_selection import StratifiedKFold

    if method not in METHODS:
        allowed = ", ".join(METHODS)
        raise UsageError("evaluate.method", given=repr(method), allowed=allowed)
    known = graded.sure
    right, p = known.right.astype(np.int64), known.confidence
    rarest = int(min(right.sum(), len(right) - right.sum()))
    if rarest < 2:
        facts = {"right": int(right.sum()), "rows": len(right)}
        raise UsageError("evaluate.one_sided", **facts)
    folds = StratifiedKFold(min(FOLDS, rarest), shuffle=True, random_state=0)
    crossed = np.empty(len(p))
    for train, test in folds.split(p.reshape(-1, 1), right):
        crossed[test] = _fitted(method, p[train], right[train])(p[test])
    after = replace(known, confidence=crossed)
    mapped = _fitted(method, p, right)
    return Calibration(method, after, p, metrics(known), metrics(after), mapped)


def _fitted(method: str, p: Floats, right: Ints) -> Callable[[Floats], Floats]:
    """Return the map from confidences to shares of right answers.

    A logistic function that falls would reverse the order of confidences: in its place
    is the share of right answers, as in isotonic steps.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    if method == "isotonic":
        steps = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        steps.fit(p, right)
        return lambda x: np.asarray(steps.predict(x), float)
    curve = LogisticRegression(C=1e10, fit_intercept=method == "platt")
    model: Any = curve.fit(_logits(p), right)
    if model.coef_[0, 0] < 0:
        model = DummyClassifier(strategy="prior").fit(_logits(p), right)
    return lambda x: np.asarray(model.predict_proba(_logits(x))[:, 1], float)


def _logits(p: Floats) -> Floats:
    kept = np.clip(p, EDGE, 1 - EDGE)
    logits: Floats = np.log(kept / (1 - kept))
    return logits.reshape(-1, 1)
