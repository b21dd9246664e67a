"""A worker's side of a run: its way to send, under limits that are kept elsewhere."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from weakref import WeakValueDictionary

from wcode_magics import text
from wcode_magics.errors import ClusterError, WcodeError
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.budget import worst_cost
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.replay import Replay
from wcode_magics.sending.replay_client import Recorded
from wcode_magics.session.session import Session
from wcode_magics.settings.settings import OWN_VARIABLES, Settings
from wcode_magics.store.row import replayed
from wcode_magics.tables.dask.messages import Wire
from wcode_magics.tables.dask.run_settings import RunSettings
from wcode_magics.tables.dask.worker_journal import Journal, Recalled
from wcode_magics.tables.dask.worker_task import leave, watch, worker_here
from wcode_magics.tables.pipeline import RequestLine

T = TypeVar("T")
Name = tuple[str, str]
"""Of a post: the run's token and the office that leads it."""

SEND_S = 1.0
LAST_S = 10.0
"""How long answers may take home from a partition that broke off."""
FOLDER = "wcode-journals"

IDLE_S = 60.0
IDLE = 4
"""So long, and so many, runs stay connected of which no partition is at work."""

_lock = threading.Lock()
_turns: "WeakValueDictionary[Name, CreationLock]" = WeakValueDictionary()
_posts: dict[Name, "WorkerRun"] = {}
_journals: dict[tuple[Path, str], Journal] = {}


