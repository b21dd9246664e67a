"""All tests as jobs of one queue: ``make test [SETS=ci]``.

The checks are a job, and so are the notebooks, a folder of tests, a file that takes
long. The longest begin first, and one job more runs than there are cores, since many
wait for a server, a kernel or a browser. ``ci`` adds what ``make test`` leaves out.
What a job prints is shown when it has ended; the last lines are the seconds of each.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_CORES, WAITING = 4, 1
LONGEST = (
    "tests/widgets/test_lab.py",
    "tests/tables/dask",
    "tests/test_booking.py",
    "tests/widgets",
    "tests",
    "tests/tables",
    "tests/display",
    "tests/sending",
    "tests/session",
    "tests/notebook",
    "tests/sandbox",
    "tests/store",
    "tests/runtime",
)
"""Files and folders whose tests take long, the longest first.

A file listed here is a job of its own and not a part of its folder's.
"""
PYTEST = (sys.executable, "-m", "pytest", "-q")
OLDER = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}
"""As on a processor without AVX2 and AVX-512."""


@dataclass(frozen=True)
class Job:
    """Commands that run one after the other, until one fails."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a job ended: exit code, seconds, and all that it printed."""

    job: Job
    code: int
    seconds: float
    printed: str

    @property
    def line(self) -> str:
        """Name, seconds and end of the job."""
        end = "passed" if self.code == 0 else f"FAILED ({self.code})"
        return f"{self.seconds:6.0f} s  {self.job.name}: {end}"


def main(words: list[str]) -> int:
    """Run the jobs; 0 if all passed."""
    wanted = jobs(ci=is_ci(words))
    ended = []
    workers = min(os.cpu_count() or 1, MOST_CORES) + WAITING
    for one in run(wanted, workers):
        ended.append(one)
        print(f"\n== {one.line}\n{one.printed}", flush=True)
    print("", *sorted(one.line for one in ended), sep="\n", flush=True)
    return int(any(one.code for one in ended))


def is_ci(words: list[str]) -> bool:
    """Whether all of CI is asked for; a word that is unknown ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", nargs="?", choices=["ci"])
    return bool(parser.parse_args(words).set)


def jobs(*, ci: bool = False) -> list[Job]:
    """All jobs, the longest first."""
    made = [
        Job("checks", (("make", "check"),)),
        Job("notebooks", ((sys.executable, "-m", "tests.notebooks"),)),
    ]
    made += [Job(name, ((*PYTEST, *files),)) for name, files in groups().items()]
    return [*_ci(), *made] if ci else made


def groups() -> dict[str, list[str]]:
    """Test files by the job that runs them."""
    made: dict[str, list[str]] = {name: [] for name in LONGEST}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file = path.relative_to(ROOT).as_posix()
        folder = path.parent.relative_to(ROOT).as_posix()
        made.setdefault(file if file in LONGEST else folder, []).append(file)
    return made


def _ci() -> Iterator[Job]:
    env = {"WCODE_LANGUAGES": "required"}
    languages = ((".ci/languages",), (*PYTEST, "-m", "languages", "tests/languages"))
    yield Job("languages", languages, env)
    for row in ("3.14", "lowest", "colab"):
        command = (sys.executable, "-m", "tests.versions", "--quick", row)
        yield Job(f"quick part on {row}", (command,))
    yield Job("long tests", ((*PYTEST, "-m", "long"),))
    older = ((sys.executable, "-m", "tests.notebooks"), (*PYTEST, "tests/sandbox"))
    yield Job("an older processor", older, OLDER)


def run(queue: Iterable[Job], workers: int) -> Iterator[Ended]:
    """Run the jobs side by side; each is yielded when it has ended."""
    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(_run, job) for job in queue]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _run(job: Job) -> Ended:
    begun = time.monotonic()
    env = {**os.environ, **job.env}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile anew
    code, printed = 0, ""
    for command in job.commands:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        code, printed = done.returncode, printed + done.stdout
        if code:
            break
    return Ended(job, code, time.monotonic() - begun, printed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
