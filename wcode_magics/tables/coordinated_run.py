"""A run that several threads or processes share."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wcode_magics.protocol.request import Request
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.claims import Claims
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay import unrecorded
from wcode_magics.store import Store
from wcode_magics.tables.progress import print_line

Known = list[tuple[str, bytes]]
"""Request hashes with their recorded replies, encoded for ``replayed``."""


@dataclass(frozen=True)
class CoordinatedRun:
    """State that all partitions of a run share; its coroutines are their calls.

    ``limits`` applies the caps of this run to the endpoint's limiter and returns it;
    ``budget`` None means nothing is paid. ``lines`` are printed before a request is
    sent, and when the endpoint did not confirm the end of some replies.
    """

    store: Store
    limits: Callable[[], Limiter]
    budget: Budget | None
    claims: Claims
    lines: dict[str, str]

    async def claim(
        self, hashes: Sequence[str], wait: bool, place: str | None, since: float
    ) -> tuple[set[str], Known]:
        """Claim requests; return the hashes claimed, and their recorded replies."""
        taken = await self.claims.take(hashes, wait=wait)
        try:
            return taken, await self.recall(list(taken), place, since)
        except BaseException:
            self.claims.release(taken)
            raise

    async def recall(
        self, hashes: Sequence[str], place: str | None, since: float = 0.0
    ) -> Known:
        """Return replies to these requests recorded since ``since`` at ``place``."""
        find = self.store.find
        return list((await asyncio.to_thread(find, set(hashes), place, since)).items())

    async def merge(
        self, rows: Sequence[Sequence[Any]], images: Sequence[Sequence[Any]] = ()
    ) -> None:
        """Store rows of a worker's journal, and images of their requests."""
        await asyncio.to_thread(self.store.take, rows, images)

    async def refuse(self, request: Request) -> None:
        """Raise the ReplayError for a request that was not recorded."""
        recorded = await asyncio.to_thread(self.store.recorded)
        raise unrecorded(request, recorded, self.store.path)

    async def announce(self, name: str) -> None:
        """Print a line of the run, unless it was printed before."""
        if (line := self.lines.pop(name, None)) is not None:
            print_line(line)
