"""Dask worker plugin that receives the messages of leaders."""

import asyncio
import pickle
from contextlib import suppress
from typing import Any

from distributed import WorkerPlugin

from wcode_magics.errors import UsageError
from wcode_magics.runtime import loop
from wcode_magics.sending.exchange import OPERATION, link_to, links_of

REPLY_S = 1.0


class ExchangePlugin(WorkerPlugin):  # type: ignore[misc]
    """Handler of a worker for :data:`OPERATION`."""

    def setup(self, worker: Any) -> None:
        """Register the handler."""
        self._address, self._serving = str(worker.address), 0
        self._idle = asyncio.Event()
        worker.handlers[OPERATION] = self._serve

    async def teardown(self, worker: Any) -> None:
        """Reply to all leaders before the worker closes its connections."""
        worker.handlers.pop(OPERATION, None)
        with suppress(UsageError):
            await asyncio.wrap_future(loop.LoopTask(self._close).future)
        if self._serving:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), REPLY_S)

    async def _serve(self, leader: str, message: bytes) -> bytes:
        link = link_to(leader, self._address)
        self._serving += 1
        self._idle.clear()
        try:
            task = loop.LoopTask(link.exchange, pickle.loads(message))  # noqa: S301
            return pickle.dumps(await asyncio.wrap_future(task.future))
        finally:
            asyncio.get_running_loop().call_later(REPLY_S / 100, self._replied)

    def _replied(self) -> None:
        self._serving -= 1
        if not self._serving:
            self._idle.set()

    async def _close(self) -> None:
        for link in links_of(self._address):
            link.close()


async def join(dask_worker: Any) -> None:
    """Register the handler on a worker, unless another leader has."""
    if OPERATION not in dask_worker.handlers:
        await dask_worker.plugin_add(ExchangePlugin(), name=OPERATION)
