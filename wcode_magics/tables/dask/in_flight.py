"""Who asks what just now, so that no two partitions pay for the same request."""

import asyncio
from collections.abc import Iterable


class Claims:
    """Requests, by hash, that somebody is asking; lives on one event loop.

    All runs to one endpoint and store share them.
    """

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Event] = {}

    async def take(self, hashes: Iterable[str], wait: bool) -> set[str]:
        """Claim what nobody else does, and tell what was claimed.

        ``wait`` until all others have let go of these; who waits must hold none.
        """
        asked = set(hashes)
        while wait and (busy := next(iter(asked & self._held.keys()), None)):
            await self._held[busy].wait()
        taken = asked - self._held.keys()
        self._held |= {name: asyncio.Event() for name in taken}
        return taken

    def release(self, hashes: Iterable[str]) -> None:
        """Let go of claims: each is answered and at home, or failed."""
        for name in hashes:
            self._held.pop(name).set()
