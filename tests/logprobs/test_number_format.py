"""No number is rounded to a lie."""

import math

import numpy as np
import pytest

from wcode_magics.logprobs.number_format import (
    decimal,
    number,
    percent,
    significant,
)


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (1.0, "100%"),
        (0.99996, ">99.9%"),
        (0.632, "63.2%"),
        (0.0123, "1.23%"),
        (0.00001, "<0.01%"),
        (0.0, "0%"),
        (math.nan, "–"),
    ],
)
def test_percent_is_never_rounded_to_certainty(share, told):
    """Only 1 is 100 % and only 0 is 0 %."""
    assert percent(share) == told


def test_numbers():
    """Digits as asked; infinity and nan have signs of their own."""
    assert number(-1234.567) == "-1,234.57"
    assert number(0.12345, 3) == "0.123"
    assert (number(math.inf), number(math.nan)) == ("∞", "–")
    assert (number(0.0), number(-0.0), number(-0.0004, 3)) == ("0", "0", "≈0")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (120.0, "120"),
        (0.05, "0.05"),
        (-2.5, "-2.5"),
        (1e-08, "0.00000001"),
        (7, "7"),
        (1e20, "1e+20"),
        (math.nan, "–"),
        (np.float64(0.25), "0.25"),
    ],
)
def test_decimals_as_people_write_them(value, told):
    """No point without need, and no exponent for a small number."""
    assert decimal(value) == told


def test_digits_that_count():
    """They are counted from the first that is not 0, and no exponent is written."""
    assert significant(0.000012345, 3) == "0.0000123"
    assert significant(0.5, 3) == "0.5"
