"""Worker side of a run: sends requests under the limits of the coordinator."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from weakref import WeakValueDictionary

from wcode_magics import text
from wcode_magics.errors import ClusterError, WcodeError
from wcode_magics.protocol import models
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.budget import worst_cost
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import NOT_NEEDED, FailureSignal
from wcode_magics.sending.replay import Replay
from wcode_magics.sending.replay_client import Recorded
from wcode_magics.session.session import Session
from wcode_magics.settings.api_keys import KEY_FILE_VARIABLE, KEY_VARIABLE
from wcode_magics.settings.settings import OWN_VARIABLES, Settings
from wcode_magics.store.row import replayed
from wcode_magics.tables.dask.messages import Wire
from wcode_magics.tables.dask.run_settings import RunSettings
from wcode_magics.tables.dask.worker_journal import Journal, Recalled
from wcode_magics.tables.dask.worker_task import leave, watch, worker_here
from wcode_magics.tables.pipeline import RequestLine

T = TypeVar("T")
Name = tuple[str, str]
"""Key of a worker run: the run's token and the name of its coordinator."""

SEND_S = 1.0
LAST_S = 10.0
"""Seconds to send replies to the coordinator after a partition has failed."""
FOLDER = "wcode-journals"

IDLE_S = 60.0
IDLE = 4
"""Seconds that idle runs stay connected, and how many of them at most."""

_lock = threading.Lock()
_turns: "WeakValueDictionary[Name, CreationLock]" = WeakValueDictionary()
_posts: dict[Name, "WorkerRun"] = {}
_journals: dict[tuple[Path, str], Journal] = {}


class RemotePermits:
    """Limiter interface backed by the coordinator's :class:`Limiter`.

    Only the coordinator knows whether the endpoint has paused sending, so ``paused``
    is always 0 here.
    """

    paused = 0.0

    def __init__(self, wire: Wire, *, most: int, counts_tokens: bool) -> None:
        self.most = most
        self.counts_tokens = counts_tokens
        self._wire = wire
        self._alone: set[int] = set()

    async def enter(self, tokens: int = 0) -> float:
        """Wait for a permit; one granted after cancellation is returned."""
        asked: Coroutine[Any, Any, Any] = self._wire.call("enter", tokens)
        number, alone = await _or_back(asked, lambda given: self.fail(given[0]))
        if alone:
            self._alone.add(number)
        return float(number)

    def is_alone(self, since: float) -> bool:
        """Return whether no other request of any worker was in flight with it."""
        return int(since) in self._alone

    def leave(self, since: float, *, used: int = 0, length: int = 0) -> None:
        """Release an answered request's permit; ``since``: from :meth:`enter`."""
        self._alone.discard(int(since))
        self._wire.tell("leave", int(since), used, length)

    def fail(self, since: float, failure: FailureSignal = NOT_NEEDED) -> None:
        """Release a failed request's permit; ``retry_after`` pauses all workers."""
        self._alone.discard(int(since))
        self._wire.tell("fail", int(since), *astuple(failure))


class RemoteBudget:
    """Budget interface backed by the coordinator's budget."""

    def __init__(self, wire: Wire, *, limits: bool) -> None:
        self._wire = wire
        self._limits = limits

    async def reserve(self, request: Request, place: str) -> float:
        """Reserve the worst-case cost of a request, in ¥; raises BudgetError."""
        if not self._limits:
            return 0.0
        asked = self._wire.call("reserve", worst_cost(request, place))
        return await _or_back(asked, lambda aside: self.settle(aside, 0.0))

    def settle(self, aside: float, paid: float, unsure: float = 0.0) -> None:
        """Release a reservation (¥) and record what was paid."""
        if aside or paid or unsure:
            self._wire.tell("settle", aside, paid, unsure)


