"""Store of paid answers: one SQLite file, keyed by request hash.

Every answer is a row, so the table is also the log: a request sent twice has two
rows, and the newest complete one is replayed. A thread commits rows in groups
(:mod:`wcode_magics.store.writer`), so a killed process loses only what was not yet
committed, at most the last 50 ms.
"""

import asyncio
import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from wcode_magics.errors import StoreError
from wcode_magics.protocol.probe import Probe
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage
from wcode_magics.store import endpoints
from wcode_magics.store.database import (
    Connection,
    faults,
    lacks_room,
    open_file,
    open_readonly,
)
from wcode_magics.store.ending import Ending
from wcode_magics.store.file import File
from wcode_magics.store.file_system import Magic, magic_of
from wcode_magics.store.images import Uses, find, images_of
from wcode_magics.store.lookup import Lookup, tidy
from wcode_magics.store.path import located, side_files, warn_if_open
from wcode_magics.store.prune import forget, shrink
from wcode_magics.store.room import Room
from wcode_magics.store.row import COLUMNS, StoredAnswer, inserts, listed, requested
from wcode_magics.store.totals import totals
from wcode_magics.store.transfer import between, bounded, removing, rows_of, take
from wcode_magics.store.writer import BEHIND_S, Writer

T = TypeVar("T")

PATIENCE_S = 10.0
RECORDED = 2_000


