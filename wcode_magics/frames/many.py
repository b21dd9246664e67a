"""Many requests through a session: replayed from its store, or sent and kept."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from wcode_magics.exchange import Exchange, Prepared
from wcode_magics.flow.batch import Batch
from wcode_magics.flow.budget import Budget
from wcode_magics.flow.limiter import Limiter
from wcode_magics.flow.retry import Retry
from wcode_magics.frames.task import Task
from wcode_magics.ledger import place_of
from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.session import Session
from wcode_magics.settings import Resolved
from wcode_magics.store.replay import SANDBOX, Replay


def batch(
    session: Session,
    task: Task,
    resolved: Resolved,
    *,
    fresh: bool = False,
    budget: float | None = None,
) -> Batch[tuple[Any, ...]]:
    """A batch that reads answers as ``task`` says.

    Args:
        session: its endpoint, its store, its limiter.
        task: what is asked.
        resolved: the settings in force.
        fresh: send even what is recorded.
        budget: ¥ at most, within the session's budget; None: no limit of its own.

    Raises:
        SettingError: a key is needed and there is none.
        StoreError: the store cannot be used.
    """
    line = _Line(session, resolved)
    looks = line.replay.looks and not (fresh and line.replay.sends)
    return Batch(
        line.send,
        task.read,
        limiter=line.limiter,
        recall=line.recall if looks else None,
        keep=line.keep if line.replay.sends else None,
        mend=task.mend if task.mends else None,  # type: ignore[arg-type]
        budget=_budget(session, line, budget),
        retry=Retry(attempts=int(resolved["retries"]) + 1),
    )


def _budget(session: Session, line: "_Line", limit: float | None) -> Budget | None:
    if line.unpaid:
        return None
    session.budget.limit = session.settings.resolve({})["budget"] or math.inf
    return Budget(math.inf if limit is None else limit, under=session.budget)


class _Line:
    """The way from a request to its reply, and from a reply to the store."""

    def __init__(self, session: Session, resolved: Resolved) -> None:
        self.replay = Replay(resolved["replay"])
        self._resolved = resolved
        self._store = session.store
        self._client = session.answerer(resolved)
        sends = self.replay.sends
        self.limiter = session.limiter(resolved) if sends else Limiter()

    @property
    def unpaid(self) -> bool:
        """Whether nothing is sent, or to the sandbox alone."""
        return self._client.source != "endpoint"

    async def send(self, request: Request) -> Reply:
        prepared = Prepared(request, self._resolved)
        return await Exchange(prepared, self._client, _forget, attempts=1).whole()

    def recall(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        return self._store.get_many(requests, self._base_url)

    def keep(self, reply: Reply) -> None:
        self._store.put(reply, place_of(reply))

    @property
    def _base_url(self) -> str | None:
        if not self.replay.sends:
            return None
        return (
            SANDBOX if self._client.endpoint.sandbox else self._client.endpoint.base_url
        )


def _forget(_reply: Reply) -> None:
    """The batch keeps replies itself, in the store; there may be a million."""
