"""Run the notebooks as someone new, and compare with what they have saved."""

import subprocess
import sys
import tempfile

from tests.record import NOTEBOOKS, person

OPTIONS = (
    "-p",
    "nbval.plugin",
    "--nbval",
    "--nbval-sanitize-with=tests/sanitize.cfg",
    "--nbval-cell-timeout=60",
    "-p",
    "no:randomly",
)


def main() -> int:
    """Each notebook starts with a home of its own; the exit code of the worst."""
    codes = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        command = [sys.executable, "-m", "pytest", *OPTIONS, str(path)]
        with tempfile.TemporaryDirectory() as home:
            codes.append(
                subprocess.run(command, env=person(home), check=False).returncode
            )
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
