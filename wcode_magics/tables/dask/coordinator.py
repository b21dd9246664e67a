"""Coordinator of a run: grants permits and budget, and merges worker journals."""

import asyncio
import itertools
import pickle
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.limiter import FailureSignal, Limiter
from wcode_magics.sending.replay import unrecorded
from wcode_magics.store import Store
from wcode_magics.tables.dask.in_flight import Claims
from wcode_magics.tables.dask.messages import BEAT_S, GONE_S, address_of, queue_name

WATCH_S = 1.0
QUIET_S = 2 * BEAT_S
"""Seconds without a message before the scheduler is asked about a worker."""


@dataclass(frozen=True)
class CoordinatedRun:
    """State shared by the workers of one run; ``budget`` None means nothing is paid.

    ``limits`` applies the caps of this run to the endpoint's limiter and returns it;
    the caps of the latest run are the ones in force. ``word`` is called before a
    request is sent, ``unconfirmed`` when the endpoint did not confirm the end of some
    replies.
    """

    store: Store
    limits: Callable[[], Limiter]
    budget: Budget | None
    claims: Claims
    word: Callable[[], None] = lambda: None
    unconfirmed: Callable[[], None] = lambda: None

    @property
    def limiter(self) -> Limiter:
        """The endpoint's limiter, with the caps of this run applied."""
        return self.limits()


@dataclass
class WorkerLoans:
    """Permits, budget and claims held by one worker; methods are its remote calls."""

    run: CoordinatedRun
    heard: float = field(default_factory=time.monotonic)
    calls: "dict[int, asyncio.Task[None]]" = field(default_factory=dict)
    _permits: dict[int, float] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _aside: float = 0.0
    _claims: set[str] = field(default_factory=set)

    async def enter(self, tokens: int) -> tuple[int, bool]:
        """Wait for a permit; return its number and whether it is the only one."""
        self.run.word()
        limiter = self.run.limiter
        since = await limiter.enter(tokens)
        number = next(self._numbers)
        self._permits[number] = since
        return number, limiter.is_alone(since) and limiter.window < 2

    def leave(self, number: int, used: int, length: int) -> None:
        """Release the permit of a request that was answered."""
        if number in self._permits:
            since = self._permits.pop(number)
            self.run.limiter.leave(since, used=used, length=length)

    def fail(self, number: int, *failure: Any) -> None:
        """Release the permit of a request that failed, as the signal's fields tell."""
        if number in self._permits:
            self.run.limiter.fail(self._permits.pop(number), FailureSignal(*failure))

    def unconfirmed(self) -> None:
        """Report replies whose end the endpoint did not confirm."""
        self.run.unconfirmed()

    async def reserve(self, most: float) -> float:
        """Reserve ``most`` ¥ and return the amount reserved; raises BudgetError."""
        if self.run.budget is None:
            return 0.0
        aside = await self.run.budget.set_aside(most)
        self._aside += aside
        return aside

    def settle(self, aside: float, paid: float, unsure: float) -> None:
        """Release a reservation (¥) and record what was paid."""
        if self.run.budget is not None:
            self.run.budget.settle(aside, paid, unsure)
            self._aside -= aside

    async def claim(self, hashes: Sequence[str], wait: bool) -> list[str]:
        """Claim requests by hash and return those claimed by this call."""
        taken = await self.run.claims.take(hashes, wait)
        self._claims |= taken
        return list(taken)

    def release(self, hashes: Sequence[str]) -> None:
        """Release claims."""
        mine = self._claims & set(hashes)
        self._claims -= mine
        self.run.claims.release(mine)

    async def recall(
        self, hashes: Sequence[str], base_url: str | None, since: float = 0.0
    ) -> list[tuple[str, bytes]]:
        """Return replies to these requests recorded since ``since``, by hash."""
        find = self.run.store.find
        found = await asyncio.to_thread(find, set(hashes), base_url, since)
        return list(found.items())

    async def merge(
        self, rows: Sequence[Sequence[Any]], images: Sequence[Sequence[Any]] = ()
    ) -> None:
        """Store rows of a worker's journal, and images of their requests."""
        await asyncio.to_thread(self.run.store.take, rows, images)

    async def refuse(self, request: dict[str, Any]) -> None:
        """Raise the ReplayError for a request that was not recorded."""
        store = self.run.store
        recorded = await asyncio.to_thread(store.recorded)
        raise unrecorded(Request.from_dict(request), recorded, store.path)

    def close(self) -> None:
        """Release everything held by a worker that is gone.

        Its reservations are recorded as uncertain, since its requests may have been
        paid.
        """
        for call in self.calls.values():
            call.cancel()
        for since in self._permits.values():
            self.run.limiter.fail(since)
        self._permits.clear()
        self.release([*self._claims])
        if self.run.budget is not None and self._aside > 0:
            self.run.budget.settle(self._aside, 0.0, self._aside)


ONE_WAY = frozenset({"fail", "leave", "release", "settle", "unconfirmed"})
"""Calls without a response, executed immediately in order of arrival."""


