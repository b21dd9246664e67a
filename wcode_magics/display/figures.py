"""Curves drawn by matplotlib, as images that a saved notebook keeps.

Untrusted notebooks show images but no inline SVG. An image cannot reliably detect a
dark theme, so ink and colours have a contrast of at least 3 to 1 on white and on #111;
the two colours differ for the colour-blind (Okabe and Ito, Color universal design,
2008), and marks distinguish them as well. Text stays text, in the fonts of the page.
"""

import base64
import io
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wcode_magics.output.escaping import attribute
from wcode_magics.text import say

if TYPE_CHECKING:
    import pandas as pd

INK, FIRST, SECOND = "#7a7a7a", "#3b87c8", "#d55e00"
WIDE, HIGH = 4.0, 3.1
"""Inches of 72 points."""
MOST_POINTS = 400
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "wcode",
    "font.size": 9.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.parse_math": False,
}
_lock = threading.Lock()
"""matplotlib's settings are those of the process."""


def reliability(bins: "pd.DataFrame", alt: str) -> str:
    """Return the reliability diagram: accuracy by confidence, with 95 % intervals.

    ``bins`` are those of :func:`wcode_magics.evaluation.metrics.reliability`; the area
    of a mark grows with its rows.
    """

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linestyle=(0, (4, 3)), linewidth=1)
        x, y = bins["confidence"], bins["accuracy"]
        reach = [y - bins["low"], bins["high"] - y]
        axes.errorbar(x, y, reach, fmt="none", ecolor=FIRST, elinewidth=1.2, capsize=2)
        size = 12 + 130 * bins["rows"] / bins["rows"].max()
        axes.scatter(x, y, s=size, color=FIRST, zorder=3)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
        axes.set(xlabel=say("evaluation.confidence"), ylabel=say("evaluation.accuracy"))
        axes.set_title(say("evaluation.reliability"), fontsize=10)

    return _image(draw, alt)


def risk_coverage(curve: "pd.DataFrame", alt: str) -> str:
    """Return the risk-coverage curve: the error of the rows above each confidence."""
    step = max(1, len(curve) // MOST_POINTS)
    some = curve.iloc[::-1].iloc[::step].iloc[::-1]

    def draw(axes: Any) -> None:
        axes.plot(some["coverage"], some["error"], color=SECOND, linewidth=1.6)
        last = some.iloc[-1]
        axes.plot([0, 1], [last["error"]] * 2, color=INK, linestyle=(0, (1, 2)))
        axes.plot(last["coverage"], last["error"], "o", color=SECOND, markersize=5)
        highest = float(some["error"].max())
        axes.set(xlim=(0, 1.03), ylim=(0, max(0.1, highest * 1.12)))
        axes.set(
            xlabel=say("evaluation.most_confident"), ylabel=say("evaluation.error")
        )
        axes.set_title(say("evaluation.risk_coverage"), fontsize=10)

    return _image(draw, alt)


def _image(draw: Callable[[Any], None], alt: str) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    page = io.StringIO()
    with _lock, rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own fonts lack Chinese, the page's do not
        figure = Figure(figsize=(WIDE, HIGH), layout="constrained")
        draw(figure.subplots())
        bare: Any = {"Date": None, "Creator": None}
        figure.savefig(page, format="svg", transparent=True, metadata=bare)
    made = base64.b64encode(page.getvalue().encode()).decode()
    style = f"width:{WIDE * 96:.0f}px;max-width:100%;height:auto"
    return (
        f'<img style="{style}" alt="{attribute(alt)}" '
        f'src="data:image/svg+xml;base64,{made}">'
    )
