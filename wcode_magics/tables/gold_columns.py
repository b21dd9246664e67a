"""Columns of a frame under review: gold, and the mark of rows drawn at random."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pandas.api import types

from wcode_magics.evaluation.graded import Bools
from wcode_magics.tables.columns import column_in, has_column, name_in
from wcode_magics.tables.gold_values import put


class GoldColumns:
    """Gold of a frame, and its mark ``<gold>_sample``; both are added if missing.

    Args:
        frame: answered rows; gold is written into it.
        gold: column of gold.
        into: column of answers, whose type a new column of gold has.
    """

    def __init__(self, frame: pd.DataFrame, gold: str, into: str) -> None:
        self._frame, self._name, self._mark = frame, gold, f"{gold}_sample"
        boolean = types.is_bool_dtype(column_in(frame, into).dtype)
        dtypes = {gold: "boolean" if boolean else "string", self._mark: "boolean"}
        known = has_column(frame, gold)
        for name, dtype in dtypes.items():
            blank = pd.array([pd.NA] * len(frame), dtype=dtype)  # type: ignore[call-overload]
            if not has_column(frame, name):
                frame.insert(len(frame.columns), name_in(frame, name), blank)
                if name == self._mark and known:
                    self._set(name, self.gold.notna().array)
            elif column_in(frame, name).isna().all():  # of whatever kind
                self._set(name, blank)

    @property
    def gold(self) -> "pd.Series[Any]":
        """The gold of all rows."""
        return column_in(self._frame, self._name)

    @property
    def drawn(self) -> Bools:
        """Whether each row has gold that counts as drawn at random."""
        drawn: Bools = self._marks.to_numpy(bool, na_value=False)
        return drawn

    def row(self, place: int) -> tuple[Any, Any]:
        """Return gold and mark of a row."""
        return self.gold.array[place], self._marks[place]

    def put(self, decided: Mapping[int, tuple[Any, Any]]) -> None:
        """Set gold and mark of rows; a row without gold has no mark."""
        values, marks = self.gold.array.copy(), self._marks
        for place, (gold, drawn) in decided.items():
            values = put(values, place, gold)
            marks[place] = pd.NA if pd.isna(gold) else drawn
        self._set(self._name, values)
        self._set(self._mark, marks)

    def flip(self, places: list[int]) -> None:
        """Invert the marks of rows."""
        marks = self._marks
        marks[places] = ~self.drawn[places]
        self._set(self._mark, marks)

    def value(self, choice: str) -> Any:
        """Return a choice as the column holds it: true and false as booleans."""
        boolean = types.is_bool_dtype(self.gold.dtype)
        known = boolean and choice in {"true", "false"}
        return choice == "true" if known else choice

    @property
    def _marks(self) -> Any:
        return column_in(self._frame, self._mark).astype("boolean").array.copy()

    def _set(self, name: str, values: Any) -> None:
        at: Any = self._frame.columns.get_loc(name_in(self._frame, name))
        self._frame.isetitem(at, values)  # no view, no copy, no warning
