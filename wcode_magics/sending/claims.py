"""Requests in flight, so that no two senders pay for the same one."""

import asyncio
from collections.abc import Iterable


class Claims:
    """Hashes of the requests in flight; used on one event loop only.

    Shared by all runs that use the same endpoint and store.
    """

    def __init__(self) -> None:
        self._claimed: dict[str, asyncio.Event] = {}

    async def take(self, hashes: Iterable[str], *, wait: bool) -> set[str]:
        """Claim the hashes that are free and return them.

        With ``wait``, first wait until none of them is claimed; a caller that waits
        must hold no claims.
        """
        asked = set(hashes)
        while wait and (busy := next(iter(asked & self._claimed.keys()), None)):
            await self._claimed[busy].wait()
        taken = asked - self._claimed.keys()
        self._claimed |= {name: asyncio.Event() for name in taken}
        return taken

    def release(self, hashes: Iterable[str]) -> None:
        """Release claims on requests that were answered and merged, or failed."""
        for name in hashes:
            self._claimed.pop(name).set()
