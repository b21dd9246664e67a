"""``df.wcode.ask``, all included, against raw aiohttp on the same stub server.

Template, hash, store, limiter and result are in; the stub has a process of its own.
Floors: 64 workers that post the same bodies and read the text. Rounds are
interleaved and medians told, for the machine is seldom alone.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import wcode_magics
from tests.bench.bars import least, most
from tests.bench.stub import TEXT, Server
from wcode_magics.protocol.messages import Usage
from wcode_magics.protocol.models import DEFAULT
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor
from wcode_magics.tables.run_builder import call_of

ROWS, FLYING, ROUNDS = 2_000, 64, 3
MANY, MANY_ROWS, MANY_MS = 512, 10_240, 500
REPLAYED = (10_000, 100_000)
STORED = 1_000_000
OPTIONS: dict[str, Any] = {"temperature": 0.2, "max_tokens": 64}
AT_ONCE = 50_000
WORDS = "very good product, arrived late but the support was kind"
TEMPLATE = "Summarise this review number {{ number }}: {{ review }}"


def main() -> list[tuple[str, ...]]:
    """Rows per second with and without latency, CPU a row, and replay."""
    return [*_sent(50, 0.95), *_sent(0, 0.5), *_many(), *_replayed()]


def table(first: int, rows: int) -> pd.DataFrame:
    """Rows that nobody has asked yet."""
    numbers = range(first, first + rows)
    return pd.DataFrame({"number": numbers, "review": WORDS})


def _sent(milliseconds: int, bound: float) -> list[tuple[str, ...]]:
    ours: list[float] = []
    raws: list[float] = []
    spent: list[float] = []
    with Server(milliseconds) as server, tempfile.TemporaryDirectory() as folder:
        session = _session(server.url, Path(folder) / "s.db")
        ask(table(-100, 100))
        for turn in range(ROUNDS):
            raws.append(_timed(lambda: asyncio.run(raw(server.url, ROWS)))[0])
            rows = table(turn * ROWS, ROWS)
            wall, cpu = _timed(partial(ask, rows))
            ours.append(wall)
            spent.append(cpu / ROWS * 1e3)
        session.close()
    ideal = ROWS / FLYING * milliseconds / 1e3
    mine, floor = (statistics.median(times) for times in (ours, raws))
    told = f"{floor / mine:.2f} {least(floor / mine, bound)}"
    if ideal:
        told += f"; {mine / ideal:.2f} of ideal {most(mine / ideal, 1.1)}"
    each = statistics.median(spent)
    return [
        (
            f"df.wcode, {milliseconds} ms, {ROWS:,} rows, rows/s",
            f"{ROWS / mine:,.0f}",
            f"{ROWS / floor:,.0f} aiohttp",
            told,
        ),
        (
            f"df.wcode, {milliseconds} ms, CPU ms a row",
            f"{each:.2f}",
            "–",
            most(each, 0.35),
        ),
    ]


def _many() -> list[tuple[str, ...]]:
    """More in flight than the window begins with, over a long way."""
    with Server(MANY_MS) as server, tempfile.TemporaryDirectory() as folder:
        session = _session(server.url, Path(folder) / "s.db")
        session.settings.set("concurrency", MANY)
        ask(table(-100, 100))
        wall, cpu = _timed(lambda: ask(table(0, MANY_ROWS)))
        session.close()
    ideal = MANY_ROWS / MANY * MANY_MS / 1e3
    told = f"df.wcode, {MANY_MS} ms, {MANY} in flight, {MANY_ROWS:,} rows, rows/s"
    base, bar = f"{MANY_ROWS / ideal:,.0f} ideal", least(ideal / wall, 0.9)
    ratio = f"{ideal / wall:.2f} {bar}; {cpu / MANY_ROWS * 1e3:.2f} ms CPU a row"
    return [(told, f"{MANY_ROWS / wall:,.0f}", base, ratio)]


def _replayed() -> list[tuple[str, ...]]:
    """Replay from a store of a million answers: a frame, and a Parquet table."""
    with Server(0) as server, tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.db"
        record(server.url, store, STORED)
        few, many = (_replay(server.url, store, rows) for rows in REPLAYED)
        tenth, whole = (
            _replay(server.url, store, rows, "parquet")
            for rows in (STORED // 10, STORED)
        )
    flat, each = many["cpu"] / few["cpu"] / 10, whole["cpu"] / tenth["cpu"] / 10
    more = whole["mb"] - tenth["mb"]
    told = f"{REPLAYED[-1]:,} rows replayed"
    parts = f"{STORED:,} rows of Parquet replayed"
    return [
        (
            f"{told}, s",
            f"{many['wall']:.2f}",
            f"{many['cpu']:.2f} CPU",
            most(many["wall"], 2),
        ),
        (
            f"{told}, MB above the frame",
            f"{many['mb']:.0f}",
            "–",
            most(many["mb"], 100),
        ),
        (f"{told}, CPU of ten times a tenth", f"{flat:.2f}", "1", most(flat, 1.2)),
        (
            f"{parts}, s",
            f"{whole['wall']:.1f}",
            f"{whole['cpu']:.1f} CPU",
            most(whole["wall"], 25),
        ),
        (
            f"{parts}, MB above the start",
            f"{whole['mb']:.0f}",
            f"{tenth['mb']:.0f} a tenth",
            f"{more:.0f} more {most(more, 50)}",
        ),
        (f"{parts}, CPU of ten times a tenth", f"{each:.2f}", "1", most(each, 1.2)),
    ]


def _session(url: str, store: Path) -> Session:
    made = Session(base_url=url, api_key="k", store=str(store))
    accessor.register(made)
    return made


def record(url: str, store: Path, rows: int) -> None:
    """Store the answers of rows as if they had been sent."""
    session = _session(url, store)
    call = call_of(table(0, rows), TEMPLATE, OPTIONS, through=session)
    kept = session.pool.store(call.resolved)
    for number, request in enumerate(call.rows.requests()):
        assert isinstance(request, Request)
        usage = Usage(25, 10)
        reply = Reply(TEXT, request, DEFAULT, usage=usage, finish_reason="stop")
        kept.put(replace(reply, base_url=url), url)
        if number % 10_000 == 0:
            kept.flush()
    session.close()


def _replay(url: str, store: Path, rows: int, kind: str = "frame") -> dict[str, float]:
    """In a process of its own, so that its peak of memory is the replay's."""
    argv = [sys.executable, "-m", "tests.bench.bench_frame", url, str(store), str(rows)]
    argv.append(kind)
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def replay(url: str, store: str, rows: int, kind: str) -> None:
    """Print seconds of wall and CPU, and MB of peak above the frame or the start."""
    _session(url, Path(store))
    with tempfile.TemporaryDirectory() as folder:
        if kind == "frame":
            held = table(0, rows)
            ask(held[:100])
            work: Callable[[], object] = partial(ask, held)
        else:
            written = Path(folder) / "rows"
            written.mkdir()
            for first in range(0, rows, AT_ONCE):
                part = written / f"{first:08}.parquet"
                table(first, min(AT_ONCE, rows)).to_parquet(part)
            ask_parts(next(written.iterdir()), Path(folder) / "warm")
            work = partial(ask_parts, written, Path(folder) / "made")
        before = peak_mb()
        wall, cpu = _timed(work)
        print(json.dumps({"wall": wall, "cpu": cpu, "mb": peak_mb() - before}))


