"""Tables larger than memory: Parquet read in chunks, written as a folder of parts.

The entry point is ``wcode_magics.parquet()``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import stoppable
from wcode_magics.runtime import imports

if TYPE_CHECKING:
    from wcode_magics.tables.parquet.table import Parquet

ROWS = 10_000


@stoppable()
def parquet(
    source: Any, *, to: str | Path, rows: int = ROWS, overwrite: bool = False
) -> "Parquet":
    """Open a Parquet table of any length, with the methods of ``df.wcode``.

    ``parquet("reviews.parquet", to="answers").ask("Summarise: {{ review }}")`` reads
    a chunk of rows at a time, sends its requests, and writes rows and answers to
    ``answers/part-00000.parquet`` and so on. Running it again after Stop or a crash
    keeps finished parts and continues with the rest. All parts are read in row order
    by ``pandas.read_parquet("answers")``, Dask or DuckDB.

    Args:
        source: a Parquet file, a folder of them, a pattern (``*``) or a list.
        to: folder for the parts, created if needed; each folder holds one run.
        rows: rows per part; at most two parts are in memory at a time.
        overwrite: start over in a folder written by an earlier run.

    Raises:
        UsageError: the source does not exist or is not Parquet, or overlaps ``to``;
            or ``to`` is a file.
        SettingError: pandas or pyarrow is not installed.
    """
    with imports.of_extra("parquet"):
        imports.prepare(["wcode_magics.tables.parquet.table"])
    from wcode_magics.tables.parquet.table import Parquet

    return Parquet(source, to, rows, overwrite=overwrite)
