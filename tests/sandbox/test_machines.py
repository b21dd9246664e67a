"""The sandbox gives the same bytes on every machine."""

import itertools
import math
import os
import random
import subprocess
import sys
from bisect import bisect_right
from pathlib import Path

import pytest

from tests.sandbox import varied
from wcode_magics.sandbox import arithmetic
from wcode_magics.sandbox.distribution import EVERY, Distribution

ROOT = Path(__file__).parents[2]
FEATURES = ("-AVX2", "-AVX512F", "-FMA", "-AVX2,-FMA,-AVX512F")
"""Kernels of the C library that a processor may lack."""

MACHINES = [
    *({"GLIBC_TUNABLES": f"glibc.cpu.hwcaps={lost}"} for lost in FEATURES),
    *({"PYTHONHASHSEED": seed} for seed in ("1", "2")),
]


@pytest.mark.parametrize("machine", MACHINES, ids=repr)
def test_answers_are_the_same_on_every_processor(machine: dict[str, str]) -> None:
    """Fifty requests are answered with the saved bytes, log probabilities included."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.varied"],
        cwd=ROOT,
        env={**os.environ, **machine},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == varied.SAVED.read_text("utf-8").split()


def test_logarithms_are_true() -> None:
    """They agree with the C library's, from the smallest to the largest double."""
    for step in range(-7000, 7001):
        value = math.exp(step / 10)
        assert math.isclose(arithmetic.log(value), math.log(value), rel_tol=1e-14)
    assert arithmetic.log(1.0) == 0.0
    assert arithmetic.log(0.0) == -math.inf


def test_exponentials_are_true() -> None:
    """They agree with the C library's; what is below the smallest double is 0."""
    for step in range(-7000, 7001):
        value = step / 10
        assert math.isclose(arithmetic.exp(value), math.exp(value), rel_tol=1e-14)
    assert arithmetic.exp(0.0) == 1.0
    assert arithmetic.exp(-math.inf) == 0.0


def test_sums_in_another_order_are_equal_once_rounded() -> None:
    """Equal tokens stay equal, whatever was added first."""
    ahead = [0.1 + 0.2 + 0.3, 1e-12 / 3 * 3, 0.0]
    behind = [0.3 + 0.2 + 0.1, 1e-12, 0.0]
    assert ahead != behind
    assert [*map(arithmetic.rounded, ahead)] == [*map(arithmetic.rounded, behind)]


def test_a_distribution_is_the_list_of_its_numbers() -> None:
    """Sums, order and masks are those of one number per token."""
    chance = random.Random(3)
    for _ in range(50):
        groups = bytes(chance.randrange(4) for _ in range(600))
        own = {t: chance.choice([0.0, 0.5, 2.0]) for t in range(600) if groups[t] == 2}
        made = Distribution(groups, [0.0, 0.5, 1.0, chance.random()], own)
        dense = [made[token] for token in range(600)]
        sums = [*itertools.accumulate(dense)]
        for share in (0.0, 0.1, 0.5, 0.9, 0.999):
            assert made.at(share) == bisect_right(sums, share * sums[-1])
            assert made.only(own).at(share) in own
        assert math.isclose(made.total(), sum(dense))
        possible = [token for token in range(600) if groups[token]]
        ranks = sorted(possible, key=lambda token: (-dense[token], token))
        assert [*made.ranked()] == [(token, dense[token]) for token in ranks]
        assert made.most() == dense[ranks[0]]
        assert math.isclose(made.normalized().total(), 1.0)
        allowed = bytes(EVERY * (token % 3 == 0) for token in range(600))
        held = made.within(allowed)
        kept = [value * (token % 3 == 0) for token, value in enumerate(dense)]
        assert [held[token] for token in range(600)] == kept
        assert [*held.ranked()] == [(t, dense[t]) for t in ranks if t % 3 == 0]
