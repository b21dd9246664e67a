"""The guarantee of a threshold, over samples whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from wcode_magics.errors import UsageError
from wcode_magics.evaluation.graded import Graded
from wcode_magics.evaluation.threshold import certified, threshold_of

DRAWS, SURE = 1000, 0.95
LARGE = 400_000


def overconfident(rng, rows, error):
    """Logits of a model that is four times as often wrong as it says."""
    logits = rng.normal(5, 2, rows)
    p = 1 / (1 + np.exp(-logits))
    return p, np.minimum(1, 4 * (1 - p) + error / 20)


def uninformative(rng, rows, error):
    """Errors just above the level at any confidence: nothing may be certified."""
    return rng.random(rows), np.full(rows, 1.05 * error)


def tied(rng, rows, error):
    """Four values of confidence alone, as of a model that says 1.0 to most rows."""
    p = rng.choice([0.4, 0.8, 0.99, 1.0], rows, p=[0.1, 0.2, 0.2, 0.5])
    return p, np.select([p == 1, p > 0.9, p > 0.5], [0.4, 1.6, 4.0], 9.0) * error


def upside_down(rng, rows, error):
    """The most confident answers are the worst; the error is the level, altogether."""
    p = rng.random(rows)
    return p, np.where(p > 0.7, 2.4, 0.43) * error


@pytest.mark.parametrize("rows", [50, 300, 2000])
@pytest.mark.parametrize(
    ("model", "error"),
    [
        *((overconfident, error) for error in (0.01, 0.05, 0.1)),
        *((uninformative, error) for error in (0.01, 0.05, 0.1)),
        *((tied, error) for error in (0.01, 0.1)),
        (upside_down, 0.05),
    ],
)
def test_the_guarantee_holds_in_95_percent_of_draws(model, rows, error):
    """Above the threshold, the true error exceeds the level in at most 5 % of draws."""
    p, wrong = model(np.random.default_rng(7), LARGE, error)
    order = np.argsort(-p)
    p, risk = p[order], np.cumsum(wrong[order]) / np.arange(1, LARGE + 1)
    rng, held = np.random.default_rng(rows), 0
    for _ in range(DRAWS):
        sample, often = model(rng, rows, error)
        right = rng.random(rows) >= often
        found = certified(sample, right, rows, error, 1 - SURE)
        if found is None:
            held += 1
            continue
        least = np.partition(sample, -found[0])[-found[0]]
        above = np.searchsorted(-p, -least, side="right") - 1
        held += risk[above] <= error
    assert held >= SURE * DRAWS


def test_a_good_model_gets_a_threshold_and_a_poor_one_a_number_of_labels():
    """With 500 rows a threshold, with 50 the labels it needs, without hope neither."""
    rng = np.random.default_rng(1)
    p = rng.random(500)
    right = rng.random(500) < np.where(p > 0.4, 0.995, 0.6)
    found = threshold_of(graded(p, right), 0.05, 0.95)
    assert found.confidence == pytest.approx(0.4, abs=0.08)
    assert found.coverage == pytest.approx(np.mean(p >= found.confidence))
    assert (found.kept, found.more) == (np.sum(p >= found.confidence), 0)
    few = threshold_of(graded(p[:50], right[:50]), 0.05, 0.95)
    assert few.confidence is None
    assert 50 < few.more < 300
    assert f"label about {few.more} more" in str(few)
    alike = threshold_of(graded(np.full(60, 0.5), np.arange(60) % 3 > 0), 0.3, 0.95)
    assert alike.more is None
    assert "errors are more frequent than that" in str(alike)
    never = threshold_of(graded(p, rng.random(500) < 0.5), 0.05, 0.95)
    assert (never.confidence, never.more) == (None, None)
    assert "more labels alone will not" in str(never)


@pytest.mark.parametrize("given", [0, 1, 5, -0.1, "many", None, True, float("nan")])
def test_a_share_is_between_0_and_1(given):
    """Percent instead of a share, and no number at all, are one line."""
    rows = graded(np.array([0.5]), np.array([True]))
    with pytest.raises(UsageError, match="between 0 and 1"):
        threshold_of(rows, given, 0.95)
    with pytest.raises(UsageError, match="between 0 and 1"):
        threshold_of(rows, 0.05, given)


def test_a_route_needs_both_columns():
    """Of answers and of confidences; a level may be a text."""
    found = threshold_of(graded(np.linspace(0, 1, 90), np.ones(90, bool)), "0.05", 0.95)
    assert found.confidence is not None
    for name in (found.into, found.source):
        with pytest.raises(UsageError, match="no column"):
            found.apply(pd.DataFrame({name: [0.9]}))


def graded(p, right) -> Graded:
    """Rows with these confidences."""
    said, places = np.where(right, 1, 0), np.arange(len(p))
    gold = np.ones(len(p), int)
    return Graded("label", "label_p", ("a", "b"), said, gold, p, places)