def ask_parts(source: Path, to: Path) -> None:
    """All rows of a Parquet table, in parts of the usual size."""
    made = wcode_magics.parquet(source, to=to)
    told = made.ask(TEMPLATE, progress=False, **OPTIONS)
    assert set(told.statuses) <= {"ok", "replayed"}


def ask(rows: pd.DataFrame) -> pd.DataFrame:
    """All rows, without a word."""
    made: pd.DataFrame = rows.wcode.ask(TEMPLATE, progress=False, **OPTIONS)
    assert set(made["answer_status"]) <= {"ok", "replayed"}
    return made


def content(number: int) -> dict[str, Any]:
    """The body that a row becomes."""
    said = f"Summarise this review number {number}: {WORDS}"
    return {
        "model": DEFAULT,
        "messages": [{"role": "user", "content": said}],
        "temperature": 0.2,
        "max_tokens": 64,
    }


async def raw(url: str, rows: int) -> None:
    """The floor: aiohttp, JSON out, JSON in, nothing else."""
    import aiohttp

    left = iter(range(rows))
    head = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=FLYING)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for number in left:
                data = json.dumps(content(number)).encode()
                where = f"{url}/chat/completions"
                async with session.post(where, data=data, headers=head) as response:
                    body = json.loads(await response.read())
                assert body["choices"][0]["message"]["content"]

        await asyncio.gather(*(work() for _ in range(FLYING)))


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_mb() -> float:
    """The peak of this program alone; rusage also counts what started it."""
    told = Path("/proc/self/status")
    if told.exists():
        return int(told.read_text().split("VmHWM:")[1].split()[0]) / 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    replay(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
