"""What others do with the same rows: optional peers, a process each.

The openai SDK sends a request a row, as its guide to many requests has it; openaivec
knows the Responses API alone and, if it may, puts many rows into one request. It counts
with a vocabulary that it downloads; here it gets one of bytes, so that nothing leaves
the machine. The floor is raw aiohttp in the same run.
"""

import asyncio
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.bench.bench_frame import FLYING, WORDS, content, raw
from tests.bench.stub import Server

MILLISECONDS = 50
PEERS = {
    "openai SDK": ("openai", 2_000),
    "openaivec, a request a row": ("openaivec", 500),
    "openaivec, rows packed": ("openaivec", 2_000),
}


def main() -> list[tuple[str, ...]]:
    """Rows per second of each peer that is installed, and the ratio to the floor."""
    told = f"{MILLISECONDS} ms, rows/s"
    rows: list[tuple[str, ...]] = []
    for peer, (package, number) in PEERS.items():
        if importlib.util.find_spec(package) is None:
            rows.append((f"{peer}, {told}", "not installed", "–", "–"))
            continue
        with Server(MILLISECONDS) as server:
            floor = _seconds(partial(_floor, server.url, number))
            argv = [sys.executable, "-m", "tests.bench.bench_peers", peer, server.url]
            done = subprocess.run(argv, check=True, capture_output=True, text=True)
        wall, cpu = json.loads(done.stdout)
        base = f"{number / floor:,.0f} aiohttp"
        ratio = f"{floor / wall:.2f}; {cpu / number * 1e3:.2f} ms CPU a row"
        rows.append((f"{peer}, {told}", f"{number / wall:,.0f}", base, ratio))
    return rows


def run(peer: str, url: str) -> None:
    """Print the seconds of wall and CPU that a peer takes, after a row to warm up."""
    package, rows = PEERS[peer]
    if package == "openai":
        work = _openai(url, rows)
    else:
        work = _openaivec(url, rows, packed=peer.endswith("packed"))
    print(json.dumps(asyncio.run(work)))


async def _openai(url: str, rows: int) -> tuple[float, float]:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="k")
    await client.chat.completions.create(**content(-1))
    wall, cpu = time.perf_counter(), time.process_time()
    left = iter(range(rows))

    async def work() -> None:
        for number in left:
            await client.chat.completions.create(**content(number))

    await asyncio.gather(*(work() for _ in range(FLYING)))
    times = time.perf_counter() - wall, time.process_time() - cpu
    await client.close()
    return times


async def _openaivec(url: str, rows: int, *, packed: bool) -> tuple[float, float]:
    import pandas as pd
    import tiktoken.registry
    from openai import AsyncOpenAI

    tiktoken.registry.ENCODING_CONSTRUCTORS = {"o200k_base": _bytes_alone}
    import openaivec
    import openaivec.pandas_ext

    openaivec.set_async_client(AsyncOpenAI(base_url=url, api_key="k"))
    size = {} if packed else {"batch_size": 1}
    more = {**size, "max_concurrency": FLYING, "show_progress": False}
    asked = "Summarise the review."
    first: Any = pd.Series(["one"])
    await first.aio.responses(asked, **more)
    table: Any = pd.Series([f"{number}: {WORDS}" for number in range(rows)])
    wall, cpu = time.perf_counter(), time.process_time()
    made = await table.aio.responses(asked, **more)
    times = time.perf_counter() - wall, time.process_time() - cpu
    assert made.notna().all()
    return times


def _bytes_alone() -> dict[str, object]:
    ranks = {bytes([number]): number for number in range(256)}
    return {
        "name": "o200k_base",
        "pat_str": r"[\s\S]{1,4}",
        "mergeable_ranks": ranks,
        "special_tokens": {},
    }


def _floor(url: str, rows: int) -> None:
    asyncio.run(raw(url, rows))


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    run(*sys.argv[1:])
