"""Requests of table rows through a session: replayed, or sent and recorded."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.attempt import BudgetLike
from wcode_magics.sending.batch import Batch
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.client import Client
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.outcome import Tally
from wcode_magics.sending.recorded_replies import RecordedReplies
from wcode_magics.sending.replay import Replay, replay_for, whose
from wcode_magics.sending.request_run import Exchange, Prepared
from wcode_magics.sending.retry import Retry
from wcode_magics.sending.row_budget import RowBudget
from wcode_magics.sending.store_pool import place_of
from wcode_magics.session.session import Session
from wcode_magics.settings.resolved import Resolved
from wcode_magics.tables.task import Task

NEVER_S = math.inf
"""Client timeout of a row (s): the batch applies its own once the row is sent."""

if TYPE_CHECKING:
    from wcode_magics.sending.replay_client import Recorded


class ReplyStore(Protocol):
    """Store interface for looking up and recording replies."""

    def get_many(
        self, requests: Sequence[Request], base_url: str | None
    ) -> Mapping[str, Reply]:
        """Return the replies found, by request hash."""

    def put(self, reply: Reply, base_url: str) -> None:
        """Record a reply."""

    async def ready(self, coming: int) -> None:
        """Wait until so many replies can be stored; raises StoreError if never."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Client, store and limits that requests pass through.

    ``budget`` None means nothing is paid.
    """

    resolved: Resolved
    client: "Client | Recorded"
    store: ReplyStore
    limiter: Limiter
    budget: BudgetLike | None
    health: Health

    @classmethod
    def of(
        cls, session: Session, resolved: Resolved, budget: float | Budget | None = None
    ) -> Self:
        """Create the pipeline of a session.

        Args:
            session: provides endpoint, store and limiter.
            resolved: the settings in force.
            budget: limit in ¥ within the session's budget, or a budget shared by
                several runs; None: only the session's limit.

        Raises:
            SettingError: a key is required and none is set.
            StoreError: the store cannot be used, or cannot be written again yet.
        """
        store = session.pool.store(resolved)
        client = session.client_or_replay(resolved)
        sends = Replay(resolved["replay"]).sends
        if sends:
            store.flush()
            store.check_writable()
        limiter, health = Limiter(), Health()
        if sends:
            endpoint = session.endpoint(resolved)
            limiter = session.pool.limiter(endpoint, resolved)
            health = session.pool.health(endpoint)
        paid = client.source == "endpoint"
        run_budget = budget_of(session, resolved, budget) if paid else None
        return cls(resolved, client, store, limiter, run_budget, health)

    @property
    def place(self) -> str | None:
        """Endpoint to match in the store; None matches any."""
        return whose(self.resolved, self.client.endpoint)

    async def send(self, request: Request) -> Reply:
        """Send once and wait for the complete reply."""
        await self.store.ready(self.limiter.flying)
        prepared = Prepared(request, self.resolved)
        return await Exchange(prepared, self.client, _forget).once(NEVER_S)

    def recall(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """Return recorded replies to these requests, by hash."""
        return self.store.get_many(requests, self.place)

    async def find(self, request: Request) -> Reply | None:
        """Return the recorded reply to a request created during the run."""
        return self.recall([request]).get(request.hash)

    def keep(self, reply: Reply) -> None:
        """Record a reply."""
        self.store.put(reply, place_of(reply))


def looks(resolved: Resolved) -> bool:
    """Return whether rows are replayed: unless ``fresh`` or ``replay`` prevents it."""
    return replay_for(resolved, seeded=True).looks


def batch(
    line: RequestLine,
    task: Task,
    *,
    keep_going: bool = False,
    announce: Callable[[int, int], None] | None = None,
    tally: Tally | None = None,
) -> Batch[tuple[Any, ...]]:
    """Create a batch that reads replies with ``task``.

    ``announce`` is called with the rows and requests of an announcement; ``tally`` is
    shared with other runs.
    """
    resolved = line.resolved
    sends = Replay(resolved["replay"]).sends
    return Batch(
        line.send,
        task.read,
        limiter=line.limiter,
        recorded=_recorded(line) if looks(resolved) else None,
        keep=line.keep if sends else None,
        mend=task.repair_request if task.repairs else None,  # type: ignore[arg-type]
        ending=task.ending,
        remark=task.remark,
        follow=task.follow,
        defer=task.defers if announce and task.announces else None,
        announce=announce,
        budget=line.budget,
        row_budget=_row_budget(line, task),
        retry=Retry(attempts=int(resolved["retries"]) + 1),
        health=line.health,
        keep_going=keep_going,
        timeout=float(resolved["timeout"]),
        url=line.client.endpoint.base_url,
        tally=tally,
    )


def _recorded(line: RequestLine) -> RecordedReplies:
    contexts = line.client.contexts if Replay(line.resolved["replay"]).sends else None
    if contexts is None:
        return RecordedReplies(line.recall, find=line.find)
    changed, doubts = contexts.changed, contexts.doubts
    return RecordedReplies(line.recall, find=line.find, changed=changed, doubts=doubts)


def _row_budget(line: RequestLine, task: Task) -> Callable[[Request], RowBudget] | None:
    """Return what makes the budget of a row that may go up to a second model."""
    budget = line.budget
    if not isinstance(budget, Budget) or task.announces != "then":
        return None
    return lambda request: RowBudget(budget, task.later(request))


def budget_of(
    session: Session, resolved: Resolved, budget: float | Budget | None
) -> Budget:
    """Return the budget of a run, within that of its session."""
    if isinstance(budget, Budget):
        return budget
    under = session.budget_for(resolved.model, resolved)
    return Budget(math.inf if budget is None else budget, under=under)


def _forget(_reply: Reply) -> None:
    """Discard a reply: the batch records replies in the store, maybe a million."""
