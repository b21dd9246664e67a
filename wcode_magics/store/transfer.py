"""Copy rows between stores; errors name the file at fault."""

import contextlib
import datetime as dt
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from wcode_magics.errors import StoreError
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.store import images
from wcode_magics.store.checksum import sealed
from wcode_magics.store.database import Connection, faults, has_currencies
from wcode_magics.store.path import identity, side_files
from wcode_magics.store.row import COLUMNS

Span = tuple[float, float]
"""Half-open range of seconds since 1970: start included, end excluded."""

MOST_ROWS = 1_000_000
"""Maximum number of answers per import."""
MOST_S = 60.0
"""Maximum duration of an import in seconds."""

_SPAN = "SELECT {} FROM answers WHERE time >= ? AND time < ? ORDER BY id"
_PLACES = ", ".join(f"?{n}" for n, _ in enumerate(COLUMNS.split(","), 1))
_TAKE = (
    f"INSERT INTO answers ({COLUMNS}) SELECT {_PLACES} "  # noqa: S608
    "WHERE NOT EXISTS (SELECT 1 FROM answers "
    "WHERE hash = ?1 AND base_url = ?2 AND time = ?3)"
)


def rows_of(
    source: Connection, path: Path, span: Span = (0.0, math.inf)
) -> Generator[Sequence[Any], None, None]:
    """Yield the rows of a store, without ids; a StoreError names this store."""
    with faults(path):
        has_currency = has_currencies(source)
        columns = COLUMNS if has_currency else COLUMNS.replace("currency", "'CNY'")
        yield from source.execute(_SPAN.format(columns), span)


def bounded(
    rows: Iterable[Sequence[Any]],
    path: Path,
    *,
    most: int = MOST_ROWS,
    seconds: float = MOST_S,
) -> Iterator[Sequence[Any]]:
    """Yield the rows of a foreign store; StoreError if too many or too slow."""
    late = time.monotonic() + seconds
    for count, row in enumerate(rows):
        if count >= most or time.monotonic() > late:
            facts = {"most": f"{most:,}", "seconds": decimal(seconds)}
            raise StoreError("store.too_long", path=path, **facts)
        yield row


def take(
    target: Connection,
    rows: Iterable[Sequence[Any]],
    seen: Callable[[Iterable[str]], images.Uses] = lambda _hashes: (),
) -> int:
    """Insert the rows that are not present, all or none; return their number.

    ``seen`` returns the images of requests, as :func:`images.images_of`.
    """
    hashes: set[str] = set()

    def checked() -> Iterator[tuple[Any, ...]]:
        for row in rows:
            digest, base_url, moment, *facts, request, reply, currency = row
            hashes.add(digest)
            request, reply = sealed(request, "", None), sealed(reply, digest, moment)
            yield digest, base_url, moment, *facts, request, reply, currency

    target.execute("BEGIN IMMEDIATE")
    new = target.executemany(_TAKE, checked()).rowcount
    images.put(target, seen(hashes))
    target.execute("COMMIT")
    return new


@contextlib.contextmanager
def removing(path: Path) -> Iterator[None]:
    """Remove the file created inside, if an exception is raised."""
    was_there = identity(path) is not None
    try:
        yield
    except BaseException:
        for file in () if was_there else (path, *side_files(path)):
            with contextlib.suppress(OSError):
                file.unlink()
        raise


def between(since: dt.datetime | None, before: dt.datetime | None) -> Span:
    """Return the span from ``since`` to ``before``; None means unbounded."""
    start = 0.0 if since is None else since.timestamp()
    return start, math.inf if before is None else before.timestamp()
