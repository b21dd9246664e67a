"""A worker's own store: each answer is on its disk before it is sent home.

A journal stands in a folder of its own, named after its host and process. One whose
process is dead is taken over, folder and all, by the next worker on that host, so that
what was paid for is not asked again.
"""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wcode_magics.errors import StoreError
from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.store import Store
from wcode_magics.store.row import replayed

ROWS = 200
"""Rows of a message to the process that leads: a few hundred kB."""
FILE = "answers.db"


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
        self._own = self._folder / _mark(os.getpid())
        self.store = Store(self._own / FILE)
        self._sent = 0
        self._sending = asyncio.Lock()

    def adopt(self) -> None:
        """Take over the journals that dead processes of this host left."""
        for left in self._folder.iterdir():
            if left != self._own and _is_left(left.name):
                with contextlib.suppress(OSError, StoreError):
                    taken = left.rename(self._own / left.name)
                    for path in taken.rglob(FILE):
                        self.store.absorb(path)
                    shutil.rmtree(taken)

    async def send(self, merge: Callable[[Sequence[Any]], Awaitable[Any]]) -> None:
        """Hand all rows that were not sent before to ``merge``."""
        async with self._sending:
            await asyncio.to_thread(self.store.flush)
            while rows := await asyncio.to_thread(self.store.since, self._sent, ROWS):
                await merge([row[1:] for row in rows])
                self._sent = rows[-1][0]

    def close(self) -> None:
        """Let go of it; it is left to the next worker if anything was not sent."""
        with contextlib.suppress(StoreError):
            self.store.flush()
            whole = not self.store.since(self._sent, 1)
            self.store.close()
            if whole:
                shutil.rmtree(self._own, ignore_errors=True)


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


def _mark(process: int) -> str:
    import psutil

    begun = psutil.Process(process).create_time()
    return f"{socket.gethostname()}-{process}-{begun:.0f}"


def _is_left(name: str) -> bool:
    """Whether a journal's process ran on this host and is no more."""
    import psutil

    host, _, _rest = name.rpartition("-")
    host, _, process = host.rpartition("-")
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        return _mark(int(process)) != name
    except psutil.Error:
        return True
