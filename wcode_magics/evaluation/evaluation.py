"""The value of ``answers.wcode.evaluate``: metrics, curves, threshold, calibration."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wcode_magics.evaluation.calibration import Calibration, calibrated
from wcode_magics.evaluation.graded import Graded
from wcode_magics.evaluation.metrics import (
    BINS,
    SURE,
    Metrics,
    confusion,
    metrics,
    per_label,
    reliability,
    risk_coverage,
)
from wcode_magics.evaluation.threshold import Threshold, threshold_of
from wcode_magics.runtime.imports import shown_by

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"


@dataclass(frozen=True)
class Evaluation:
    """Answers measured on gold; displays as tables and pictures.

    ``slices`` are the graded rows per value of the column ``by``, most rows first.
    """

    graded: Graded
    slices: Mapping[str, Graded]
    by: str = ""

    _repr_mimebundle_ = shown_by("wcode_magics.display.evaluation_bundles.evaluation")

    def __repr__(self) -> str:
        metrics = self.metrics
        return f"<Evaluation {metrics.rows} rows, accuracy {metrics.accuracy:.4f}>"

    @cached_property
    def metrics(self) -> Metrics:
        """Summary of all graded rows."""
        return metrics(self.graded)

    @cached_property
    def of_slices(self) -> dict[str, Metrics]:
        """Summary of each slice."""
        return {name: metrics(one) for name, one in self.slices.items()}

    @cached_property
    def confusion(self) -> "pd.DataFrame":
        """Counts, with gold as rows and answers as columns."""
        return confusion(self.graded)

    @cached_property
    def labels(self) -> "pd.DataFrame":
        """Precision, recall and F1 per label."""
        return per_label(self.graded)

    @cached_property
    def curve(self) -> "pd.DataFrame":
        """Risk-coverage curve: the error above each confidence."""
        return risk_coverage(self.graded)

    def bins(self, count: int = BINS) -> "pd.DataFrame":
        """Return accuracy and confidence by bins of confidence."""
        return reliability(self.graded, count)

    def frame(self) -> "pd.DataFrame":
        """Return the metrics as a DataFrame: a row for all rows and one per slice."""
        import pandas as pd

        rows = [asdict(self.metrics), *map(asdict, self.of_slices.values())]
        index = pd.Index([ALL, *self.slices], name=self.by or None)
        return pd.DataFrame(rows, index=index)

    def threshold(self, error: float = 0.05, sure: float = SURE) -> Threshold:
        """Return the lowest confidence above which errors are rare, with certainty.

        Args:
            error: largest acceptable share of wrong answers.
            sure: probability with which it holds; see
                :mod:`wcode_magics.evaluation.threshold`.

        Raises:
            UsageError: an argument is not between 0 and 1, or no row has a confidence.
        """
        return threshold_of(self.graded, error, sure)

    def calibrate(self, method: str = "platt") -> Calibration:
        """Fit a calibration: ``platt``, ``isotonic`` or ``temperature``.

        Raises:
            UsageError: the method is unknown, or nearly all answers are right or wrong.
        """
        return calibrated(self.graded, method)
