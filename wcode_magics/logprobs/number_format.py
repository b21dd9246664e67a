"""Format numbers for display, with honest rounding."""

import math

NO_NUMBER = "–"
ABOUT = "≈"
MOST_PLAIN = 1e16
"""Numbers from here on are written with an exponent."""


def percent(share: float) -> str:
    """Format a probability; as 100 % or 0 % only if it is exactly 1 or 0."""
    if math.isnan(share):
        return NO_NUMBER
    if 0.9995 <= share < 1:
        return ">99.9%"
    if 0 < share < 0.00005:
        return "<0.01%"
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{share:.1%}" if share >= 0.1 else f"{share:.2%}"


def number(value: float, digits: int = 2) -> str:
    """Format a number with ``digits`` decimals; a dash for nan, 0 only if it is 0."""
    if math.isnan(value):
        return NO_NUMBER
    if not math.isfinite(value):
        return f"{value}".replace("inf", "∞")
    if value == 0:
        return "0"
    shown = f"{value:,.{digits}f}"
    return shown if shown.strip("-0.,") else f"{ABOUT}0"


def significant(value: float, digits: int) -> str:
    """Format a number with ``digits`` significant digits at most, never exponents."""
    return decimal(float(f"{value:.{digits}g}"))


def decimal(value: float) -> str:
    """Format a number exactly and as people write it: 0, 0.05, 0.00000001, 1e+20."""
    if not math.isfinite(value):
        return number(value)
    shown = repr(float(value))
    if abs(value) < MOST_PLAIN:
        from decimal import Decimal

        shown = f"{Decimal(shown):f}".removesuffix(".0")
    return "0" if shown == "-0" else shown
