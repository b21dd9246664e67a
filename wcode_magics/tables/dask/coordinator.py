"""Leader of the workers of all Dask clients of this process."""

import asyncio
import itertools
import pickle
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from wcode_magics.runtime import loop
from wcode_magics.sending.exchange import (
    LAPSE_S,
    OPERATION,
    RENEW_S,
    LeaderMessage,
    WorkerReport,
)
from wcode_magics.sending.peer import Peer, RunOf, RunRegistry


class Coordinator:
    """Leads the workers of all schedulers that this process has clients of.

    Any connected client of a scheduler carries the messages to its workers.
    """

    def __init__(self, run: RunOf) -> None:
        self.name = uuid.uuid4().hex
        self._runs = RunRegistry(run)
        self._numbers = itertools.count()
        self._peers: dict[str, tuple[Peer, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._task: loop.LoopTask[None] | None = None

    def start(self) -> None:
        """Lead the workers; called whenever a run may have been sent to some."""
        if self._task is None or self._task.future.done():
            self._task = loop.LoopTask(self._watch)
        loop.LoopTask(self._notify)

    async def _notify(self) -> None:
        self._changed.set()

    async def _watch(self) -> None:
        self._changed, self._peers = asyncio.Event(), {}
        while True:
            for scheduler, client in clients().items():
                for address in await self._addresses(client):
                    self._add_peer(scheduler, address)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), RENEW_S)
            self._changed.clear()

    def _add_peer(self, scheduler: str, address: str) -> None:
        known = self._peers.get(address)
        if known is None or known[1].done():
            peer = Peer(address, self._runs, self._numbers, self._wake_due)
            send = partial(self._send, scheduler, address)
            self._peers[address] = peer, asyncio.create_task(peer.lead(send))

    def _wake_due(self) -> None:
        for address in self._runs.due & self._peers.keys():
            self._peers[address][0].wake()

    async def _send(
        self, scheduler: str, address: str, message: LeaderMessage
    ) -> WorkerReport | None:
        """Send a message and return the report; None if there was none."""
        client = clients().get(scheduler)
        if client is not None:
            with suppress(Exception):  # the client was closed, or the worker failed
                if message.first:
                    await _on(client, _join, address)
                sent = pickle.dumps(message)
                report = await _on(client, _call, address, self.name, sent)
                return pickle.loads(report)  # type: ignore[no-any-return]  # noqa: S301
            if address not in await self._addresses(client, [address]):
                raise ConnectionError
        await asyncio.sleep(LAPSE_S if message.first else RENEW_S / 20)
        return None

    async def _addresses(self, client: Any, known: Iterable[str] = ()) -> Iterable[str]:
        """Return the workers of a scheduler; ``known`` if it cannot be reached."""
        try:
            return list(await _on(client, lambda one: one.scheduler.ncores()))
        except (OSError, AttributeError):  # a closed client has no scheduler
            return known


def clients() -> dict[str, Any]:
    """Return a connected Dask client of each scheduler, by the scheduler's id."""
    try:
        from distributed import Client
    except ImportError:
        return {}
    known = [one for one in list(Client._instances) if is_open(one)]  # noqa: SLF001
    return {one._scheduler_identity["id"]: one for one in known}  # noqa: SLF001


def is_open(client: Any) -> bool:
    """Return whether a client is connected, and not one that a worker made."""
    by_user = not client.id.startswith("Client-worker-")
    return by_user and client.status == "running" and bool(client._scheduler_identity)  # noqa: SLF001


async def _on(client: Any, work: Callable[..., Any], *args: Any) -> Any:
    """Run a coroutine on the loop of a Dask client; OSError if that has ended."""
    coming = work(client, *args)
    try:
        future = asyncio.run_coroutine_threadsafe(coming, client.loop.asyncio_loop)
    except RuntimeError as wrong:
        coming.close()
        raise ConnectionError from wrong
    return await asyncio.wrap_future(future)


async def _join(client: Any, address: str) -> None:
    from wcode_magics.tables.dask.plugin import join

    await client.run(join, workers=[address])


async def _call(client: Any, address: str, leader: str, message: bytes) -> Any:
    operation = {"op": OPERATION, "leader": leader, "message": message}
    return await client.scheduler.proxy(msg=operation, worker=address)