class RemotePermits:
    """A limiter that asks the process which leads, as :class:`Limiter` does.

    That process alone knows whether the endpoint has put off what is to be sent.
    """

    paused = 0.0

    def __init__(self, wire: Wire, *, most: int, counts_tokens: bool) -> None:
        self.most = most
        self.counts_tokens = counts_tokens
        self._wire = wire
        self._alone: set[int] = set()

    async def enter(self, tokens: int = 0) -> float:
        """Wait for leave to send; a permit that comes too late is given back."""
        asked: Coroutine[Any, Any, Any] = self._wire.call("enter", tokens)
        number, alone = await _or_back(asked, lambda given: self.fail(given[0]))
        if alone:
            self._alone.add(number)
        return float(number)

    def is_alone(self, since: float) -> bool:
        """Whether no other request of any worker has been in flight beside it."""
        return int(since) in self._alone

    def leave(self, since: float, *, used: int = 0, length: int = 0) -> None:
        """A request was answered; ``since`` is what :meth:`enter` gave."""
        self._alone.discard(int(since))
        self._wire.tell("leave", int(since), used, length)

    def fail(
        self,
        since: float,
        *,
        crowded: bool = False,
        late: bool = False,
        reserved: bool = False,
        down: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        """A request failed; all workers keep its ``retry_after``."""
        self._alone.discard(int(since))
        how = crowded, late, reserved, retry_after, down
        self._wire.tell("fail", int(since), *how)


class RemoteBudget:
    """A budget that is kept by the process which leads."""

    def __init__(self, wire: Wire, *, limits: bool) -> None:
        self._wire = wire
        self._limits = limits

    async def reserve(self, request: Request, place: str) -> float:
        """Set the worst case of a request aside, in ¥; raises BudgetError."""
        if not self._limits:
            return 0.0
        asked = self._wire.call("reserve", worst_cost(request, place))
        return await _or_back(asked, lambda aside: self.settle(aside, 0.0))

    def settle(self, aside: float, paid: float, unsure: float = 0.0) -> None:
        """Give back what was set aside, and book what was paid."""
        if aside or paid or unsure:
            self._wire.tell("settle", aside, paid, unsure)


@dataclass(frozen=True, slots=True)
class _Line(RequestLine):
    wire: Wire
    since: float

    async def find(self, request: Request) -> Reply | None:
        """The same; what is not in the journal may be at home."""
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
    """What was asked for; given ``back`` when it comes after nobody waits for it."""
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
    """One run at this worker: its session, its wire, its journal."""

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
        """There are answers whose end the endpoint did not confirm."""
        self.wire.tell("unconfirmed")

    @contextmanager
    def claimed(
        self, requests: Sequence[Request], wait: bool
    ) -> Iterator[tuple[RequestLine, set[str]]]:
        """The way for those requests that nobody else asks just now, by hash.

        What is recorded of them is fetched before, what was answered is at home after,
        also where it breaks off.

        Raises:
            ReplayError: nothing may be sent, and one was not recorded.
            StoreError: the journal, or the store at home, cannot be written.
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
        """What is recorded at home of these, by hash."""
        asked = {request.hash: request for request in requests}
        found = self.wire.ask("recall", list(asked), self._place)
        return {name: replayed(asked[name], data) for name, data in found}

    def close(self) -> None:
        """Hang up, where no partition of the run is at work here any more."""
        self._sending.cancel()
        self.wire.close()
        self._session.close()

    def leave(self) -> NoReturn:
        """End a task that was cancelled; should it be wanted again, it begins anew."""
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
        """The endpoint whose records count; where none is sent to, any and no key."""
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
        lease, client, purse, health = self._lease, None, None, Health()
        shelf: Any = Recalled(self._journal.store, known, lease.since)
        if Replay(lease.resolved["replay"]).sends:
            client = self._session.client(lease.resolved)
            health = self._session.ledger.health(client.endpoint)
            if lease.paid:
                purse = RemoteBudget(self.wire, limits=lease.limited)
        return _Line(
            lease.resolved,
            client or Recorded(shelf),
            shelf,
            self._permits(),
            purse,
            health,
            self.wire,
            lease.since,
        )

    async def _send(self) -> None:
        while True:
            await asyncio.sleep(SEND_S)
            with suppress(WcodeError):
                await self._journal.send(self._merge)

    async def _merge(self, rows: Sequence[Any]) -> None:
        await self.wire.call("merge", rows)


@contextmanager
def at_work(lease: RunSettings) -> Iterator[tuple[WorkerRun, Callable[[], bool]]]:
    """The post of a run in this worker, and whether this task was cancelled.

    Raises:
        ClusterError: this is no worker of a cluster, or the client does not answer.
        SettingError: the endpoint wants a key and this worker has none.
    """
    worker = worker_here()
    if worker is None:
        raise ClusterError("cluster.no_worker")
    text.use(lease.resolved["language"])
    post = _post(lease, worker)
    try:
        yield post, watch(worker)
    except WcodeError as error:
        error.__cause__ = error.__context__ = None  # they might not travel
        raise
    finally:
        with _lock:
            post.running -= 1
            post.rested = time.monotonic()
            ended = not post.running and post.wire.error is not None
        if ended:
            post.close()


class CreationLock:
    """The right to open one post."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def _post(lease: RunSettings, worker: Any) -> WorkerRun:
    """The post of a run; it runs one partition more."""
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
    """Posts that have rested too long, or longer than enough others: taken out."""
    resting = [name for name, post in _posts.items() if not post.running]
    resting.sort(key=lambda name: _posts[name].rested, reverse=True)
    since = time.monotonic() - IDLE_S
    old = [name for name in resting[:IDLE] if _posts[name].rested < since]
    return [_posts.pop(name) for name in [*old, *resting[IDLE:]]]


def _session(lease: RunSettings) -> Session:
    names = () if lease.sandbox else OWN_VARIABLES
    environ = {name: os.environ[name] for name in names if name in os.environ}
    settings = Settings(environ=environ)
    if lease.keyed and Replay(lease.resolved["replay"]).sends and not settings.key():
        one, other, *_ = OWN_VARIABLES
        raise ClusterError("cluster.no_key", one=one, other=other)
    return Session(settings)


def _journal(scratch: Path, owner: str) -> Journal:
    folder = scratch / FOLDER
    if (folder, owner) not in _journals:
        _journals[folder, owner] = Journal(folder, owner)
    return _journals[folder, owner]
