"""Programs built once for each edition and run side by side, their requests beside.

What the selected tests run is known before the first of them: it is queued at once,
and each test waits for its own run.
"""

import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.golden_files import program
from tests.languages.answers import KEY
from tests.languages.libraries import Edition
from tests.languages.toolchains import environment
from tests.loopback import Loopback, Seen
from tests.matrix import LONG
from wcode_magics import snippets

RUN_SECONDS = 180
AT_A_TIME = 1 + (os.cpu_count() or 1)


@dataclass(frozen=True)
class Run:
    """A program of an edition, by the name of its case, under one key."""

    edition: Edition
    program: str
    key: str | None = KEY


@dataclass(frozen=True)
class Ran:
    """How a run ended, and the requests that the server saw of it."""

    run: Run
    code: int
    out: str
    err: str
    seen: list[Seen]

    @property
    def words(self) -> str:
        """All that it printed."""
        return self.out + self.err


@dataclass
class Shop:
    """All runs, queued; ``seconds`` are those of building and of all runs."""

    server: Loopback
    folder: Path
    runs: Iterable[Run]
    seconds: dict[Edition, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._builders = ThreadPoolExecutor(1)
        self._runners = ThreadPoolExecutor(AT_A_TIME)
        queues = defaultdict(list)
        for run in self.runs:
            queues[run.edition].append(run)
        self._queued = {
            edition: self._builders.submit(self._build, edition, queue)
            for edition, queue in queues.items()
        }

    def close(self) -> None:
        """Drop what has not begun."""
        for pool in (self._builders, self._runners):
            pool.shutdown(cancel_futures=True)

    def ran(self, run: Run) -> Ran:
        """Wait for a run; a build that failed fails here."""
        return self._queued[run.edition].result()[run].result()

    def _build(self, edition: Edition, queue: list[Run]) -> dict[Run, Future[Ran]]:
        begun = time.monotonic()
        names = dict.fromkeys(run.program for run in queue)
        folder = self.folder / edition.tried.replace(" ", "-") / edition.key
        folder.parent.mkdir(exist_ok=True)
        sources = {name: self._source(edition, name) for name in names}
        commands = edition.toolchain.build(folder, sources, edition.home)
        self.seconds[edition] = [time.monotonic() - begun, 0.0]
        return {
            run: self._runners.submit(self._run, run, commands[run.program], folder)
            for run in queue
        }

    def _base(self, edition, name):
        path = f"{edition.key}/{edition.version}/{name}"
        return self.server.url.replace("/v1", f"/{path}/v1")

    def _source(self, edition, name):
        base_url = self._base(edition, name)
        if name == "long":
            return snippets.render(LONG, edition.key, base_url=base_url)
        return program(snippets.find(edition.key), name, base_url=base_url)

    def _run(self, run: Run, command: list[str], folder: Path) -> Ran:
        begun = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(run.key),
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        self.seconds[run.edition][1] += time.monotonic() - begun
        out, err = done.stdout.decode(), done.stderr.decode(errors="replace")
        return Ran(run, done.returncode, out, err, self._seen(run))

    def _seen(self, run):
        """The requests of one run: those to its program's address, under its key."""
        path = self._base(run.edition, run.program).split("/", 3)[3]
        others = {f"Bearer {one.key}" for one in self.runs if one != run}
        return [
            seen
            for seen in self.server.seen
            if seen.path.startswith(f"/{path}/")
            and (
                seen.headers.get("authorization") == f"Bearer {run.key}"
                if run.key
                else seen.headers.get("authorization") not in others
            )
        ]
