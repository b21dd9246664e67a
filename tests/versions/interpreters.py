"""Which interpreters this machine has, from the least Python that is allowed."""

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

LEAST = (3, 11)
LATEST = (3, 14)
_UNPACK = Path(__file__).with_name("python314")

Version = tuple[int, int]


def found(build: Path, wanted: Collection[Version]) -> dict[Version, Path]:
    """The first interpreter of each version on PATH, in pyenv's folder, in /usr/bin.

    The latest, where it is wanted and in none of these, comes out of a Go module.
    """
    by_version: dict[Version, Path] = {}
    for path in _candidates():
        version = _version(path)
        if version is not None and version >= LEAST:
            by_version.setdefault(version, path)
    if LATEST in {*wanted} - {*by_version} and shutil.which("go"):
        unpacked = _unpacked(build / "python314")
        if unpacked is not None:
            by_version[LATEST] = unpacked
    return dict(sorted(by_version.items()))


def _candidates() -> Iterator[Path]:
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders += [*sorted(pyenv.glob("*/bin"), reverse=True), Path("/usr/bin")]
    for folder in folders:
        if folder != pyenv.parent / "shims":
            yield from sorted(folder.glob("python3.[0-9]*[0-9]"))


def _version(path: Path) -> Version | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        run = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, check=True, timeout=30
        )
        major, minor = map(int, run.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return major, minor


def _unpacked(folder: Path) -> Path | None:
    python = folder / "bin" / "python3.14"
    if not python.exists():
        command = ["go", "run", ".", str(folder)]
        try:
            subprocess.run(command, cwd=_UNPACK, check=True, timeout=600)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"Python 3.14 could not be unpacked: {error}")
            return None
    return python