@dataclass(frozen=True, slots=True)
class _Line(RequestLine):
    wire: Wire
    since: float

    async def find(self, request: Request) -> Reply | None:
        """Look in the journal, then in the coordinator's store."""
        found = self.recall([request]).get(request.hash)
        if found is not None:
            return found
        for _, data in await self.wire.call(
            "recall", [request.hash], self.place, self.since
        ):
            return replayed(request, data)
        if not Replay(self.resolved["replay"]).sends:
            await self.wire.call("refuse", request.to_dict())
        return None


async def _or_back(asked: Coroutine[Any, Any, T], back: Callable[[T], object]) -> T:
    """Await ``asked``; if cancelled, pass its late result to ``back``."""
    coming = asyncio.ensure_future(asked)

    def late(told: "asyncio.Future[T]") -> None:
        if not told.cancelled() and told.exception() is None:
            back(told.result())

    try:
        return await asyncio.shield(coming)
    except asyncio.CancelledError:
        coming.add_done_callback(late)
        raise


class WorkerRun:
    """One run on this worker: its session, its connection, its journal."""

    def __init__(self, lease: RunSettings, worker: Any, client: Any) -> None:
        self.running = 1
        self.rested = 0.0
        self._lease = lease
        self._session = _session(lease)
        self._journal = _journal(Path(worker.local_directory).parent, lease.owner)
        office = lease.office(client)
        try:
            self.wire = Wire(office, lease.token, client, worker.address, self._is_busy)
        except ClusterError:
            self._session.close()
            raise
        self._sending = loop.LoopTask(self._send)

    def unconfirmed(self) -> None:
        """Report replies whose end the endpoint did not confirm."""
        self.wire.tell("unconfirmed")

    @contextmanager
    def claimed(
        self, requests: Sequence[Request], wait: bool
    ) -> Iterator[tuple[RequestLine, set[str]]]:
        """Yield a pipeline, and the hashes of the requests claimed for it.

        Recorded replies are fetched on entry; new ones are sent to the coordinator on
        exit, within :data:`LAST_S` if the block raised.

        Raises:
            ReplayError: nothing may be sent, and a request was not recorded.
            StoreError: the journal or the coordinator's store cannot be written.
        """
        self._journal.adopt()
        self._journal.store.flush()
        hashes = [request.hash for request in requests]
        taken = set(self.wire.ask("claim", hashes, wait)) if hashes else set()
        try:
            known = self._known([one for one in requests if one.hash in taken])
            with self._sent_home():
                yield self._line(known), taken
        finally:
            self.wire.tell("release", list(taken))

    def recorded(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """Return replies to these requests in the coordinator's store, by hash."""
        asked = {request.hash: request for request in requests}
        found = self.wire.ask("recall", list(asked), self._place)
        return {name: replayed(asked[name], data) for name, data in found}

    def close(self) -> None:
        """Disconnect, once no partition of the run is running on this worker."""
        self._sending.cancel()
        self.wire.close()
        self._session.close()

    def leave(self) -> NoReturn:
        """Abort a cancelled task; it is rescheduled if still needed."""
        leave()

    @contextmanager
    def _sent_home(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(WcodeError, TimeoutError):
                loop.run(asyncio.wait_for, self._journal.send(self._merge), LAST_S)
            raise
        loop.run(self._journal.send, self._merge)

    def _is_busy(self) -> bool:
        return self.running > 0

    @property
    def _place(self) -> str | None:
        """Endpoint to match in the store; None (any) if nothing may be sent."""
        if not Replay(self._lease.resolved["replay"]).sends:
            return None
        return self._session.place(self._lease.resolved)

    def _permits(self) -> RemotePermits:
        resolved = self._lease.resolved
        return RemotePermits(
            self.wire,
            most=max(1, int(resolved["concurrency"])),
            counts_tokens=bool(resolved["tokens_per_minute"]),
        )

    def _known(self, requests: Sequence[Request]) -> dict[str, bytes]:
        if not requests:
            return {}
        hashes = [request.hash for request in requests]
        since = self._lease.since
        known = dict(self.wire.ask("recall", hashes, self._place, since))
        sends = Replay(self._lease.resolved["replay"]).sends
        for request in () if sends else requests:
            if request.hash not in known:
                self.wire.ask("refuse", request.to_dict())
        return known

    def _line(self, known: Mapping[str, bytes]) -> RequestLine:
        lease, client, payer, health = self._lease, None, None, Health()
        shelf: Any = Recalled(self._journal.store, known, lease.since)
        if Replay(lease.resolved["replay"]).sends:
            client = self._session.client(lease.resolved)
            health = self._session.ledger.health(client.endpoint)
            if lease.paid:
                payer = RemoteBudget(self.wire, limits=lease.limited)
        return _Line(
            lease.resolved,
            client or Recorded(shelf),
            shelf,
            self._permits(),
            payer,
            health,
            self.wire,
            lease.since,
        )

    async def _send(self) -> None:
        while True:
            await asyncio.sleep(SEND_S)
            with suppress(WcodeError):
                await self._journal.send(self._merge)

    async def _merge(self, rows: Sequence[Any], images: Sequence[Any]) -> None:
        await self.wire.call("merge", rows, images)


@contextmanager
def at_work(lease: RunSettings) -> Iterator[tuple[WorkerRun, Callable[[], bool]]]:
    """Yield this worker's run, and a function that tells if the task was cancelled.

    Raises:
        ClusterError: this process is not a Dask worker, the coordinator or scheduler
            cannot be reached, or the endpoint requires a key and this worker has none.
    """
    worker = worker_here()
    if worker is None:
        raise ClusterError("cluster.no_worker")
    text.use(lease.resolved["language"])
    post = _post(lease, worker)
    try:
        yield post, watch(worker)
    except WcodeError as error:
        error.__cause__ = error.__context__ = None  # might not be picklable
        raise
    finally:
        with _lock:
            post.running -= 1
            post.rested = time.monotonic()
            ended = not post.running and post.wire.error is not None
        if ended:
            post.close()


class CreationLock:
    """Lock for creating one worker connection."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def _post(lease: RunSettings, worker: Any) -> WorkerRun:
    """Return the worker run, created if needed, counting one more partition."""
    from distributed import get_client

    client = get_client()
    name = lease.token, lease.office(client)
    with _lock:
        turn = _turns.setdefault(name, CreationLock())
    with turn.lock:
        with _lock:
            post = _posts.get(name)
            if post is not None and post.wire.error is None:
                post.running += 1
                return post
        made = WorkerRun(lease, worker, client)
        with _lock:
            _posts[name] = made
            idle = _idle()
    for one in idle:
        one.close()
    return made


def _idle() -> list[WorkerRun]:
    """Remove and return runs idle over IDLE_S, or beyond the IDLE latest ones."""
    resting = [name for name, post in _posts.items() if not post.running]
    resting.sort(key=lambda name: _posts[name].rested, reverse=True)
    since = time.monotonic() - IDLE_S
    old = [name for name in resting[:IDLE] if _posts[name].rested < since]
    return [_posts.pop(name) for name in [*old, *resting[IDLE:]]]


def _session(lease: RunSettings) -> Session:
    names = () if lease.sandbox else OWN_VARIABLES
    environ = {name: os.environ[name] for name in names if name in os.environ}
    settings = Settings(environ=environ)
    if lease.row is not None:
        models.hold(lease.resolved.place, lease.row)
    keyed = lease.keyed and Replay(lease.resolved["replay"]).sends
    if keyed and not settings.key(lease.resolved):
        one, *_ = (*lease.resolved.key_owner.variables, KEY_VARIABLE)
        raise ClusterError("cluster.no_key", one=one, other=KEY_FILE_VARIABLE)
    return Session(settings)


def _journal(scratch: Path, owner: str) -> Journal:
    folder = scratch / FOLDER
    if (folder, owner) not in _journals:
        _journals[folder, owner] = Journal(folder, owner)
    return _journals[folder, owner]
