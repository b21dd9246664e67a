"""Tables larger than memory: Parquet in chunks of rows, to a folder of parts.

``wcode_magics.parquet()`` is the way in. The folder is not called ``parquet`` because
the function is.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import SettingError, stoppable
from wcode_magics.runtime import imports

if TYPE_CHECKING:
    from wcode_magics.tables.parquet.table import Parquet

ROWS = 10_000


@stoppable()
def parquet(
    source: Any, *, to: str | Path, rows: int = ROWS, overwrite: bool = False
) -> "Parquet":
    """A Parquet table of any length, with the methods of ``df.wcode``.

    ``parquet("reviews.parquet", to="answers").ask("Summarise: {{ review }}")`` reads
    some rows at a time, asks about them, and writes them with their answers as
    ``answers/part-00000.parquet`` and so on. Run again after Stop or a crash, finished
    parts stay as they are and the rest goes on. ``pandas.read_parquet("answers")``,
    Dask or DuckDB read the whole, in the order of rows.

    Args:
        source: a Parquet file, a folder of them, a pattern (``*``) or a list.
        to: a folder for the parts, made if need be; it belongs to one question.
        rows: of a part; no more than two parts are in memory at a time.
        overwrite: begin anew in a folder that an earlier run has written.

    Raises:
        UsageError: the source is not there or no Parquet, or holds the folder.
        SettingError: pandas or pyarrow is not installed.
    """
    try:
        imports.prepare(["wcode_magics.tables.parquet.table"])
    except ModuleNotFoundError as missing:
        raise SettingError("parquet.needs", name=missing.name) from missing
    from wcode_magics.tables.parquet.table import Parquet

    return Parquet(source, to, rows, overwrite=overwrite)
