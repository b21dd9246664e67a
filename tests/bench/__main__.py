"""Run all benchmarks, or those whose names are given, and print their rows.

What they start may keep compiled modules, as an installation by pip has them.
"""

import importlib
import os
import pkgutil
import sys

from tests import bench
from wcode_magics.display.text_table import TextTable

HEADS = ("measured", "figure", "floor", "ratio, bar")


def main(wanted: list[str]) -> None:
    """Print one table; a benchmark that lacks a peer says so in its row."""
    names = [m.name for m in pkgutil.iter_modules(bench.__path__) if "bench_" in m.name]
    rows = []
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in names:
        if not wanted or name.removeprefix("bench_") in wanted:
            print(f"… {name}", file=sys.stderr, flush=True)
            rows += importlib.import_module(f"tests.bench.{name}").main()
    print(TextTable(HEADS, rows).plain())
    told = " ".join(row[3] for row in rows).split()
    print(f"{told.count('pass')} bars passed, {told.count('miss')} missed")


if __name__ == "__main__":
    main(sys.argv[1:])
