"""Requests in flight, so that no two senders pay for the same one."""

import asyncio
from collections.abc import Iterable


class Claims:
    """Hashes of the requests in flight; used on one event loop only.

    Shared by all runs that use the same endpoint and store.
    """

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Event] = {}

    async def take(self, hashes: Iterable[str], *, wait: bool) -> set[str]:
        """Claim the hashes that are free and return them.

        With ``wait``, first wait until none of them is claimed; a caller that waits
        must hold no claims.
        """
        asked = set(hashes)
        while wait and (busy := next(iter(asked & self._held.keys()), None)):
            await self._held[busy].wait()
        taken = asked - self._held.keys()
        self._held |= {name: asyncio.Event() for name in taken}
        return taken

    def release(self, hashes: Iterable[str]) -> None:
        """Release claims on requests that were answered and merged, or failed."""
        for name in hashes:
            self._held.pop(name).set()
