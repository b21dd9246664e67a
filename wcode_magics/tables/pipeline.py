"""Many requests through a session: replayed from its store, or sent and kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.attempt import BudgetLike, Permits
from wcode_magics.sending.batch import Batch
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.client import Client
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay import Replay, wanted, whose
from wcode_magics.sending.request_run import Exchange, Prepared
from wcode_magics.sending.retry import Retry
from wcode_magics.sending.store_pool import place_of
from wcode_magics.session.session import Session
from wcode_magics.settings.settings import Resolved
from wcode_magics.tables.task import Task

NEVER_S = 86_400.0
"""The client's own timeout of rows: the batch counts theirs from their turn."""

if TYPE_CHECKING:
    from wcode_magics.sending.replay_client import Recorded


class Shelf(Protocol):
    """Where answers are looked up and kept: a store, or what stands for one."""

    def get_many(
        self, requests: Sequence[Request], base_url: str | None
    ) -> Mapping[str, Reply]:
        """The answers that are there, by request hash."""

    def put(self, reply: Reply, base_url: str) -> None:
        """Keep one."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """What requests go through: the sender, the store, the limits.

    ``budget`` None: nothing is paid.
    """

    resolved: Resolved
    answerer: "Client | Recorded"
    store: Shelf
    limiter: Permits
    budget: BudgetLike | None
    health: Health

    @classmethod
    def of(
        cls, session: Session, resolved: Resolved, budget: float | Budget | None = None
    ) -> Self:
        """A session's own.

        Args:
            session: its endpoint, its store, its limiter.
            resolved: the settings in force.
            budget: ¥ at most, within the session's budget, or what several runs
                share; None: no limit of its own.

        Raises:
            SettingError: a key is needed and there is none.
            StoreError: the store cannot be used, or not yet again.
        """
        store = session.ledger.store(resolved)
        answerer = session.answerer(resolved)
        sends = Replay(resolved["replay"]).sends
        if sends:
            store.flush()
            store.check_writable()
        limiter, health = Limiter(), Health()
        if sends:
            endpoint = session.endpoint(resolved)
            limiter = session.ledger.limiter(endpoint, resolved)
            health = session.ledger.health(endpoint)
        paid = answerer.source == "endpoint"
        purse = purse_of(session, budget) if paid else None
        return cls(resolved, answerer, store, limiter, purse, health)

    @property
    def place(self) -> str | None:
        """The endpoint whose recorded answers count; None: any."""
        return whose(self.resolved, self.answerer.endpoint)

    async def send(self, request: Request) -> Reply:
        """Send once and wait for the whole answer."""
        prepared = Prepared(request, self.resolved)
        return await Exchange(prepared, self.answerer, _forget).once(NEVER_S)

    def recall(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """What is recorded of these, by hash."""
        return self.store.get_many(requests, self.place)

    async def find(self, request: Request) -> Reply | None:
        """What is recorded of one that came up on the way."""
        return self.recall([request]).get(request.hash)

    def keep(self, reply: Reply) -> None:
        """Record an answer."""
        self.store.put(reply, place_of(reply))


def looks(resolved: Resolved) -> bool:
    """Whether rows are looked up: they are, unless ``fresh`` or ``replay`` says no."""
    return wanted(resolved, seeded=True).looks


def batch(
    line: RequestLine, task: Task, *, keep_going: bool = False
) -> Batch[tuple[Any, ...]]:
    """A batch that reads answers as ``task`` says."""
    resolved = line.resolved
    found, sends = looks(resolved), Replay(resolved["replay"]).sends
    return Batch(
        line.send,
        task.read,
        limiter=line.limiter,
        recall=line.recall if found else None,
        keep=line.keep if sends else None,
        mend=task.mend if task.mends else None,  # type: ignore[arg-type]
        find=line.find if found else None,
        ending=task.ending,
        budget=line.budget,
        retry=Retry(attempts=int(resolved["retries"]) + 1),
        health=line.health,
        keep_going=keep_going,
        timeout=float(resolved["timeout"]),
        url=line.answerer.endpoint.base_url,
    )


def purse_of(session: Session, budget: float | Budget | None) -> Budget:
    """What a run may spend, under what its session may."""
    if isinstance(budget, Budget):
        return budget
    session.budget.limit = session.settings.resolve({})["budget"] or math.inf
    return Budget(math.inf if budget is None else budget, under=session.budget)


def _forget(_reply: Reply) -> None:
    """The batch keeps replies itself, in the store; there may be a million."""
