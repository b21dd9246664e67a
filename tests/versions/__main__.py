"""Run the suite once for each row: ``python -m tests.versions [--quick] [ROW …]``.

A row is an interpreter with the newest libraries, Python 3.11 with the lowest that
``pyproject.toml`` allows, or Python 3.13 with those of Google Colab (``colab.txt``).
``--quick`` runs what has depended on a version so far, two rows side by side, but not
the row of this interpreter, which ``make test`` runs. A row whose interpreter is not
here is no failure. Logs are in ``build/versions``.
"""

import argparse
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.versions import interpreters

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "versions"
COLAB = Path(__file__).with_name("colab.txt")
UV = Path(sys.executable).with_name("uv")
QUICK = (
    "tests/session/test_conversations.py",
    "tests/session/test_secret_masking.py",
    "tests/widgets/test_knobs.py",
    "tests/widgets/test_panel.py",
    "tests/notebook/test_completer.py",
    "tests/notebook/test_history.py",
    "tests/protocol/test_json_extraction.py",
    "tests/runtime/test_lifetime.py",
    "tests/notebook/test_magics.py",
    "tests/settings/test_notebook_secrets.py",
    "tests/prompts/test_plain_values.py",
    "tests/prompts/test_template.py",
)
LONGEST_S = 7200
SHOWN_LINES = 60
MARKS = "not languages and not long and not browser"


@dataclass(frozen=True)
class Row:
    """A Python, how its libraries are chosen, and further options of pytest."""

    name: str
    version: interpreters.Version
    choice: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


# of ipywidgets 7 with a traitlets that is newer
WIDGETS_7 = ("-W", "ignore:Deprecated in traitlets 4.1:DeprecationWarning")
# of an older jupyter_client, which leaves sockets to the end
OLD_CLIENT = ("-W", "ignore:Unclosed context:ResourceWarning")
LOWEST = Row(
    "lowest",
    (3, 11),
    ("--resolution", "lowest-direct"),
    (*WIDGETS_7, *OLD_CLIENT),
)
COLABS = Row(
    "colab",
    (3, 13),
    ("--constraint", str(COLAB)),
    (
        *("-p", "no:anyio"),  # its plugin is for an older pytest
        # libraries that are older than this Python, or than each other
        *("-W", "ignore::DeprecationWarning:jupyter_client.jsonutil"),
        *("-W", "ignore::DeprecationWarning:jupyter_client.session"),
        *WIDGETS_7,
        *OLD_CLIENT,
    ),
)


def rows() -> list[Row]:
    """All rows; those of newer Pythons are added as they are found."""
    minors = range(interpreters.LEAST[1], interpreters.LATEST[1] + 1)
    newest = [Row(f"3.{minor}", (3, minor)) for minor in minors]
    return [*newest, LOWEST, COLABS]


def main() -> int:
    """Run the rows, say how each ended; 0 if none failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("rows", nargs="*")
    given = parser.parse_args()
    if unknown := {*given.rows} - {row.name for row in rows()}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    BUILD.mkdir(parents=True, exist_ok=True)
    wanted = [row for row in rows() if not given.rows or row.name in given.rows]
    if given.quick:
        wanted = [row for row in wanted if row.name != _own()]
    pythons = interpreters.found(BUILD, [row.version for row in wanted])
    with ThreadPoolExecutor(2 if given.quick else 1) as pool:
        run = partial(_run, quick=given.quick)
        ends = [*pool.map(run, wanted, [pythons.get(row.version) for row in wanted])]
    for row, end in zip(wanted, ends, strict=True):
        print(f"{row.name:8}{end}", flush=True)
    return any(end.startswith("FAILED") for end in ends)


def _own() -> str:
    return "{}.{}".format(*sys.version_info[:2])


def _run(row: Row, python: Path | None, *, quick: bool) -> str:
    """Return how the row ended."""
    if python is None:
        return "not run: no Python {}.{} found".format(*row.version)
    print(f"{row.name}: {python}", flush=True)
    log = BUILD / f"{row.name}.log"
    begun = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        code = _steps(row, python, out, quick=quick)
    minutes = (time.monotonic() - begun) / 60
    lines = log.read_text("utf-8", "replace").splitlines()
    if code:
        print(*lines[-SHOWN_LINES:], sep="\n", flush=True)
    last = next((line for line in reversed(lines) if " in " in line), "")
    return f"{'FAILED' if code else 'passed'} in {minutes:.1f} min  {last.strip('= ')}"


def _steps(row: Row, python: Path, out: object, *, quick: bool) -> int:
    home = BUILD / row.name
    shutil.rmtree(home, ignore_errors=True)
    inside = home / "bin" / "python"
    tests = QUICK if quick else ()
    marks = f"{MARKS} and not slow" if quick else MARKS
    install = ["pip", "install", "--python", inside, "--editable", ".", *row.choice]
    commands = [
        [UV, "venv", "--quiet", "--python", python, home],
        [UV, *install, "--quiet", "--group", "test"],
        [inside, "-m", "pytest", "-q", "-m", marks, *row.options, *tests],
    ]
    for command in commands:
        try:
            code = subprocess.run(
                command,
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=LONGEST_S,
            ).returncode
        except subprocess.TimeoutExpired:
            return 1
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
