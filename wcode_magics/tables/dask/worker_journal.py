"""A worker's own store: each answer is on its disk before it is sent home.

A journal stands in a folder of its own, named after its host and process, which holds
a lock beside it. One whose process is dead is taken over, folder and all, by the
next worker on that host, so that what was paid for is not asked again. What cannot be
taken in stays on the disk, and is tried again.
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
"""Rows of a message to the process that leads: a few hundred kB."""
FILE = "answers.db"
AGAIN_S = 60.0


class Journal:
    """The journal of this process for one person's answers.

    Args:
        folder: where the journals of all workers of this host stand.
        owner: whose answers they are.

    Raises:
        StoreError: it cannot be made.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder / owner
        self._own = self._folder / _mark()
        try:
            make_folder(self._folder)
            self._held = lock(_lock_of(self._own))  # before anybody can find it
            self._own.mkdir(mode=FOLDER_MODE)
        except OSError as wrong:
            facts = {"path": self._own, "reason": str(wrong)}
            raise StoreError("store.failed", **facts) from wrong
        self.store = Store(self._own / FILE)
        lifetime.begin(Stage.JOURNALS, self.close)
        self._sent = 0
        self._sending = asyncio.Lock()
        self._failed: dict[Path, float] = {}

    def adopt(self) -> None:
        """Take over the journals that dead processes of this host left."""
        for left in self._folder.iterdir():
            if left != self._own and left.is_dir() and _is_of_this_host(left.name):
                with contextlib.suppress(OSError):
                    held = lock(_lock_of(left))
                    try:
                        left.rename(self._own / left.name)
                    finally:
                        _drop(held, left)
        for taken in self._leftovers():
            if time.monotonic() > self._failed.get(taken, -math.inf) + AGAIN_S:
                self._take_in(taken)

    def _remove(self) -> None:
        for path in self._own.glob(f"{FILE}*"):
            path.unlink(missing_ok=True)
        if not self._leftovers():
            shutil.rmtree(self._own, ignore_errors=True)

    def _leftovers(self) -> list[Path]:
        return [path for path in self._own.iterdir() if path.is_dir()]

    def _take_in(self, taken: Path) -> None:
        """Merge what is in a folder, and remove it as far as it was merged."""
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

    async def send(self, merge: Callable[[Sequence[Any]], Awaitable[Any]]) -> None:
        """Hand all rows that were not sent before to ``merge``."""
        async with self._sending:
            await asyncio.to_thread(self.store.flush)
            while rows := await asyncio.to_thread(self.store.since, self._sent, ROWS):
                await merge([row[1:] for row in rows])
                self._sent = rows[-1][0]

    def close(self, _seconds: float = 0.0) -> None:
        """Let go of it; it is left to the next worker if anything was not sent."""
        lifetime.finish(self.close)
        with contextlib.suppress(StoreError):
            self.store.flush()
            whole = not self.store.since(self._sent, 1)
            self.store.close()
            if whole:
                self._remove()
        _drop(self._held, self._own)


class Recalled:
    """A store from ``since`` on, and before it the answers that came from home."""

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
        """The answers that are there, by request hash."""
        asked = {request.hash: request for request in requests}
        found = {name: self._known[name] for name in asked if name in self._known}
        if rest := asked.keys() - found.keys():
            found |= self._store.find(rest, base_url, self._since)
        return {name: replayed(asked[name], data) for name, data in found.items()}

    def put(self, reply: Reply, base_url: str) -> None:
        """Keep one in the journal."""
        self._store.put(reply, base_url)


def _mark() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _is_of_this_host(name: str) -> bool:
    host, _, _rest = name.rpartition("-")
    host, _, process = host.rpartition("-")
    return host == socket.gethostname() and process.isdigit()


def _lock_of(folder: Path) -> Path:
    """Beside it, since Windows renames no folder in which a file is open."""
    return folder.with_name(f"{folder.name}.lock")


def _drop(held: "BaseFileLock", folder: Path) -> None:
    held.release()
    with contextlib.suppress(OSError):  # Windows: somebody looks at it just now
        _lock_of(folder).unlink(missing_ok=True)
