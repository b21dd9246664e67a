"""What a task takes along to a worker: whose it is and what holds, and no key."""

import hashlib
import socket
import uuid
from dataclasses import dataclass
from typing import Any

from wcode_magics.cluster.office import Office, Run
from wcode_magics.flow.limiter import Limiter
from wcode_magics.frames.many import Line, purse_of
from wcode_magics.replay import Replay
from wcode_magics.session import Session
from wcode_magics.settings import Resolved
from wcode_magics.values import HOSTED_URL, Endpoint

_homes: dict[str, tuple[Session, Run]] = {}
_offices: dict[tuple[str, str], Office] = {}


@dataclass(frozen=True)
class Lease:
    """The terms of a run.

    To be pickled in the process that leads opens the office there: that is when a
    Dask client sends it to workers. ``owner`` names the store it belongs to; ``keyed``
    tells that the endpoint wants a key, which a worker has from its own environment.
    """

    token: str
    owner: str
    resolved: Resolved
    keyed: bool
    paid: bool
    limited: bool

    @classmethod
    def of(
        cls, session: Session, resolved: Resolved, budget: float | None = None
    ) -> "Lease":
        """The terms that a session sets, its limits and its store behind them.

        Args:
            session: leads the run.
            resolved: the settings in force.
            budget: ¥ at most for all workers together; None: the session's.

        Raises:
            StoreError: the store cannot be used.
            SettingError: a setting is wrong.
        """
        key = session.settings.key()
        url = resolved["base_url"] or (HOSTED_URL if key else None)
        replay = Replay(resolved["replay"])
        limiter, paid = Limiter(), False
        if replay.sends and url is not None:
            limiter = session.ledger.limiter(Endpoint(url, key), resolved)
            paid = True
        purse = purse_of(session, budget) if paid else None
        store, token = session.ledger.store(resolved), uuid.uuid4().hex
        _homes[token] = session, Run(store, limiter, purse)
        held = {**resolved.held, "base_url": url}
        return cls(
            token,
            _owner(str(store.path.absolute())),
            Resolved(held, resolved.origin),
            keyed=key is not None or url == HOSTED_URL,
            paid=paid,
            limited=purse is not None and purse.limits,
        )

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox answers: each worker has its own."""
        return self.resolved["base_url"] is None

    def line(self) -> Line | None:
        """The way of requests, in the process that leads; None in any other."""
        home = _homes.get(self.token)
        if home is None:
            return None
        session, run = home
        return Line.of(session, self.resolved, run.budget)

    def __getstate__(self) -> dict[str, Any]:
        if self.token in _homes:
            _open_office(self.token)
        return dict(self.__dict__)


def _open_office(token: str) -> None:
    try:
        from distributed import Client

        client = Client.current()
    except (ImportError, ValueError):
        return
    known = _offices.get((token, client.id))
    if known is None or not known.open:
        _offices[token, client.id] = Office(token, _homes[token][1], client)


def _owner(path: str) -> str:
    said = f"{socket.gethostname()}\n{path}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
