"""Answers and gold as the texts that a person chooses, and as a column holds them."""

import math
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types


def spelled(column: "pd.Series[Any]") -> Any:
    """Return the texts of a column, shape (rows,): None where a value is missing."""
    known = column.notna().to_numpy(bool)
    some = column[known]
    found = np.full(len(column), None, object)
    if types.is_bool_dtype(column.dtype):
        found[known] = np.where(some.astype(bool), "true", "false")
    else:
        found[known] = some.astype(str).to_numpy(object)
    return found


def spelled_one(value: Any) -> str | None:
    """Return the text of one value, or None if it is missing."""
    text: str | None = spelled(pd.Series([value]))[0]
    return text


def put(values: Any, place: int, gold: Any) -> Any:
    """Set a value of a pandas array; return it, or its texts if it cannot hold it."""
    if isinstance(values, pd.Categorical) and not pd.isna(gold):
        values = values.set_categories(values.categories.union([gold], sort=False))
    try:
        values[place] = gold
    except (TypeError, ValueError):
        values = pd.array(spelled(pd.Series(values)), dtype="string")
        values[place] = gold
    return values


def text_of(value: Any) -> str:
    """Return any value as text; a missing one is empty."""
    missing = value is None or (types.is_scalar(value) and pd.isna(value))
    return "" if missing else str(value)


def number_of(value: Any) -> float:
    """Return a number; a missing one is nan."""
    return math.nan if pd.isna(value) else float(value)
