"""A worker's own store: each answer is on its disk before it is sent home.

A journal stands in a folder of its own, named after its host and process, which holds
the system's lock on it. One whose process is dead is taken over, folder and all, by the
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
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wcode_magics import lifetime
from wcode_magics.errors import StoreError
from wcode_magics.lifetime import Stage
from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.store import Store
from wcode_magics.store.row import replayed

ROWS = 200
"""Rows of a message to the process that leads: a few hundred kB."""
FILE = "answers.db"
AGAIN_S = 60.0
TURN_S = 0.01


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
        self._hold = _hold(self._own)
        self.store = Store(self._own / FILE)
        lifetime.begin(Stage.JOURNALS, self.close)
        self._sent = 0
        self._sending = asyncio.Lock()
        self._failed: dict[Path, float] = {}

    def adopt(self) -> None:
        """Take over the journals that dead processes of this host left."""
        for left in self._folder.iterdir():
            if left != self._own and (process := _process(left.name)):
                with contextlib.suppress(OSError), _seized(left, process):
                    left.rename(self._own / left.name)
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
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None


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


def _process(name: str) -> int:
    """The process whose journal it is, if it ran on this host; 0: it is none such."""
    host, _, _rest = name.rpartition("-")
    host, _, process = host.rpartition("-")
    return int(process) if host == socket.gethostname() and process.isdigit() else 0


def _hold(folder: Path) -> int | None:
    """Make a folder and lock it, as long as the descriptor is open.

    Raises:
        StoreError: it cannot be made.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as wrong:
            raise StoreError("store.failed", path=folder, reason=str(wrong)) from wrong
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            held = _lock(folder)
            if held is None or os.path.samestat(os.fstat(held), folder.stat()):
                return held
            os.close(held)
        time.sleep(TURN_S)  # one that adopts found it before it was locked


@contextlib.contextmanager
def _seized(folder: Path, process: int) -> Iterator[None]:
    """The folder of a process that is no more, while nobody else takes it over.

    Raises:
        BlockingIOError: the process lives, or somebody takes it over.
    """
    held = _lock(folder)
    try:
        if held is None and _lives(process):
            raise BlockingIOError
        yield
    finally:
        if held is not None:
            os.close(held)


def _lock(folder: Path) -> int | None:
    """The system's own lock, which ends with the process; None: there is none here.

    Raises:
        BlockingIOError: another process has it.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return None
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as wrong:
        os.close(held)
        if isinstance(wrong, BlockingIOError):
            raise
        return None
    return held


def _lives(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))