class Store:
    """The stored answers of one file, safe to use from any thread.

    ``unpriced`` counts the answers of unknown price added since it was opened.

    Args:
        path: created, with its folders, if missing. A relative path is resolved against
            the current working directory.
        readonly: never write; for a store that is part of a project.
        patience: seconds to wait for another process that is writing.
        magic: identifies the file system of a path.

    Raises:
        StoreError: the file is missing (``readonly``), foreign, damaged, newer than
            this program, locked, or cannot be opened.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        readonly: bool = False,
        patience: float = PATIENCE_S,
        magic: Magic = magic_of,
    ) -> None:
        self.path = located(path)
        self._patience = patience
        self._file = File(self.path, readonly=readonly, patience=patience, magic=magic)
        self._room = Room(self._file)
        write = partial(_write, self._file, self._room)
        self._writer: Writer[StoredAnswer] = Writer(write, fewer_fit=lacks_room)
        self._taken = self.unpriced = 0
        self._counting = threading.Lock()
        self._lookup = Lookup(self._file, self._writer)
        self._ending = Ending(self._file, self._writer, 2 * patience)
        lifetime.begin(Stage.STORES, self._ending.end)
        lifetime.follow(self, self._ending.end)
        if not readonly:
            warn_if_open(self.path)

    def get(self, request: Request, base_url: str | None) -> Reply | None:
        """Return the newest complete answer to a request, marked as replayed.

        ``base_url`` None matches any endpoint.
        """
        return self.get_many([request], base_url).get(request.hash)

    def records(
        self, request: Request, base_url: str | None, count: int
    ) -> list[Reply]:
        """Return the newest ``count`` complete answers to a request, oldest first."""
        return self._lookup.records(request, base_url, count)

    def get_many(
        self, requests: Iterable[Request], base_url: str | None
    ) -> dict[str, Reply]:
        """Return the stored answers by request hash, in no particular order."""
        return self._lookup.get_many(requests, base_url)

    def find(
        self, hashes: Collection[str], base_url: str | None, since: float = 0.0
    ) -> dict[str, bytes]:
        """Return the stored answers by request hash, encoded for ``replayed``.

        Only those received from ``since`` on, in seconds since 1970.
        """
        return self._lookup.find(hashes, base_url, since)

    def put(self, reply: Reply, base_url: str) -> None:
        """Store an answer; returns before it is written to disk.

        Raises:
            StoreError: an earlier answer could not be written. All pending answers,
                including this one, are kept and retried, except those that no file can
                hold. Or the store is closed.
        """
        if self._writer.closed:
            raise StoreError("store.closed", path=self.path)
        self.unpriced += reply.cost is None
        self._writer.put(StoredAnswer(reply, tidy(base_url), round(time.time(), 6)))

    @property
    def kept(self) -> int:
        """Number of answers added since the store was opened."""
        return self._writer.received + self._taken

    def check_writable(self) -> None:
        """Check, before anything is paid, that its answer can be stored.

        Raises:
            StoreError: the file is read-only, or another program locks it for longer
                than ``patience``, or it cannot be used.
        """
        self._file.check_writable()

    @property
    def waiting(self) -> int:
        """Number of answers not yet written; after closing, number of lost ones."""
        return len(self._writer)

    async def ready(self, coming: int) -> None:
        """Wait until answers can be stored, while a slow disk holds up many of them.

        ``coming`` is the number of answers that are on their way, or about to be.

        Raises:
            StoreError: the file cannot grow by what they need.
        """
        while self._writer.behind:  # noqa: ASYNC110 - a thread writes
            await asyncio.sleep(BEHIND_S)
        expected = coming + self.waiting
        if self._room.lacks(expected):
            await asyncio.to_thread(self._room.check, expected)

    def flush(self) -> None:
        """Wait until pending answers are committed; raises StoreError on failure."""
        self._settle()
        self._writer.raise_set_aside()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Write pending answers and close the file; a second call does nothing."""
        self._ending.close(self._ending.seconds)

    def count(self) -> int:
        """Return the number of answers."""
        self._settle_if_it_can()
        return int(self._file.select("SELECT count(*) FROM answers")[0][0])

    @property
    def size(self) -> int:
        """Size on disk in bytes, including the journal beside the file."""
        files = self.path, side_files(self.path)[0]
        return sum(path.stat().st_size for path in files if path.exists())

    def history(
        self,
        *,
        limit: int | None = None,
        since: dt.datetime | None = None,
        before: dt.datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Return the answers, newest first, as one dict per row.

        From ``since`` on, up to ``before``; naive datetimes are local time. ``time`` is
        aware (UTC), ``cost`` in ``currency``, ``elapsed`` in seconds.
        """
        self._settle_if_it_can()
        rows = self._file.select(
            "SELECT time, base_url, request, reply FROM answers "
            "WHERE time >= ? AND time < ? ORDER BY time DESC, id DESC LIMIT ?",
            (*between(since, before), -1 if limit is None else limit),
        )
        found = [self._lookup.read(listed, *row) for row in rows]
        return [row for row in found if row is not None]

    def usage(self) -> list[dict[str, Any]]:
        """Return totals by day (local, ISO), model and currency.

        Each has day, model, answers, prompt_tokens, completion_tokens, cost, currency.
        """
        self._settle_if_it_can()
        return totals(self._file)

    def keep_models(self, base_url: str, models: list[dict[str, Any]]) -> None:
        """Keep what an endpoint lists of its models; raises StoreError."""
        endpoints.keep_list(self._file, tidy(base_url), models)

    def listed_models(self, base_url: str) -> tuple[float, list[dict[str, Any]]] | None:
        """Return what :func:`wcode_magics.store.endpoints.find_list` does."""
        return endpoints.find_list(self._file, tidy(base_url))

    def recorded(self, *, limit: int = RECORDED) -> list[Request]:
        """Return the requests that have a complete answer, newest first."""
        self._settle_if_it_can()
        rows = self._file.select(
            "SELECT request FROM answers WHERE whole "
            "ORDER BY time DESC, id DESC LIMIT ?",
            (limit,),
        )
        found = [self._lookup.read(requested, data) for (data,) in rows]
        return [request for request in found if request is not None]

    def image(self, digest: str) -> bytes | None:
        """Return the encoded image of a digest, or None if it is not stored."""
        self._settle_if_it_can()
        with faults(self.path), closing(self._file.connect()) as db:
            return find(db, digest)

    def keep_probe(self, probe: Probe) -> None:
        """Keep a probe instead of an earlier one of its model and endpoint."""
        endpoints.keep_probe(self._file, replace(probe, place=tidy(probe.place)))

    def probe(self, place: str, model: str) -> Probe | None:
        """Return the newest probe of a model at an endpoint, or None."""
        return self._lookup.read(endpoints.find_probe, self._file, tidy(place), model)

    def prune(
        self, *, before: dt.datetime | None = None, keep: int | None = None
    ) -> int:
        """Delete answers older than ``before`` and all but the ``keep`` newest.

        Returns the number of deleted answers; the file shrinks.
        """
        self._settle_if_it_can()
        with faults(self.path), closing(self._file.connect()) as db:
            oldest = None if before is None else before.timestamp()
            forgotten = forget(db, oldest, keep)
            shrink(db)
        return forgotten

    def export(
        self,
        path: str | Path,
        *,
        since: dt.datetime | None = None,
        before: dt.datetime | None = None,
    ) -> int:
        """Copy answers into another store, created if missing; return their number.

        A store created this way is one file without side files, fit for a repository.
        """
        self._settle()
        target = self._other(path)
        with removing(target), closing(self._file.connect()) as source:
            rows = rows_of(source, self.path, between(since, before))
            with faults(target), closing(open_file(target, self._patience)) as db:
                copied = take(db, rows, partial(images_of, source))
                db.execute("PRAGMA journal_mode=DELETE")
        return copied

    def absorb(self, path: str | Path) -> int:
        """Import the answers of another store; return the number of new ones."""
        self._settle()
        there = self._other(path)
        with closing(self._source(there)) as db, closing(rows_of(db, there)) as rows:
            return self._take(bounded(rows, there), partial(images_of, db))

    def _source(self, path: Path) -> Connection:
        try:
            return open_readonly(path, self._patience)
        except StoreError as error:
            if error.key != "store.missing":
                raise
            raise StoreError("store.absent", path=path) from None

    def _other(self, path: str | Path) -> Path:
        other = located(path)
        if other.resolve() == self.path.resolve():
            raise StoreError("store.itself", path=other)
        return other

    def since(self, mark: int, limit: int) -> list[tuple[Any, ...]]:
        """Return the rows after id ``mark``, oldest first, ids included."""
        return self._file.select(
            f"SELECT id, {COLUMNS} FROM answers WHERE id > ? "  # noqa: S608
            "ORDER BY id LIMIT ?",
            (mark, limit),
        )

    def images_of(self, hashes: Iterable[str]) -> list[tuple[Any, ...]]:
        """Return request hash, digest and data of the images of some requests."""
        with faults(self.path), closing(self._file.connect()) as db:
            return [*map(tuple, images_of(db, hashes))]

    def take(self, rows: Iterable[Sequence[Any]], images: Uses = ()) -> None:
        """Insert rows of another store, without ids, that are not present yet.

        ``images`` are those of their requests, as of :meth:`images_of`.
        """
        taken = self._take(rows, lambda _hashes: images)
        with self._counting:
            self._taken += taken

    def _take(
        self, rows: Iterable[Sequence[Any]], seen: Callable[[Iterable[str]], Uses]
    ) -> int:
        with faults(self.path), closing(self._file.connect()) as db:
            return take(db, rows, seen)

    def _settle(self) -> None:
        if not self._writer.flush(2 * self._patience):
            raise StoreError("store.slow", path=self.path)

    def _settle_if_it_can(self) -> None:
        with contextlib.suppress(StoreError):
            self._settle()


def _write(file: File, room: Room, rows: list[StoredAnswer]) -> None:
    """Commit rows; the writer's thread holds the file, and not the store."""
    with room.measured(len(rows)):
        file.commit(inserts(rows))
