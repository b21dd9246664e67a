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
from pathlib import Path

import pandas as pd

from tests.bench.stub import Server
from wcode_magics.protocol.models import DEFAULT
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor

ROWS, FLYING, ROUNDS = 2_000, 64, 3
REPLAYED = (10_000, 100_000)
WORDS = "very good product, arrived late but the support was kind"
TEMPLATE = "Summarise this review number {{ number }}: {{ review }}"


def main() -> list[tuple[str, ...]]:
    """Rows per second with and without latency, CPU a row, and replay."""
    return [*_sent(50, 0.85), *_sent(0, 0.22), *_replayed()]


def table(first: int, rows: int) -> pd.DataFrame:
    """Rows that nobody has asked yet."""
    numbers = range(first, first + rows)
    return pd.DataFrame({"number": numbers, "review": WORDS})


def _sent(milliseconds: int, bound: float) -> list[tuple[str, ...]]:
    ours: list[float] = []
    raws: list[float] = []
    spent: list[float] = []
    with Server(milliseconds) as server, tempfile.TemporaryDirectory() as folder:
        session = Session(
            base_url=server.url, api_key="k", store=str(Path(folder) / "s.db")
        )
        accessor.register(session)
        ask(table(-100, 100))
        for turn in range(ROUNDS):
            raws.append(_timed(lambda: asyncio.run(raw(server.url, ROWS)))[0])
            rows = table(turn * ROWS, ROWS)
            wall, cpu = _timed(lambda rows=rows: ask(rows))
            ours.append(wall)
            spent.append(cpu / ROWS * 1e3)
        session.close()
    ideal = ROWS / FLYING * milliseconds / 1e3
    mine, floor = (statistics.median(times) for times in (ours, raws))
    told = f"{floor / mine:.2f} (≥ {bound})"
    if ideal:
        told += f"; {mine / ideal:.2f} of ideal (≤ 1.25)"
    return [
        (
            f"df.wcode, {milliseconds} ms, {ROWS:,} rows, rows/s",
            f"{ROWS / mine:,.0f}",
            f"{ROWS / floor:,.0f} aiohttp",
            told,
        ),
        (
            f"df.wcode, {milliseconds} ms, CPU ms a row",
            f"{statistics.median(spent):.2f}",
            "–",
            "(≤ 0.6)" if not milliseconds else "–",
        ),
    ]


def _replayed() -> list[tuple[str, ...]]:
    with Server(0) as server, tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "s.db")
        session = Session(base_url=server.url, api_key="k", store=store)
        accessor.register(session)
        ask(table(0, REPLAYED[-1]))
        session.close()
        few, many = (_replay(server.url, store, rows) for rows in REPLAYED)
    flat = many["cpu"] / few["cpu"]
    told = f"{REPLAYED[-1]:,} rows replayed"
    return [
        (f"{told}, s", f"{many['wall']:.2f}", f"{many['cpu']:.2f} CPU", "(≤ 5)"),
        (f"{told}, MB above the frame", f"{many['mb']:.0f}", "–", "(≤ 300)"),
        (f"{told}, CPU of ten times a tenth", f"{flat / 10:.2f}", "1", "flat"),
    ]


def _replay(url: str, store: str, rows: int) -> dict[str, float]:
    """In a process of its own, so that its peak of memory is the replay's."""
    argv = [sys.executable, "-m", "tests.bench.bench_frame", url, store, str(rows)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def replay(url: str, store: str, rows: int) -> None:
    """Print seconds of wall and CPU, and MB of peak above the frame."""
    accessor.register(Session(base_url=url, api_key="k", store=store))
    held = table(0, rows)
    ask(held[:100])
    before = peak_mb()
    wall, cpu = _timed(lambda: ask(held))
    print(json.dumps({"wall": wall, "cpu": cpu, "mb": peak_mb() - before}))


def ask(rows: pd.DataFrame) -> pd.DataFrame:
    """All rows, without a word."""
    made = rows.wcode.ask(TEMPLATE, temperature=0.2, max_tokens=64, progress=False)
    assert set(made["answer_status"]) <= {"ok", "replayed"}
    return made


def content(number: int) -> dict[str, object]:
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
    replay(sys.argv[1], sys.argv[2], int(sys.argv[3]))
