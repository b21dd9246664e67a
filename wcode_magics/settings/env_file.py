"""API keys in a ``.env`` file of the working directory or of a folder above it.

Only the variables of known keys are taken, so that a file of a project changes no
setting and no address.
"""

from functools import lru_cache
from pathlib import Path

from wcode_magics.protocol import providers

NAME = ".env"
MOST_BYTES = 2**20


def read(name: str) -> str | None:
    """Return the key of a variable in the nearest file, or None."""
    try:
        for path in _places(Path.cwd()):
            if path.is_file():
                stamp = path.stat()
                break
        else:
            return None
    except OSError:
        return None
    if stamp.st_size > MOST_BYTES:
        return None
    return _keys(path, stamp.st_mtime_ns, stamp.st_size).get(name)


@lru_cache(maxsize=8)
def _places(here: Path) -> tuple[Path, ...]:
    """Return where a file may be, the nearest first."""
    return tuple(folder / NAME for folder in (here, *here.parents))


@lru_cache(maxsize=8)
def _keys(path: Path, _changed: int, _size: int) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError):
        return {}
    known = providers.variables()
    return {n: v.strip() for n, v in values.items() if n in known and v and v.strip()}
