"""Calls from a worker to the process that leads, carried by queues of the scheduler.

Nothing but the scheduler has to be reachable, and its security is the calls'. What is
said while a message is under way goes with the next one, so that a thousand calls a
second are some hundred messages.

A client that dies takes a message with it that the scheduler had given out to it, so
no two offices read the same queue, and with each beat a worker names the calls that it
waits for: what the office does not know of is lost, and fails.
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
"""Who has not been heard for so long is taken for gone."""


def queue_name(office: str, worker: str = "") -> str:
    """The queue of an office; of its answers to one worker."""
    return f"wcode-{office}-{worker}" if worker else f"wcode-{office}"


def scheduler_of(client: Any) -> str:
    """Which scheduler a Dask client talks to."""
    told = client._scheduler_identity or client.scheduler_info()  # noqa: SLF001
    return str(told["id"])


def address_of(worker: str) -> str:
    """Where a worker listens, by what it calls itself on the wire."""
    return worker.partition(" ")[0]


class Wire:
    """A worker's end. Calls are made on the loop of :mod:`wcode_magics.runtime.loop`.

    Args:
        office: who is called.
        token: the run's.
        client: the worker's Dask client.
        address: the worker's.
        busy: whether there is work, so that a sign of life is owed.

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

    async def call(self, name: str, *given: Any) -> Any:
        """What the process that leads answers.

        Raises:
            ClusterError: it is gone, or the call was lost.
            WcodeError: what it raised.
        """
        number = next(self._ids)
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._pending:
            self._heard = time.monotonic()
        self._pending[number] = told
        try:
            if self.error is not None:
                raise copy.copy(self.error)
            self._put([number, name, *given])
            return await told
        finally:
            self._pending.pop(number, None)

    def tell(self, name: str, *given: Any) -> None:
        """Say something that is not answered."""
        self._put([0, name, *given])

    def ask(self, name: str, *given: Any) -> Any:
        """:meth:`call` for a thread that waits."""
        return loop.run(self.call, name, *given)

    def close(self) -> None:
        """Say goodbye and let go of the queues."""
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
        """What breaks it fails the calls that wait, and all that are made later."""
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
        """A sign of life, with the calls that were said and not answered."""
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
        told = self._pending.get(number)
        if told is not None:
            told.get_loop().call_soon_threadsafe(_end, told, good, value)

    def _mind(self) -> None:
        """Fail what waits for a process that is gone."""
        if self._pending and time.monotonic() - self._heard > GONE_S:
            self._end_all(ClusterError("cluster.no_leader", seconds=int(GONE_S)))

    def _end_all(self, error: ClusterError) -> None:
        pickled = pickle.dumps(error)
        for number in list(self._pending):
            self._tell(number, False, pickled)


def _end(told: "asyncio.Future[Any]", good: bool, value: Any) -> None:
    if told.done():
        return
    if good:
        told.set_result(value)
    else:
        told.set_exception(pickle.loads(value))  # noqa: S301 - Dask's own, as all
