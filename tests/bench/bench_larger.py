"""Tables larger than memory and than a machine, against ``df.wcode`` in one process.

The floor is the same rows in one frame in the same run, 64 in flight. For a cluster
the endpoint is given 200 ms, since two workers, a scheduler and this process share
the processors here; its start counts, and so does all that this process, which leads,
does for it. For memory, parts of 1,000 rows are counted in a process of their own,
once for few rows and once for ten times as many.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

import wcode_magics
from tests.bench.bars import least, most
from tests.bench.bench_frame import TEMPLATE, ask, peak_mb, table
from tests.bench.stub import Server
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor

ROWS, PART, TURNS = 2_000, 1_000, 3
CLUSTER_ROWS = 4_000
COUNTED = (4_000, 40_000)
LATENCY_MS = 200
OPTIONS: dict[str, Any] = {"temperature": 0.2, "max_tokens": 64}


def main() -> list[tuple[str, ...]]:
    """Rows per second of both ways, and memory of the first."""
    return [*_parts(), *_memory(), *_cluster()]


def _parts() -> list[tuple[str, ...]]:
    ours, floors = [], []
    with Server(50) as server, tempfile.TemporaryDirectory() as folder:
        session = _session(server.url, folder)
        ask(table(-100, 100))
        for turn in range(TURNS):
            floors.append(_seconds(partial(_ask, turn * 2 * ROWS, ROWS)))
            source = Path(folder) / f"{turn}.parquet"
            table((turn * 2 + 1) * ROWS, ROWS).to_parquet(source)
            to = Path(folder) / str(turn)
            ours.append(_seconds(partial(_ask_parts, source, to)))
        session.close()
    ratio, *told = _compared(f"parquet, 50 ms, parts of {PART:,}", ROWS, ours, floors)
    return [(*told, f"{ratio:.2f}")]


def _memory() -> list[tuple[str, ...]]:
    few, many = (_counted(rows) for rows in COUNTED)
    told = f"parquet, {COUNTED[1]:,} rows, MB above the start"
    return [(told, f"{many:.0f}", f"{few:.0f} a tenth", f"{many / few:.2f}")]


def _counted(rows: int) -> float:
    with Server(0) as server:
        argv = [sys.executable, "-m", "tests.bench.bench_larger", server.url, str(rows)]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def count(url: str, rows: int) -> None:
    """Print the MB of peak that a run over parts adds."""
    with tempfile.TemporaryDirectory() as folder:
        _session(url, folder)
        source = Path(folder) / "rows.parquet"
        for first in range(0, rows, COUNTED[0]):
            table(first, COUNTED[0]).to_parquet(f"{source}-{first:06}.parquet")
        table(-PART, PART).to_parquet(source)
        _ask_parts(source, Path(folder) / "warm")
        before = peak_mb()
        _ask_parts(f"{source}-*.parquet", Path(folder) / "made")
        print(json.dumps(peak_mb() - before))


def _cluster() -> list[tuple[str, ...]]:
    try:
        import dask.dataframe as dd
        from distributed import Client
        from distributed.deploy.subprocess import SubprocessCluster
    except ImportError:
        return [("Dask, two workers, rows/s", "not installed", "–", "–")]
    ours, floors, spent, rows = [], [], [], CLUSTER_ROWS
    with (
        Server(LATENCY_MS) as server,
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, WCODE_API_KEY="k"),
        SubprocessCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            worker_kwargs={"local_directory": folder},
        ) as cluster,
        Client(cluster),
    ):
        session = _session(server.url, folder)

        def compute(rows: pd.DataFrame) -> None:
            lazy = dd.from_pandas(rows, npartitions=4)
            made = lazy.wcode.ask(TEMPLATE, **OPTIONS).compute()
            assert set(made["answer_status"]) == {"ok"}

        compute(table(-100, 100))
        for turn in range(TURNS):
            floors.append(_seconds(partial(_ask, turn * 2 * rows, rows)))
            asked, before = table((turn * 2 + 1) * rows, rows), time.process_time()
            ours.append(_seconds(partial(compute, asked)))
            spent.append(time.process_time() - before)
        session.close()
    what = f"Dask, two workers, {LATENCY_MS} ms"
    ratio, *told = _compared(what, rows, ours, floors)
    led = statistics.median(spent) / rows * 1000
    return [
        (*told, f"{ratio:.2f} {least(ratio, 0.95)}"),
        ("Dask, CPU of who leads, ms a row", f"{led:.3f}", "–", most(led, 0.05)),
    ]


def _session(url: str, folder: str) -> Session:
    made = Session(base_url=url, api_key="k", store=str(Path(folder) / "s.db"))
    accessor.register(made)
    return made


def _ask(first: int, rows: int) -> None:
    ask(table(first, rows))


def _ask_parts(source: object, to: Path) -> None:
    made = wcode_magics.parquet(source, to=to, rows=PART)
    told = made.ask(TEMPLATE, progress=False, **OPTIONS)
    assert set(told.statuses) == {"ok"}


def _compared(
    what: str, rows: int, ours: list[float], floors: list[float]
) -> tuple[float, str, str, str]:
    """Return the part of the floor's speed that is reached, and cells of a row."""
    mine, floor = statistics.median(ours), statistics.median(floors)
    rates = f"{rows / mine:,.0f}", f"{rows / floor:,.0f} one frame"
    return (floor / mine, f"{what}, rows/s", *rates)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    count(sys.argv[1], int(sys.argv[2]))
