"""Dask worker plugin that receives the messages of leaders."""

import asyncio
import pickle
from contextlib import suppress
from typing import Any

from distributed import WorkerPlugin

from wcode_magics.errors import UsageError
from wcode_magics.runtime import loop
from wcode_magics.sending.exchange import OPERATION, link_to, links_of


class ExchangePlugin(WorkerPlugin):  # type: ignore[misc]
    """Handler of a worker for :data:`OPERATION`."""

    def setup(self, worker: Any) -> None:
        """Register the handler."""
        self._address = str(worker.address)
        worker.handlers[OPERATION] = self._serve

    def teardown(self, worker: Any) -> None:
        """Return the calls of all leaders, so that the worker can close."""
        worker.handlers.pop(OPERATION, None)
        with suppress(UsageError):
            loop.LoopTask(self._close)

    async def _serve(self, leader: str, message: bytes) -> bytes:
        link = link_to(leader, self._address)
        task = loop.LoopTask(link.exchange, pickle.loads(message))  # noqa: S301 - Dask
        return pickle.dumps(await asyncio.wrap_future(task.future))

    async def _close(self) -> None:
        for link in links_of(self._address):
            link.close()


async def join(dask_worker: Any) -> None:
    """Register the handler on a worker, unless another leader has."""
    if OPERATION not in dask_worker.handlers:
        await dask_worker.plugin_add(ExchangePlugin(), name=OPERATION)
