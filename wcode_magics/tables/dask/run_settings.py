"""Run settings sent to workers; never the API key."""

import hashlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from wcode_magics.protocol import endpoint_url, models
from wcode_magics.protocol.messages import HOSTED_URL, Endpoint
from wcode_magics.protocol.models import Model
from wcode_magics.sending.claims import Claims
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay import Replay
from wcode_magics.session.session import Session
from wcode_magics.settings.resolved import Resolved
from wcode_magics.store import Store
from wcode_magics.tables.coordinated_run import CoordinatedRun
from wcode_magics.tables.dask.coordinator import Coordinator, clients, is_open
from wcode_magics.tables.partition_run import LocalRun
from wcode_magics.tables.pipeline import RequestLine, budget_of, looks

LINES = ("lazy", "lazy_unconfirmed")
"""Lines of a run: before the first request, and where ends were not confirmed."""

_homes: dict[str, tuple[CoordinatedRun, Callable[[], RequestLine]]] = {}
"""Runs that this process leads, each with what makes its session's pipeline."""
_leases: "WeakValueDictionary[str, RunSettings]" = WeakValueDictionary()
_claims: "WeakValueDictionary[tuple[Any, str | None], Claims]" = WeakValueDictionary()
_sent: dict[str, list[Any]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run, as sent to workers.

    Pickling them in the process that leads starts its :class:`Coordinator`, whose name
    is ``leader``. ``owner`` identifies the store that the run belongs to; ``keyed``:
    the endpoint requires a key, which workers read from their own environment; ``row``
    is what is known of the model. Replies recorded before ``since`` (Unix time, s) are
    ignored: a ``fresh`` run still replays its own replies, as Dask may compute a
    partition more than once.
    """

    token: str
    leader: str
    owner: str
    resolved: Resolved
    keyed: bool
    paid: bool
    limited: bool
    row: Model | None = None
    since: float = 0.0

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
        lines = dict(zip(LINES, words, strict=False))
        run = CoordinatedRun(store, limits, payer, claims, lines)
        held = {**resolved.held, "base_url": url}
        lease = cls(
            token,
            _coordinator.name,
            _owner(store),
            Resolved(held, resolved.origin),
            keyed=key is not None or url == HOSTED_URL,
            paid=paid,
            row=models.find(resolved.model, resolved.place),
            limited=payer is not None and payer.limits,
            since=since,
        )
        line = partial(RequestLine.of, session, resolved, payer)
        with _lock:
            _leases[token] = lease
            _forget()
            _homes[token] = run, line
        return lease

    @property
    def sandbox(self) -> bool:
        """Whether the run uses the sandbox, of which each worker starts its own."""
        return self.resolved["base_url"] is None

    def home(self) -> LocalRun | None:
        """Return the run in the process that leads it; None in any other process."""
        if (home := _homes.get(self.token)) is None:
            return None
        run, line = home
        return LocalRun(run, line(), self.since, sends=self.sends)

    @property
    def sends(self) -> bool:
        """Whether requests may be sent."""
        return Replay(self.resolved["replay"]).sends

    def __getstate__(self) -> dict[str, Any]:
        if self.token in _homes:
            _sent[self.token] = list(clients().values())
            _coordinator.start()
        return dict(self.__dict__)


def _limits(
    session: Session, url: str | None, resolved: Resolved, *, paid: bool
) -> Callable[[], Limiter]:
    if url is None or not paid:
        own = Limiter()
        return lambda: own
    endpoint = Endpoint(url, session.settings.key(resolved))
    return partial(session.ledger.limiter, endpoint, resolved)


def _forget() -> None:
    """Forget the runs that no table and no worker can refer to any more."""
    for token in _homes.keys() - _leases.keys():
        sent = _sent.get(token, [])
        if token not in _sent or (sent and not any(map(is_open, sent))):
            del _homes[token]
            _sent.pop(token, None)


def _run_of(token: str) -> CoordinatedRun | None:
    home = _homes.get(token)
    return None if home is None else home[0]


def _owner(store: Store) -> str:
    name = f"{socket.gethostname()}\n{store.path.absolute()}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


_coordinator = Coordinator(_run_of)
