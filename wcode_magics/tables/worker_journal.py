"""Worker journal: replies are written to local disk before being sent on.

Each journal has its own folder, named after its host and process, with a lock file
beside it. The journal of a dead process is taken over, folder included, by the next
worker on that host, so that paid requests are not sent again. A journal that cannot be
merged stays on disk and is retried later.
"""

import asyncio
import contextlib
import math
import os
import shutil
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import StoreError
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage
from wcode_magics.runtime.private_files import FOLDER_MODE, lock, make_folder
from wcode_magics.store import Store
from wcode_magics.store.row import replayed

if TYPE_CHECKING:
    from filelock import BaseFileLock

ROWS = 200
"""Rows per message to the coordinator: a few hundred kB."""
FILE = "answers.db"
RETRY_S = 60.0


class Journal:
    """Journal of this process for the replies of one owner.

    Args:
        folder: folder of the journals of all workers on this host.
        owner: identifier of the store that the replies belong to.

    Raises:
        StoreError: the journal cannot be created.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder / owner
        self._path = self._folder / _mark()
        try:
            make_folder(self._folder)
            self._lock = lock(_lock_of(self._path))  # before others can see the folder
            self._path.mkdir(mode=FOLDER_MODE)
        except OSError as wrong:
            facts = {"path": self._path, "reason": str(wrong)}
            raise StoreError("store.failed", **facts) from wrong
        self.store = Store(self._path / FILE)
        lifetime.begin(Stage.JOURNALS, self.close)
        self._sent = 0
        self._sending = asyncio.Lock()
        self._failed: dict[Path, float] = {}

    def adopt(self) -> None:
        """Take over and merge the journals of dead processes on this host."""
        for left in self._folder.iterdir():
            if left != self._path and left.is_dir() and _is_of_this_host(left.name):
                with contextlib.suppress(OSError):
                    file_lock = lock(_lock_of(left))
                    try:
                        left.rename(self._path / left.name)
                    finally:
                        _drop(file_lock, left)
        for taken in self._leftovers():
            if time.monotonic() > self._failed.get(taken, -math.inf) + RETRY_S:
                self._merge(taken)

    def _remove(self) -> None:
        for path in self._path.glob(f"{FILE}*"):
            path.unlink(missing_ok=True)
        if not self._leftovers():
            shutil.rmtree(self._path, ignore_errors=True)

    def _leftovers(self) -> list[Path]:
        return [path for path in self._path.iterdir() if path.is_dir()]

    def _merge(self, taken: Path) -> None:
        """Merge the journals in a folder and delete those that were merged."""
        for path in [*taken.rglob(FILE)]:
            try:
                self.store.absorb(path)
            except StoreError:
                self._failed[taken] = time.monotonic()
                continue
            for merged in path.parent.glob(f"{FILE}*"):
                merged.unlink(missing_ok=True)
        if not [*taken.rglob(FILE)]:
            shutil.rmtree(taken, ignore_errors=True)

    async def send(
        self, merge: Callable[[Sequence[Any], Sequence[Any]], Awaitable[Any]]
    ) -> None:
        """Pass all rows not sent yet to ``merge``, and before them their images.

        An image may have megabytes, so each is sent in a separate call.
        """
        async with self._sending:
            await asyncio.to_thread(self.store.flush)
            while rows := await asyncio.to_thread(self.store.since, self._sent, ROWS):
                hashes = {row[1] for row in rows}
                for image in await asyncio.to_thread(self.store.images_of, hashes):
                    await merge([], [image])
                await merge([row[1:] for row in rows], [])
                self._sent = rows[-1][0]

    def close(self, _seconds: float = 0.0) -> None:
        """Close the journal; unsent rows are left on disk for the next worker."""
        lifetime.finish(self.close)
        with contextlib.suppress(StoreError):
            self.store.flush()
            whole = not self.store.since(self._sent, 1)
            self.store.close()
            if whole:
                self._remove()
        _drop(self._lock, self._path)


class Recalled:
    """Lookup in the coordinator's replies, then in a store from ``since`` on."""

    def __init__(
        self, store: Store, known: Mapping[str, bytes], since: float = 0.0
    ) -> None:
        self.path = store.path
        self._since = since
        self._store = store
        self._known = known

    def get_many(
        self, requests: Sequence[Request], base_url: str | None
    ) -> Mapping[str, Reply]:
        """Return the replies found, by request hash."""
        by_hash = {request.hash: request for request in requests}
        found = {name: self._known[name] for name in by_hash if name in self._known}
        if missing := by_hash.keys() - found.keys():
            found |= self._store.find(missing, base_url, self._since)
        return {name: replayed(by_hash[name], data) for name, data in found.items()}

    def put(self, reply: Reply, base_url: str) -> None:
        """Record a reply in the journal."""
        self._store.put(reply, base_url)

    async def ready(self, coming: int) -> None:
        """Wait until the journal can take so many replies."""
        await self._store.ready(coming)


def _mark() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _is_of_this_host(name: str) -> bool:
    host, _, _rest = name.rpartition("-")
    host, _, process = host.rpartition("-")
    return host == socket.gethostname() and process.isdigit()


def _lock_of(folder: Path) -> Path:
    """Return the lock file, beside the folder so that Windows can rename the folder."""
    return folder.with_name(f"{folder.name}.lock")


def _drop(file_lock: "BaseFileLock", folder: Path) -> None:
    file_lock.release()
    with contextlib.suppress(OSError):  # Windows: open in another process
        _lock_of(folder).unlink(missing_ok=True)
