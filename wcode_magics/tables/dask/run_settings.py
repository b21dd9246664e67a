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

_runs: dict[str, tuple[CoordinatedRun, Callable[[], RequestLine]]] = {}
"""Runs that this process leads, each with what makes its session's pipeline."""
_by_token: "WeakValueDictionary[str, RunSettings]" = WeakValueDictionary()
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
        messages: Sequence[str] = (),
    ) -> "RunSettings":
        """Create the settings of a run and register the run in this process.

        Args:
            session: session whose limits and store the run uses.
            resolved: the settings in force.
            budget: limit in ¥ for all workers together; None: the session's.
            messages: line to print before the first request is sent, and line to print
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
        run_budget = budget_of(session, resolved, budget) if paid else None
        store, token = session.pool.store(resolved), uuid.uuid4().hex
        claims = _claims.setdefault((store.path.absolute(), url), Claims())
        limits = _limits(session, url, resolved, paid=paid)
        lines = dict(zip(LINES, messages, strict=False))
        run = CoordinatedRun(store, limits, run_budget, claims, lines)
        values = {**resolved.held, "base_url": url}
        settings = cls(
            token,
            _coordinator.name,
            _owner(store),
            Resolved(values, resolved.origin),
            keyed=key is not None or url == HOSTED_URL,
            paid=paid,
            row=models.find(resolved.model, resolved.place),
            limited=run_budget is not None and run_budget.limits,
            since=since,
        )
        line = partial(RequestLine.of, session, resolved, run_budget)
        with _lock:
            _by_token[token] = settings
            _forget()
            _runs[token] = run, line
        return settings

    @property
    def sandbox(self) -> bool:
        """Whether the run uses the sandbox, of which each worker starts its own."""
        return self.resolved["base_url"] is None

    def local_run(self) -> LocalRun | None:
        """Return the run in the process that leads it; None in any other process."""
        if (known := _runs.get(self.token)) is None:
            return None
        run, line = known
        return LocalRun(run, line(), self.since, sends=self.sends)

    @property
    def sends(self) -> bool:
        """Whether requests may be sent."""
        return Replay(self.resolved["replay"]).sends

    def __getstate__(self) -> dict[str, Any]:
        if self.token in _runs:
            _sent[self.token] = list(clients().values())
            _coordinator.start()
        return dict(self.__dict__)


def _limits(
    session: Session, url: str | None, resolved: Resolved, *, paid: bool
) -> Callable[[], Limiter]:
    if url is None or not paid:
        limiter = Limiter()
        return lambda: limiter
    endpoint = Endpoint(url, session.settings.key(resolved))
    return partial(session.pool.limiter, endpoint, resolved)


def _forget() -> None:
    """Forget the runs that no table and no worker can refer to any more."""
    for token in _runs.keys() - _by_token.keys():
        sent = _sent.get(token, [])
        if token not in _sent or (sent and not any(map(is_open, sent))):
            del _runs[token]
            _sent.pop(token, None)


def _run_of(token: str) -> CoordinatedRun | None:
    known = _runs.get(token)
    return None if known is None else known[0]


def _owner(store: Store) -> str:
    name = f"{socket.gethostname()}\n{store.path.absolute()}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


_coordinator = Coordinator(_run_of)
