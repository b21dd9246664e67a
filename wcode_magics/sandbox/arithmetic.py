"""Exp and log with identical bits on every processor.

The C library selects kernels by processor, and these differ in the last place; that
suffices to change a tie, a cutoff or a draw. IEEE 754 determines only the results of
single additions, multiplications and divisions, so these functions use nothing else,
in a fixed order. The relative error is below 1e-14.
"""

import math

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


def log(value: float) -> float:
    """Return the natural logarithm; that of 0 is -inf."""
    if value == 0.0:
        return -math.inf
    fraction, exponent = math.frexp(value)
    if fraction < _HALF_ROOT:
        fraction *= 2
        exponent -= 1
    part = (fraction - 1) / (fraction + 1)
    square = part * part
    total = 0.0
    for number in _SERIES:
        total = total * square + number
    return exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2 * part * total)


def exp(value: float) -> float:
    """Return e to the power of a value up to 700; the result for -inf is 0."""
    if value < _SMALLEST_EXPONENT:
        return 0.0
    doublings = round(value / (_LN2_HIGH + _LN2_LOW))
    rest = value - doublings * _LN2_HIGH - doublings * _LN2_LOW
    total = 0.0
    for number in _FACTORIALS:
        total = total * rest + number
    return math.ldexp(total, doublings)


def power(base: float, exponent: float) -> float:
    """Return a positive base raised to ``exponent``."""
    return exp(exponent * log(base))


def rounded(value: float) -> float:
    """Round to 40 bits, about 12 digits, so that the order of sums does not matter."""
    scaled = value * _SPLITTER
    return scaled - (scaled - value)
