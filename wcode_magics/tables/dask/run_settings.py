"""What a task takes along to a worker: whose it is and what holds, and no key."""

import hashlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from dask.callbacks import Callback

from wcode_magics.errors import ClusterError
from wcode_magics.protocol import endpoint_url
from wcode_magics.protocol.messages import HOSTED_URL, Endpoint
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.attempt import Permits
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay import Replay
from wcode_magics.session.session import Session
from wcode_magics.settings.settings import Resolved
from wcode_magics.tables.dask import worker_task
from wcode_magics.tables.dask.coordinator import CoordinatedRun, Coordinator
from wcode_magics.tables.dask.in_flight import Claims
from wcode_magics.tables.dask.messages import scheduler_of
from wcode_magics.tables.dask.worker_journal import Recalled
from wcode_magics.tables.pipeline import RequestLine, looks, purse_of
from wcode_magics.tables.progress import tell

_homes: dict[str, "LocalRun"] = {}
_broken: list[None] = []
_offices: dict[str, Coordinator] = {}
_leases: "WeakValueDictionary[str, RunSettings]" = WeakValueDictionary()
_claims: "WeakValueDictionary[tuple[Path, str | None], Claims]" = WeakValueDictionary()
_copied: set[str] = set()
_lock = threading.Lock()


async def _release(claims: Claims, taken: set[str]) -> None:
    claims.release(taken)


class _Announced:
    """Permits, with a word before each."""

    def __init__(self, permits: Permits, word: Callable[[], None]) -> None:
        self._permits, self._word = permits, word

    def __getattr__(self, name: str) -> Any:
        return getattr(self._permits, name)

    async def enter(self, tokens: int = 0) -> float:
        self._word()
        return await self._permits.enter(tokens)


class _Once:
    """Tells a line the first time; threads may call."""

    def __init__(self, line: str) -> None:
        self._left = [line]

    def __call__(self) -> None:
        with suppress(IndexError):
            tell(self._left.pop())


