"""Sums, exp and log with identical bits on every processor.

NumPy and the C library select kernels by processor, and these differ in the last
place; that suffices to change a tie, a cutoff or a draw. IEEE 754 determines only the
results of single additions, multiplications and divisions, so these functions use
nothing else, in a fixed order. The relative error is below 1e-14.
"""

import math
from typing import overload

import numpy as np

from .memory import Floats

_LN2_HIGH = 0.6931471803691238
"""ln 2 with the last 20 bits zero, so that its multiples by exponents are exact."""
_LN2_LOW = 1.9082149292705877e-10

_SERIES = tuple(1 / (2 * k + 1) for k in range(11, -1, -1))
"""Coefficients of atanh(s) / s in s², highest power first."""

_FACTORIALS = tuple(1 / math.factorial(k) for k in range(13, -1, -1))
_SMALLEST_EXPONENT = -745.0
"""Exponent below which exp is 0 in a double."""

_HALF_ROOT = math.sqrt(0.5)
_SPLITTER = 2.0**13 + 1
"""Veltkamp's splitting constant, which leaves 53 - 13 bits."""


def total(values: Floats) -> float:
    """Return the sum, added from first to last."""
    return float(values.cumsum()[-1]) if values.size else 0.0


@overload
def log(values: float) -> float: ...
@overload
def log(values: Floats) -> Floats: ...
def log(values: float | Floats) -> float | Floats:
    """Return natural logarithms; that of 0 is -inf."""
    fractions, exponents = np.frexp(values)
    small = fractions < _HALF_ROOT
    fractions = np.where(small, 2 * fractions, fractions)
    exponents = (exponents - small).astype(float)
    part = (fractions - 1) / (fractions + 1)
    square = part * part
    sums = np.full_like(square, _SERIES[0])
    for number in _SERIES[1:]:
        sums *= square
        sums += number
    found = exponents * _LN2_HIGH + (exponents * _LN2_LOW + 2 * part * sums)
    found = np.where(np.equal(values, 0), -np.inf, found)
    return found if isinstance(values, np.ndarray) else float(found)


@overload
def exp(values: float) -> float: ...
@overload
def exp(values: Floats) -> Floats: ...
def exp(values: float | Floats) -> float | Floats:
    """Return e to the power of values up to 700; the result for -inf is 0."""
    held = np.maximum(values, _SMALLEST_EXPONENT)
    doublings = np.rint(held / (_LN2_HIGH + _LN2_LOW))
    rest = held - doublings * _LN2_HIGH - doublings * _LN2_LOW
    sums = np.full_like(rest, _FACTORIALS[0])
    for number in _FACTORIALS[1:]:
        sums *= rest
        sums += number
    found = np.ldexp(sums, doublings.astype(np.int32))
    found = np.where(np.less(values, _SMALLEST_EXPONENT), 0.0, found)
    return found if isinstance(values, np.ndarray) else float(found)


def power(bases: Floats, exponent: float) -> Floats:
    """Return positive bases raised to ``exponent``."""
    return exp(exponent * log(bases))


def rounded(values: Floats) -> Floats:
    """Round to 40 bits, about 12 digits, so that the order of sums does not matter."""
    scaled = values * _SPLITTER
    return np.asarray(scaled - (scaled - values))
