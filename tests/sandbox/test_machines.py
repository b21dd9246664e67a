"""The sandbox gives the same bytes on every machine."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.sandbox import varied
from wcode_magics.sandbox import arithmetic

ROOT = Path(__file__).parents[2]
FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
"""The optional features of this processor that NumPy has kernels for, least first."""

STEPS = range(0, len(FOUND), max(1, len(FOUND) // 4))
MACHINES = [
    *({"NPY_DISABLE_CPU_FEATURES": " ".join(FOUND[step:])} for step in STEPS),
    {"OPENBLAS_CORETYPE": "Prescott", "PYTHONHASHSEED": "1"},
    {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA", "PYTHONHASHSEED": "2"},
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
    values = np.exp(np.linspace(-700, 700, 10_001))
    assert np.allclose(arithmetic.log(values), np.log(values), rtol=1e-14)
    assert arithmetic.log(1.0) == 0.0
    assert arithmetic.log(0.0) == -np.inf


def test_exponentials_are_true() -> None:
    """They agree with the C library's; what is below the smallest double is 0."""
    values = np.linspace(-700, 700, 10_001)
    assert np.allclose(arithmetic.exp(values), np.exp(values), rtol=1e-14)
    assert arithmetic.exp(0.0) == 1.0
    assert arithmetic.exp(-np.inf) == 0.0


def test_sums_in_another_order_are_equal_once_rounded() -> None:
    """Equal tokens stay equal, whatever was added first."""
    ahead = np.array([0.1 + 0.2 + 0.3, 1e-12 / 3 * 3, 0.0])
    behind = np.array([0.3 + 0.2 + 0.1, 1e-12, 0.0])
    assert ahead.tolist() != behind.tolist()
    assert arithmetic.rounded(ahead).tolist() == arithmetic.rounded(behind).tolist()
