"""A cell that does not stream, against the bare HTTP exchange of the same bytes."""

import statistics
import time
from collections.abc import Callable

import httpx
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from tests.bench.bars import most
from tests.loopback import Loopback, completion

ROUNDS = 200
PROMPT = "Say hello to {{ name }}."
ANSWER = "Hello, **world**. " * 20


def main() -> list[tuple[str, ...]]:
    """Milliseconds of a cell above the exchange, medians of interleaved rounds."""
    with Loopback(completion(ANSWER)) as server:
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "wcode_magics")
        shell.run_line_magic("wcode_config", f"base_url={server.url}")
        shell.user_ns["name"] = "all"

        def cell() -> None:
            with capture_output():
                shell.run_cell(f"%%wcode --no-stream -t 0\n{PROMPT}")

        cell()
        content = server.seen[0].content
        with httpx.Client() as client:

            def bare() -> None:
                client.post(f"{server.url}/chat/completions", content=content).read()

            cells, exchanges = _interleaved(cell, bare)
        shell.run_line_magic("unload_ext", "wcode_magics")
    return [
        (
            "%%wcode --no-stream, ms",
            f"{cells:.2f}",
            f"{exchanges:.2f} bare exchange",
            f"{cells / exchanges:.1f}; + {cells - exchanges:.2f} ms "
            + most(cells - exchanges, 2, " ms"),
        )
    ]


def _interleaved(*calls: Callable[[], None]) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, kept in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            kept.append((time.perf_counter() - start) * 1000)
    return [statistics.median(kept) for kept in times]
