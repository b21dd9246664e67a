"""``evaluate`` and the review of 100,000 rows, against reading the same columns."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.bench.bars import most
from wcode_magics.evaluation import require
from wcode_magics.tables import gold
from wcode_magics.tables.review_queue import ReviewQueue

ROWS, ROUNDS = 100_000, 3
LABELS = np.array(["positive", "negative", "mixed"])


def main() -> list[tuple[str, ...]]:
    """Numbers and curves alone; then with the pictures; then the threshold."""
    require()
    frame = table()
    floor = _best(lambda: _read(frame))
    counted = _best(lambda: gold.evaluate(frame, "gold", by="shop").frame())
    shown = _best(lambda: gold.evaluate(frame, "gold", by="shop")._repr_mimebundle_())
    found = gold.evaluate(frame, "gold")
    certified = _best(lambda: found.threshold(0.2))
    told = f"{floor:.3f} factorize both columns, sort one"
    rows = (("metrics", counted), ("with display", shown), ("threshold", certified))
    opened, shown_next = review(frame)
    return [
        *(
            (
                f"evaluate, {ROWS:,}, {name}, s",
                f"{spent:.3f}",
                told,
                most(spent, 2),
            )
            for name, spent in rows
        ),
        (f"review of {ROWS:,} rows opens, s", f"{opened:.3f}", told, most(opened, 1)),
        ("its next row, s", f"{shown_next:.4f}", "–", most(shown_next, 0.1)),
    ]


def review(frame: pd.DataFrame) -> tuple[float, float]:
    """Seconds to open the queue with its first card, and to decide and go on."""
    left = frame.drop(columns="gold").assign(text=np.arange(ROWS).astype(str))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gold.jsonl"
        opened = _best(lambda: ReviewQueue(left.copy(), path=path).row(0))
        queue = ReviewQueue(left, path=path)

        def decide() -> None:
            queue.choose(queue.choices[0])
            queue.row(queue.done)

        return opened, _best(decide)


def table() -> pd.DataFrame:
    """Answers of a model that is somewhat too sure."""
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-rng.normal(2, 1.5, ROWS)))
    truth = rng.integers(0, 3, ROWS)
    said = np.where(rng.random(ROWS) < 0.95 * p, truth, (truth + 1) % 3)
    return pd.DataFrame(
        {
            "label": pd.Categorical.from_codes(said, LABELS.tolist()),
            "label_p": pd.array(p, dtype="Float64"),
            "gold": LABELS[truth],
            "shop": rng.integers(0, 5, ROWS),
        }
    )


def _read(frame: pd.DataFrame) -> None:
    pd.factorize(frame["label"])
    pd.factorize(frame["gold"])
    np.argsort(frame["label_p"].to_numpy())


def _best(work: Callable[[], Any]) -> float:
    spent = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return min(spent)
