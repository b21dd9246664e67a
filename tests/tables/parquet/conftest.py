"""Tables on the disk."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import wcode_magics
from tests.tables.parquet.tables import Table


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Table]:
    """``table(frame, rows=…)``: a file with this frame, and a folder for its parts."""

    def make(frame: pd.DataFrame, **options) -> Table:
        source, folder = tmp_path / "in.parquet", tmp_path / "out"
        frame.to_parquet(source)
        return Table(source, folder, wcode_magics.parquet(source, to=folder, **options))

    return make
