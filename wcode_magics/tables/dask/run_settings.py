"""Run settings sent to workers; never the API key."""

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
from wcode_magics.protocol import endpoint_url, models
from wcode_magics.protocol.messages import HOSTED_URL, Endpoint
from wcode_magics.protocol.models import Model
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import loop
from wcode_magics.sending.attempt import Permits
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay import Replay
from wcode_magics.session.session import Session
from wcode_magics.settings.resolved import Resolved
from wcode_magics.tables.dask import worker_task
from wcode_magics.tables.dask.coordinator import CoordinatedRun, Coordinator
from wcode_magics.tables.dask.in_flight import Claims
from wcode_magics.tables.dask.messages import scheduler_of
from wcode_magics.tables.dask.worker_journal import Recalled
from wcode_magics.tables.pipeline import RequestLine, budget_of, looks
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
    """Permits that call ``word`` before each request."""

    def __init__(self, permits: Permits, word: Callable[[], None]) -> None:
        self._permits, self._word = permits, word

    def __getattr__(self, name: str) -> Any:
        return getattr(self._permits, name)

    async def enter(self, tokens: int = 0) -> float:
        self._word()
        return await self._permits.enter(tokens)


class _Once:
    """Callable that prints a line on its first call only; thread-safe."""

    def __init__(self, line: str) -> None:
        self._left = [line]

    def __call__(self) -> None:
        with suppress(IndexError):
            tell(self._left.pop())


@dataclass(frozen=True)
class LocalRun:
    """A run as seen by threads of the coordinator's own process.

    Has the methods of :class:`~wcode_magics.tables.dask.worker.WorkerRun`.
    """

    session: Session
    resolved: Resolved
    run: CoordinatedRun
    since: float = 0.0

    @contextmanager
    def claimed(
        self, requests: Sequence[Request], wait: bool
    ) -> Iterator[tuple[RequestLine, set[str]]]:
        """Yield a pipeline, and the hashes of the requests claimed for it."""
        claims = self.run.claims
        taken = loop.run(claims.take, [one.hash for one in requests], wait)
        try:
            with self._kept():
                yield self._line_of(self.since), taken
        finally:
            loop.run(_release, claims, taken)

    def recorded(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """Return recorded replies to these requests, by hash."""
        return self._line_of(0.0).recall(requests)

    def watch(self) -> Callable[[], bool]:
        """Return a function that tells whether the computation has been interrupted.

        Threads of Dask's local schedulers get no notice when the user interrupts a
        computation, so any computation of this process that fails from now on counts.
        A worker running as a thread of this process knows the state of its own task.
        """
        worker = worker_task.worker_here()
        if worker is not None:
            return worker_task.watch(worker)
        before = len(_broken)
        return lambda: len(_broken) > before

    def unconfirmed(self) -> None:
        """Report replies whose end the endpoint did not confirm."""
        self.run.unconfirmed()

    def leave(self) -> NoReturn:
        """Abort a partition that was stopped."""
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
    """Settings of a run, as sent to workers.

    Pickling them in the coordinator's process opens a :class:`Coordinator` there for
    each connected Dask client, since one of these sends them to its workers. ``owner``
    identifies the store that the run belongs to; ``keyed``: the endpoint requires a
    key, which workers read from their own environment; ``row`` is what is known of the
    model; ``offices`` are the names of
    the run's coordinators, by scheduler id. Replies recorded before ``since`` (Unix
    time, s) are ignored: a ``fresh`` run still replays its own replies, as Dask may
    compute a partition more than once.
    """

    token: str
    owner: str
    resolved: Resolved
    keyed: bool
    paid: bool
    limited: bool
    row: Model | None = None
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
        """Create the settings of a run and register the run in this process.

        Args:
            session: session whose limits and store the run uses.
            resolved: the settings in force.
            budget: limit in ¥ for all workers together; None: the session's.
            words: line to print before the first request is sent, and line to print
                when the endpoint did not confirm the end of replies; empty: none.

        Raises:
            StoreError: the store cannot be used.
            SettingError: a setting is invalid.
        """
        since = 0.0 if looks(resolved) else time.time()
        if since:
            resolved = resolved.over({"fresh": False, "replay": Replay.READ.value})
        key = session.settings.key(resolved)
        url = resolved["base_url"] or (HOSTED_URL if key else None)
        url = url and endpoint_url.trimmed(url)
        replay = Replay(resolved["replay"])
        paid = replay.sends and url is not None
        payer = budget_of(session, resolved, budget) if paid else None
        store, token = session.ledger.store(resolved), uuid.uuid4().hex
        claims = _claims.setdefault((store.path.absolute(), url), Claims())
        limits = _limits(session, url, resolved, paid=paid)
        run = CoordinatedRun(store, limits, payer, claims, *map(_Once, words))
        _breaks.register()
        held = {**resolved.held, "base_url": url}
        lease = cls(
            token,
            _owner(str(store.path.absolute())),
            Resolved(held, resolved.origin),
            keyed=key is not None or url == HOSTED_URL,
            paid=paid,
            row=models.find(resolved.model, resolved.place),
            limited=payer is not None and payer.limits,
            since=since,
        )
        _keep(lease, LocalRun(session, resolved, run, since))
        return lease

    @property
    def sandbox(self) -> bool:
        """Whether the run uses the sandbox, of which each worker starts its own."""
        return self.resolved["base_url"] is None

    def home(self) -> LocalRun | None:
        """Return the run in the coordinator's process; None in any other process."""
        return _homes.get(self.token)

    def office(self, client: Any) -> str:
        """Return the name of the coordinator for a worker's Dask client.

        Raises:
            ClusterError: the coordinator's process had no client at this scheduler.
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
    endpoint = Endpoint(url, session.settings.key(resolved))
    return partial(session.ledger.limiter, endpoint, resolved)


def _keep(lease: RunSettings, home: LocalRun) -> None:
    """Register a run until no table and no worker can refer to it any more."""
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
    """Open a coordinator for a run at each scheduler connected to this process."""
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
    """Return the connected Dask clients, the current one last."""
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
