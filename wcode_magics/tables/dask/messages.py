"""Remote calls from a worker to the coordinator, over Dask scheduler queues.

Only the scheduler has to be reachable, and its security applies to the calls. Calls
made while a message is in transit are batched into the next one, so that a thousand
calls a second need about a hundred messages.

A client that dies loses the message that the scheduler had already delivered to it.
Hence no two coordinators read the same queue, and each heartbeat of a worker lists its
pending calls: those the coordinator does not know are lost, and fail.
"""

import asyncio
import copy
import itertools
import pickle
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from wcode_magics.errors import ClusterError
from wcode_magics.runtime import loop

BEAT_S = 2.0
GONE_S = 30.0
"""Seconds without a message after which a peer is considered gone."""


def queue_name(office: str, worker: str = "") -> str:
    """Return the name of a coordinator's queue, or of its queue to one worker."""
    return f"wcode-{office}-{worker}" if worker else f"wcode-{office}"


def scheduler_of(client: Any) -> str:
    """Return the id of the scheduler that a Dask client is connected to."""
    identity = client._scheduler_identity or client.scheduler_info()  # noqa: SLF001
    return str(identity["id"])


def address_of(worker: str) -> str:
    """Return the address of a worker from its name in messages."""
    return worker.partition(" ")[0]


class Wire:
    """Worker side of the connection to the coordinator.

    Calls are made on the loop of :mod:`wcode_magics.runtime.loop`.

    Args:
        office: name of the coordinator.
        token: token of the run.
        client: Dask client of the worker.
        address: address of the worker.
        busy: returns whether partitions are running, so that heartbeats are due.

    Raises:
        ClusterError: the scheduler cannot be reached.
    """

    def __init__(
        self,
        office: str,
        token: str,
        client: Any,
        address: str,
        busy: Callable[[], bool],
    ) -> None:
        self.me = f"{address} {uuid.uuid4().hex}"
        self.error: ClusterError | None = None
        self._office, self._token = office, token
        self._client = client
        self._busy = busy
        self._loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._box: list[list[Any]] = []
        self._wake = asyncio.Event()
        self._said: set[int] = set()
        self._heard = self._beat = 0.0
        self._running: list[asyncio.Task[None]] = []
        opened = asyncio.run_coroutine_threadsafe(self._open(), self._loop)
        try:
            opened.result(GONE_S)
        except (OSError, TimeoutError) as wrong:
            raise ClusterError("cluster.no_scheduler", reason=repr(wrong)) from wrong

    async def call(self, name: str, *args: Any) -> Any:
        """Call the coordinator and return its response.

        Raises:
            ClusterError: the coordinator is gone, or the call was lost.
            WcodeError: the call raised it in the coordinator.
        """
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._pending:
            self._heard = time.monotonic()
        self._pending[number] = answer
        try:
            if self.error is not None:
                raise copy.copy(self.error)
            self._put([number, name, *args])
            return await answer
        finally:
            self._pending.pop(number, None)

    def tell(self, name: str, *args: Any) -> None:
        """Send a call that has no response."""
        self._put([0, name, *args])

    def ask(self, name: str, *args: Any) -> Any:
        """Run :meth:`call` and block the calling thread until the response."""
        return loop.run(self.call, name, *args)

    def close(self) -> None:
        """Notify the coordinator and close the queues."""
        self.tell("bye")
        asyncio.run_coroutine_threadsafe(self._close(), self._loop)

    def _put(self, call: list[Any]) -> None:
        self._loop.call_soon_threadsafe(self._box_up, call)

    def _box_up(self, call: list[Any]) -> None:
        self._box.append(call)
        self._wake.set()

    async def _open(self) -> None:
        from distributed import Queue

        there = await Queue(queue_name(self._office), client=self._client)
        here = await Queue(queue_name(self._office, self.me), client=self._client)
        self._running = [
            asyncio.create_task(self._until_broken(self._send, there)),
            asyncio.create_task(self._until_broken(self._receive, here)),
        ]

    async def _close(self) -> None:
        await asyncio.sleep(BEAT_S)
        for task in self._running:
            task.cancel()

    async def _until_broken(
        self, work: Callable[[Any], Awaitable[None]], queue: Any
    ) -> None:
        """Run ``work``; an error fails all pending calls and all later ones."""
        try:
            await work(queue)
        except (Exception, asyncio.CancelledError) as wrong:
            self.error = ClusterError("cluster.no_scheduler", reason=repr(wrong))
            self._end_all(self.error)
        finally:
            with suppress(Exception):
                queue.close()

    async def _send(self, queue: Any) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), BEAT_S)
            self._mind()
            self._wake.clear()
            calls, self._box = self._box, []
            self._said |= {call[0] for call in calls}
            if time.monotonic() - self._beat > BEAT_S and (calls or self._busy()):
                calls.append(self._beating())
            if calls:
                await queue.put([self._token, self.me, calls])

    def _beating(self) -> list[Any]:
        """Return a heartbeat that lists the calls sent and still pending."""
        self._beat = time.monotonic()
        self._said = {number for number in self._said if number in self._pending}
        return [0, "beat", list(self._said)]

    async def _receive(self, queue: Any) -> None:
        while True:
            answers = await queue.get()
            self._heard = time.monotonic()
            for number, good, value in answers:
                if number:
                    self._tell(number, good, value)
                    continue
                lost = pickle.dumps(ClusterError("cluster.lost"))
                for one in value:
                    self._tell(one, False, lost)

    def _tell(self, number: int, good: bool, value: Any) -> None:
        answer = self._pending.get(number)
        if answer is not None:
            answer.get_loop().call_soon_threadsafe(_end, answer, good, value)

    def _mind(self) -> None:
        """Fail pending calls if the coordinator has been silent too long."""
        if self._pending and time.monotonic() - self._heard > GONE_S:
            self._end_all(ClusterError("cluster.no_leader", seconds=int(GONE_S)))

    def _end_all(self, error: ClusterError) -> None:
        pickled = pickle.dumps(error)
        for number in list(self._pending):
            self._tell(number, False, pickled)


def _end(answer: "asyncio.Future[Any]", good: bool, value: Any) -> None:
    if answer.done():
        return
    if good:
        answer.set_result(value)
    else:
        answer.set_exception(pickle.loads(value))  # noqa: S301 - from a Dask peer