class Coordinator:
    """Serves the workers of all runs through a Dask client.

    Calls are executed on the loop of :mod:`wcode_magics.runtime.loop`, where the limits
    live; messages are sent and received on the loop of the client.

    Args:
        client: the Dask client connected to the workers.
        run: returns the run for a token, or None if the run is no longer known.
    """

    def __init__(
        self, client: Any, run: Callable[[str], CoordinatedRun | None]
    ) -> None:
        self.name = uuid.uuid4().hex
        self.tokens: set[str] = set()
        self._listens = True
        self._run = run
        self._client = client
        self._loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop
        self._desks: dict[str, WorkerLoans] = {}
        self._out: dict[str, _Outbox] = {}
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop)

    @property
    def open(self) -> bool:
        """Whether messages from workers are still received."""
        return self._listens and self._client.status not in {"closing", "closed"}

    async def _listen(self) -> None:
        from distributed import Queue

        watch = loop.LoopTask(self._watch)
        try:
            calls = await Queue(queue_name(self.name), client=self._client)
            while True:
                batch = await calls.get()
                loop.LoopTask(self._serve, *batch)
        except OSError:
            return  # the client was closed
        finally:
            self._listens = False
            watch.future.cancel()

    async def _serve(
        self, token: str, worker: str, calls: Sequence[Sequence[Any]]
    ) -> None:
        desk = self._desk(token, worker)
        if desk is None:
            self._answer(worker, [0, True, [number for number, *_ in calls if number]])
            return
        desk.heard = time.monotonic()
        for number, name, *args in calls:
            if name == "bye":
                self._leave(worker)
                return
            if name == "beat":
                lost = [one for one in args[0] if one not in desk.calls]
                self._answer(worker, [0, True, lost])
            elif name in ONE_WAY:
                getattr(desk, name)(*args)
            else:
                call = self._call(worker, desk, number, name, args)
                desk.calls[number] = asyncio.create_task(call)

    def _desk(self, token: str, worker: str) -> WorkerLoans | None:
        run = self._run(token)
        if run is None:
            return None
        return self._desks.setdefault(worker, WorkerLoans(run))

    async def _call(
        self,
        worker: str,
        desk: WorkerLoans,
        number: int,
        name: str,
        args: Sequence[Any],
    ) -> None:
        try:
            answer = [number, True, await getattr(desk, name)(*args)]
        except Exception as error:
            answer = [number, False, pickle.dumps(error)]
        self._answer(worker, answer)
        desk.calls.pop(number, None)

    def _answer(self, worker: str, answer: list[Any]) -> None:
        with suppress(RuntimeError):  # the client, and its loop, may be closed
            self._loop.call_soon_threadsafe(self._put, worker, answer)

    def _put(self, worker: str, answer: list[Any]) -> None:
        if worker not in self._out:
            self._out[worker] = _Outbox(queue_name(self.name, worker), self._client)
        self._out[worker].put(answer)

    async def _watch(self) -> None:
        try:
            while self.open:
                await asyncio.sleep(WATCH_S)
                if self._silent(QUIET_S):
                    there = await self._workers()
                    for worker in self._silent(QUIET_S):
                        if address_of(worker) not in there:
                            self._leave(worker)
                for worker in self._silent(GONE_S):
                    self._leave(worker)
        finally:
            for worker in list(self._desks):
                self._leave(worker)

    def _silent(self, seconds: float) -> list[str]:
        since = time.monotonic() - seconds
        return [worker for worker, desk in self._desks.items() if desk.heard < since]

    async def _workers(self) -> set[str]:
        identity = asyncio.run_coroutine_threadsafe(_identity(self._client), self._loop)
        try:
            known = await asyncio.wait_for(asyncio.wrap_future(identity), GONE_S)
            return set(known["workers"])
        except OSError:  # scheduler unreachable too: treat no worker as gone
            return {address_of(worker) for worker in self._desks}

    def _leave(self, worker: str) -> None:
        desk = self._desks.pop(worker, None)
        if desk is not None:
            desk.close()
        with suppress(RuntimeError):  # the client, and its loop, may be closed
            self._loop.call_soon_threadsafe(self._forget, worker)

    def _forget(self, worker: str) -> None:
        outbox = self._out.pop(worker, None)
        if outbox is not None:
            outbox.close()


async def _identity(client: Any) -> dict[str, Any]:
    return dict(await client.scheduler.identity())


class _Outbox:
    """Responses to one worker; pending ones are sent as one message."""

    def __init__(self, name: str, client: Any) -> None:
        self._waiting: list[Any] = []
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._send(name, client))

    def put(self, answer: Any) -> None:
        self._waiting.append(answer)
        self._wake.set()

    def close(self) -> None:
        self._task.cancel()

    async def _send(self, name: str, client: Any) -> None:
        from distributed import Queue

        queue = await Queue(name, client=client)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                waiting, self._waiting = self._waiting, []
                await queue.put(waiting)
        finally:
            queue.close()
