"""Look-up of stored answers, those that wait to be written included."""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from wcode_magics.errors import StoreError, print_error
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.store.file import File
from wcode_magics.store.row import UNREADABLE, StoredAnswer, readable, replayed
from wcode_magics.store.writer import Writer

T = TypeVar("T")

LOOKUP = 500

_FIND = (
    "SELECT key, reply, max(time) FROM json_each(:hashes) "
    "CROSS JOIN answers ON hash = value WHERE whole "
    "AND (:base_url IS NULL OR base_url = :base_url) AND time >= :since "
    "GROUP BY key"
)
"""The newest answer to each hash by its place; a join costs a third less than IN."""
_RECORDS = (
    "SELECT time, reply FROM answers WHERE whole AND hash = :hash "
    "AND (:base_url IS NULL OR base_url = :base_url) "
    "ORDER BY time DESC, id DESC LIMIT :count"
)


class Lookup:
    """Finds complete answers by the hash of their request; used by ``Store``."""

    def __init__(self, file: File, writer: Writer[StoredAnswer]) -> None:
        self._file, self._writer = file, writer
        self._warned = False

    def records(
        self, request: Request, base_url: str | None, count: int
    ) -> list[Reply]:
        """Return the newest ``count`` complete answers to a request, oldest first."""
        there = None if base_url is None else tidy(base_url)
        waiting = {
            (row.time, row.answer())
            for row in self._writer.waiting()
            if row.stands_for(request.hash, there)
        }
        for most in (count, -1):  # all of them, if some cannot be read
            asked = {"hash": request.hash, "base_url": there, "count": most}
            rows = self._file.select(_RECORDS, asked)
            ordered = sorted({*waiting, *rows}, key=lambda row: row[0])
            read = [self.read(replayed, request, data) for _time, data in ordered]
            if None not in read:
                break
        return [reply for reply in read if reply is not None][-count:]

    def get_many(
        self, requests: Iterable[Request], base_url: str | None
    ) -> dict[str, Reply]:
        """Return the stored answers by request hash, in no particular order."""
        asked = {request.hash: request for request in requests}
        replies: dict[str, Reply] = {}
        for name, data in self._find(asked, base_url).items():
            request = asked[name]
            try:
                replies[name] = replayed(request, data)
            except UNREADABLE:
                self._warn()
                for earlier in self.records(request, base_url, 1):
                    replies[name] = earlier
        return replies

    def find(
        self, hashes: Collection[str], base_url: str | None, since: float = 0.0
    ) -> dict[str, bytes]:
        """Return the stored answers by request hash, encoded for :func:`replayed`.

        Only those received from ``since`` on, in seconds since 1970.
        """
        found = self._find(hashes, base_url, since)
        return {
            name: data
            for name, data in found.items()
            if self.read(readable, name, data)
        }

    def _find(
        self, hashes: Collection[str], base_url: str | None, since: float = 0.0
    ) -> dict[str, bytes]:
        asked = list(hashes)
        there = None if base_url is None else tidy(base_url)
        waiting = self._writer.waiting()
        found: dict[str, bytes] = {}
        for start in range(0, len(asked), LOOKUP):
            found.update(self._select(asked[start : start + LOOKUP], there, since))
        for row in waiting:
            name = row.reply.request.hash
            late = row.time >= since
            if late and name in hashes and row.stands_for(name, there):
                found[name] = row.answer()
        return found

    def read(self, read: Callable[..., T], *columns: Any) -> T | None:
        """Decode a record; None if it is unreadable, which is reported once."""
        try:
            return read(*columns)
        except UNREADABLE:
            self._warn()
            return None

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            print_error(StoreError("store.unreadable", path=self._file.path))

    def _select(
        self, hashes: list[str], there: str | None, since: float
    ) -> list[tuple[str, bytes]]:
        asked = {"hashes": json.dumps(hashes), "base_url": there, "since": since}
        rows = self._file.select(_FIND, asked)
        return [(hashes[place], data) for place, data, _time in rows]


def tidy(base_url: str) -> str:
    """Return a base URL as it is stored, without the slash at its end."""
    return base_url.rstrip("/")
