"""The name ``wcode`` on DataFrame and Series: put there, and taken away again."""

import sys
from collections.abc import Callable
from typing import Any

NAME = "wcode"


def put(frame: Callable[[Any], Any], series: Callable[[Any], Any]) -> None:
    """Let ``.wcode`` be what these make of a DataFrame and of a Series."""
    import pandas as pd

    take()
    pd.api.extensions.register_dataframe_accessor(NAME)(frame)  # type: ignore[type-var]
    pd.api.extensions.register_series_accessor(NAME)(series)  # type: ignore[type-var]


def take() -> None:
    """Take it away, if it is there; pandas has no way back of its own."""
    pandas = sys.modules.get("pandas")
    for kind in () if pandas is None else (pandas.DataFrame, pandas.Series):
        if NAME in vars(kind):
            delattr(kind, NAME)
            kind._accessors.discard(NAME)  # noqa: SLF001
