"""Missing values, and integers stored as floats because of them.

NumPy integers have no missing value, so pandas stores an integer column with missing
values as floats: 1.0 stands for 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXACT = 2**53
"""Integers below it are exact as floats."""


@dataclass(frozen=True, slots=True)
class Floats:
    """Names of float columns by content; those of parts of a table can be added.

    ``gapped`` columns have missing values, ``numbered`` at least one number, ``broken``
    a number that is not an exact integer. Numbers in ``sent`` are sent as integers.
    """

    gapped: frozenset[Any] = frozenset()
    numbered: frozenset[Any] = frozenset()
    broken: frozenset[Any] = frozenset()
    sent: frozenset[Any] = frozenset()

    @classmethod
    def of(cls, name: Any, column: "pd.Series[Any]") -> "Floats":
        """Inspect one column."""
        if getattr(column.dtype, "kind", "") != "f":
            return cls()
        missing = gaps(column)
        numbers = column[~missing].to_numpy(dtype="float64")
        found = (missing.any(), len(numbers), _broken(numbers).any())
        return cls(*(frozenset([name] if one else []) for one in found))

    def __add__(self, other: "Floats") -> "Floats":
        return Floats(
            self.gapped | other.gapped,
            self.numbered | other.numbered,
            self.broken | other.broken,
            self.sent | other.sent,
        )

    @property
    def whole(self) -> frozenset[Any]:
        """Columns with missing values whose numbers are all integers."""
        return self.gapped & self.numbered - self.broken


def gaps(column: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return a mask of missing values; nan counts, in Arrow floats too."""
    if getattr(column.dtype, "kind", "") != "f":
        return column.isna().to_numpy(dtype=bool)
    numbers = column.to_numpy(dtype="float64", na_value=float("nan"))
    missing: np.ndarray[Any, np.dtype[np.bool_]] = numbers != numbers  # noqa: PLR0124
    return missing


def whole_values(column: "pd.Series[Any]") -> list[Any]:
    """Return integers stored as floats as ``int``; nan where missing."""
    return [int(one) if one == one else one for one in column.tolist()]  # noqa: PLR0124


def _broken(numbers: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    made: np.ndarray[Any, Any] = numbers != np.floor(numbers)
    made |= np.abs(numbers) >= EXACT
    return made
