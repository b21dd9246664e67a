"""Bars that figures are held against, told with pass or miss."""


def most(value: float, bound: float, unit: str = "") -> str:
    """A figure that is good up to ``bound``."""
    return _told("≤", value <= bound, bound, unit)


def least(value: float, bound: float, unit: str = "") -> str:
    """A figure that is good from ``bound`` on."""
    return _told("≥", value >= bound, bound, unit)


def _told(sign: str, passed: bool, bound: float, unit: str) -> str:
    return f"{sign} {bound:g}{unit} {'pass' if passed else 'miss'}"
