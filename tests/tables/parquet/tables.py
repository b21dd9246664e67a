"""Tables on the disk."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wcode_magics.tables.parquet.table import Parquet


@dataclass(frozen=True)
class Table:
    """A file, a folder, and what asks from the one to the other."""

    source: Path
    folder: Path
    wcode: Parquet

    def read(self) -> pd.DataFrame:
        """All parts, as pandas reads a folder."""
        return pd.read_parquet(self.folder)

    @property
    def parts(self) -> list[Path]:
        """The parts, in order."""
        return sorted(self.folder.glob("*.parquet"))
