"""All tests in two halves side by side, one for each of two cores.

One half has browsers, clusters, what is slow, and the notebooks; the other has all the
rest. What a half says is shown when it has ended.
"""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

PYTEST = (sys.executable, "-m", "pytest", "-q", "-m")
LONG = "not languages and not long and (browser or slow)"
REST = "not languages and not long and not browser and not slow"
HALVES = (
    ([*PYTEST, LONG], [sys.executable, "-m", "tests.notebooks"]),
    ([*PYTEST, REST],),
)


def main() -> int:
    """Run both; the exit code of a command that failed, else 0."""
    codes = []
    with ThreadPoolExecutor(len(HALVES)) as pool:
        for half in as_completed(pool.submit(run, commands) for commands in HALVES):
            code, said = half.result()
            codes.append(code)
            print(said, flush=True)
    return max(codes)


def run(commands: Sequence[Sequence[str]]) -> tuple[int, str]:
    """Run commands one after the other: the worst exit code, and all that they said."""
    ended = [
        subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        for command in commands
    ]
    return max(abs(one.returncode) for one in ended), "\n".join(
        one.stdout for one in ended
    )


if __name__ == "__main__":
    sys.exit(main())