@dataclass(frozen=True)
class LocalRun:
    """The way of requests in the process that leads, for threads of its own.

    Its methods are those of :class:`~wcode_magics.tables.dask.worker.WorkerRun`.
    """

    session: Session
    resolved: Resolved
    run: CoordinatedRun
    since: float = 0.0

    @contextmanager
    def claimed(
        self, requests: Sequence[Request], wait: bool
    ) -> Iterator[tuple[RequestLine, set[str]]]:
        """The way for those requests that nobody else asks just now, by hash."""
        claims = self.run.claims
        taken = loop.run(claims.take, [one.hash for one in requests], wait)
        try:
            with self._kept():
                yield self._line_of(self.since), taken
        finally:
            loop.run(_release, claims, taken)

    def recorded(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """What is recorded of these, by hash."""
        return self._line_of(0.0).recall(requests)

    def watch(self) -> Callable[[], bool]:
        """Whether a computation of this process has broken off since now.

        Dask's own threads are told nothing when the person stops a computation; a
        worker that is a thread of this process knows of its own task.
        """
        worker = worker_task.worker_here()
        if worker is not None:
            return worker_task.watch(worker)
        before = len(_broken)
        return lambda: len(_broken) > before

    def unconfirmed(self) -> None:
        """There are answers whose end the endpoint did not confirm."""
        self.run.unconfirmed()

    def leave(self) -> NoReturn:
        """End a partition that was stopped."""
        if worker_task.worker_here() is not None:
            worker_task.leave()
        raise ClusterError("cluster.stopped")

    @contextmanager
    def _kept(self) -> Iterator[None]:
        yield
        self.run.store.flush()

    def _line_of(self, since: float) -> RequestLine:
        line = RequestLine.of(self.session, self.resolved, self.run.budget)
        limiter: Any = _Announced(line.limiter, self.run.word)
        return replace(line, store=Recalled(self.run.store, {}, since), limiter=limiter)


@dataclass(frozen=True)
class RunSettings:
    """The terms of a run.

    To be pickled in the process that leads opens an office there for each Dask client,
    since one of them sends it to its workers. ``owner`` names the store it belongs to;
    ``keyed`` tells that the endpoint wants a key, which a worker has from its own
    environment; ``offices`` are those that lead the run, by scheduler. What was
    recorded before ``since`` does not count: a run that asks all anew still looks for
    what it asked itself, as Dask may compute a partition more than once.
    """

    token: str
    owner: str
    resolved: Resolved
    keyed: bool
    paid: bool
    limited: bool
    since: float = 0.0
    offices: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        session: Session,
        resolved: Resolved,
        budget: float | None = None,
        words: Sequence[str] = (),
    ) -> "RunSettings":
        """The terms that a session sets, its limits and its store behind them.

        Args:
            session: leads the run.
            resolved: the settings in force.
            budget: ¥ at most for all workers together; None: the session's.
            words: a line that is told before the first request is sent, and one for
                answers whose end the endpoint did not confirm; none: quietly.

        Raises:
            StoreError: the store cannot be used.
            SettingError: a setting is wrong.
        """
        since = 0.0 if looks(resolved) else time.time()
        if since:
            resolved = resolved.over({"fresh": False, "replay": Replay.READ.value})
        key = session.settings.key()
        url = resolved["base_url"] or (HOSTED_URL if key else None)
        url = url and endpoint_url.trimmed(url)
        replay = Replay(resolved["replay"])
        paid = replay.sends and url is not None
        purse = purse_of(session, budget) if paid else None
        store, token = session.ledger.store(resolved), uuid.uuid4().hex
        claims = _claims.setdefault((store.path.absolute(), url), Claims())
        limits = _limits(session, url, resolved, paid=paid)
        run = CoordinatedRun(store, limits, purse, claims, *map(_Once, words))
        _breaks.register()
        held = {**resolved.held, "base_url": url}
        lease = cls(
            token,
            _owner(str(store.path.absolute())),
            Resolved(held, resolved.origin),
            keyed=key is not None or url == HOSTED_URL,
            paid=paid,
            limited=purse is not None and purse.limits,
            since=since,
        )
        _keep(lease, LocalRun(session, resolved, run, since))
        return lease

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox answers: each worker has its own."""
        return self.resolved["base_url"] is None

    def home(self) -> LocalRun | None:
        """The way of requests, in the process that leads; None in any other."""
        return _homes.get(self.token)

    def office(self, client: Any) -> str:
        """Who leads the run, for a worker's Dask client.

        Raises:
            ClusterError: no client of the process that leads was at this scheduler.
        """
        there = scheduler_of(client)
        if there not in self.offices:
            raise ClusterError("cluster.no_office")
        return self.offices[there]

    def __getstate__(self) -> dict[str, Any]:
        if self.token not in _homes:
            return dict(self.__dict__)
        return {**self.__dict__, "offices": _opened(self.token)}


def _finish(_graph: Any, _state: Any, broke: bool) -> None:
    if broke:
        _broken.append(None)


_breaks = Callback(finish=_finish)


def _limits(
    session: Session, url: str | None, resolved: Resolved, *, paid: bool
) -> Callable[[], Limiter]:
    if url is None or not paid:
        own = Limiter()
        return lambda: own
    endpoint = Endpoint(url, session.settings.key())
    return partial(session.ledger.limiter, endpoint, resolved)


def _keep(lease: RunSettings, home: LocalRun) -> None:
    """Have a run's home, until no table and no worker can ask for it any more."""
    with _lock:
        _leases[lease.token] = lease
        open_ = [office.tokens for office in _offices.values() if office.open]
        for token in _homes.keys() - _leases.keys() - _copied.union(*open_):
            del _homes[token]
        _homes[lease.token] = home


def _run_of(token: str) -> CoordinatedRun | None:
    home = _homes.get(token)
    return None if home is None else home.run


def _opened(token: str) -> dict[str, str]:
    """An office for a run at each scheduler that this process is a client of."""
    with _lock:
        for name in [name for name, office in _offices.items() if not office.open]:
            del _offices[name]
        clients = _clients()
        for client in clients:
            if client.id not in _offices:
                _offices[client.id] = Coordinator(client, _run_of)
            _offices[client.id].tokens.add(token)
        if not clients:
            _copied.add(token)
        return {scheduler_of(one): _offices[one.id].name for one in clients}


def _clients() -> list[Any]:
    """The Dask clients that are connected, the current one last."""
    try:
        from distributed import Client
    except ImportError:
        return []
    known = [one for one in Client._instances if _is_ours(one)]  # noqa: SLF001
    with suppress(ValueError):
        current = Client.current()
        known.sort(key=lambda one: one is current)
    return known


def _is_ours(client: Any) -> bool:
    own = not client.id.startswith("Client-worker-")
    return own and client.status == "running" and bool(client._scheduler_identity)  # noqa: SLF001


def _owner(path: str) -> str:
    said = f"{socket.gethostname()}\n{path}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
