"""The exact test, its interval, and how many rows a decision needs."""

from collections import Counter

import numpy as np
import pytest

from wcode_magics.evaluation.versus import exact_p, interval, paired

DRAWS = 2000


def draws(rows, first, second, seed):
    """Counts of rows that only one variant gets right, over many samples."""
    rng = np.random.default_rng(seed)
    found = rng.multinomial(rows, [first, second, 1 - first - second], DRAWS)
    return Counter(map(tuple, found[:, :2].tolist()))


@pytest.mark.parametrize("changed", [0.05, 0.2, 0.6])
@pytest.mark.parametrize("rows", [50, 200, 1000])
def test_equal_variants_differ_in_at_most_5_percent(rows, changed):
    """Type-I error of the exact test."""
    found = draws(rows, changed / 2, changed / 2, rows)
    wrong = sum(count for pair, count in found.items() if exact_p(*pair) < 0.05)
    assert wrong <= 0.05 * DRAWS


@pytest.mark.parametrize("shares", [(0.02, 0.05), (0.1, 0.1), (0.05, 0.3), (0.0, 0.02)])
@pytest.mark.parametrize("rows", [50, 200, 1000])
def test_the_interval_covers_the_difference(rows, shares):
    """In at least 93 % of samples."""
    first, second = shares
    covered = 0
    for pair, count in draws(rows, first, second, rows + 1).items():
        low, high = interval(*pair, rows)
        covered += count * (low <= second - first <= high)
    assert covered >= 0.93 * DRAWS


def test_known_numbers():
    """McNemar by hand: 2 and 12 of 14 changed rows, 2 · P(X ≤ 2 | 14, 1/2)."""
    one = np.array([True] * 60 + [False] * 40)
    two = one.copy()
    two[:2], two[60:72] = False, True
    told = paired(one, two)
    assert (told.both, told.first, told.second, told.neither) == (58, 2, 12, 28)
    assert told.p == pytest.approx(2 * (1 + 14 + 91) / 2**14)
    assert told.difference == pytest.approx(0.1)
    assert told.low < 0.1 < told.high
    assert (told.more, told.rows) == (0, 100)


def test_rows_that_a_decision_needs():
    """A difference that is seen but undecided needs more rows; none seen, unknown."""
    one = np.array([True] * 60 + [False] * 40)
    two = one.copy()
    two[:2], two[60:66] = False, True
    more = paired(one, two).more
    assert more is not None
    bigger = 1 + more // 100
    again = paired(np.tile(one, bigger + 1), np.tile(two, bigger + 1))
    assert again.p < 0.05
    assert paired(one, one).more is None
    assert paired(one, one).p == 1
