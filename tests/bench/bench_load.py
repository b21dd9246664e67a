"""What ``%load_ext wcode_magics`` costs, against a bare IPython shell."""

import json
import subprocess
import sys

from tests.bench.bars import most

ROUNDS = 5
BARE = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
bare = time.process_time()
{load}
print(json.dumps([bare, time.process_time(), sorted(sys.modules)]))
"""
LOAD = "shell.run_line_magic('load_ext', 'wcode_magics')"
HEAVY = ("pandas", "ipywidgets", "httpx", "dask")


def main() -> list[tuple[str, ...]]:
    """CPU seconds of loading, and of start and load together."""
    runs = [_run(LOAD) for _ in range(ROUNDS)]
    load = min(end - start for start, end, _modules in runs)
    whole = min(end for _start, end, _modules in runs)
    bare = min(_run("")[1] for _ in range(ROUNDS))
    heavy = [name for name in HEAVY if name in runs[0][2]]
    return [
        ("%load_ext, CPU s", f"{load:.3f}", "–", most(load, 0.02)),
        (
            "IPython start + load, CPU s",
            f"{whole:.3f}",
            f"{bare:.3f} bare",
            f"{whole / bare:.2f} {most(whole / bare, 1.5)}",
        ),
        ("heavy modules loaded", ", ".join(heavy) or "none", "–", "(none)"),
    ]


def _run(load: str) -> tuple[float, float, list[str]]:
    code = BARE.format(load=load)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    start, end, modules = json.loads(done.stdout.splitlines()[-1])
    return start, end, modules
