"""Missing values, and what they make of whole numbers.

Numpy's integers have no missing value, so that pandas holds a column of whole numbers
with gaps as floats: 1.0 stands for 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXACT = 2**53
"""Whole numbers below it are floats without loss."""


@dataclass(frozen=True, slots=True)
class Floats:
    """Columns of floats; what is found in parts of a table is added.

    ``gapped`` have missing values, ``numbered`` some number, ``broken`` one that is
    not whole. The numbers of ``sent`` are sent as whole ones.
    """

    gapped: frozenset[Any] = frozenset()
    numbered: frozenset[Any] = frozenset()
    broken: frozenset[Any] = frozenset()
    sent: frozenset[Any] = frozenset()

    @classmethod
    def of(cls, name: Any, column: "pd.Series[Any]") -> "Floats":
        """One column."""
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
        """The columns that have gaps, and whole numbers alone."""
        return self.gapped & self.numbered - self.broken


def gaps(column: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """For each row whether the value is missing; nan is, in Arrow's floats too."""
    if getattr(column.dtype, "kind", "") != "f":
        return column.isna().to_numpy(dtype=bool)
    numbers = column.to_numpy(dtype="float64", na_value=float("nan"))
    missing: np.ndarray[Any, np.dtype[np.bool_]] = numbers != numbers  # noqa: PLR0124
    return missing


def whole_values(column: "pd.Series[Any]") -> list[Any]:
    """Whole numbers that are held as floats; nan where one is missing."""
    return [int(one) if one == one else one for one in column.tolist()]  # noqa: PLR0124


def _broken(numbers: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    made: np.ndarray[Any, Any] = numbers != np.floor(numbers)
    made |= np.abs(numbers) >= EXACT
    return made
