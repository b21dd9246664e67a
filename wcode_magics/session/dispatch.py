"""Routing of a session's requests, and storage of the replies."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Self

from wcode_magics.errors import StoreError, print_error, stoppable
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import SANDBOX, Endpoint
from wcode_magics.protocol.models import Model
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime import loop
from wcode_magics.runtime.lifetime import follow
from wcode_magics.sending.attempt import Limits
from wcode_magics.sending.budget import Accounts, Budget
from wcode_magics.sending.client import Client
from wcode_magics.sending.client_pool import Bound, Connections
from wcode_magics.sending.context_sizes import may_be_outdated
from wcode_magics.sending.replay import Replay, whose
from wcode_magics.sending.reply_history import History
from wcode_magics.sending.request_run import Exchange, Prepared
from wcode_magics.sending.store_pool import StorePool
from wcode_magics.settings.api_keys import KEY_VARIABLE
from wcode_magics.settings.resolved import Resolved
from wcode_magics.settings.settings import Settings
from wcode_magics.text import say

if TYPE_CHECKING:
    from wcode_magics.sending.replay_client import Recorded
    from wcode_magics.store import Store


class Dispatch(Bound):
    """Settings, connections, budget and history.

    Args:
        settings: layers of settings.
        transport: ``httpx.AsyncBaseTransport`` that replaces the network.

    ``notes_sandbox``: log a warning, once per process, that the sandbox answers; an
    interface that shows it itself sets this to False.
    """

    def __init__(self, settings: Settings, transport: Any = None) -> None:
        self.settings = settings
        self.history: list[Reply] = History()
        self.budgets = Accounts()
        self.pool = StorePool()
        self.notes_sandbox = True
        self._recalled: set[str] = set()
        self._connections = Connections(transport)
        follow(self, self._connections.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections, sandbox and stores; the next request reopens them."""
        self._connections.close()
        self.pool.close()

    def budget_for(self, model: str, resolved: Resolved) -> Budget:
        """Return the session's budget in the currency of a model, with its limit."""
        budget = self.budgets.of(models.currency(model, resolved.place))
        self.budgets.limit(self.settings.resolve({})["budget"])
        return budget

    def own_budget(self, model: str, resolved: Resolved) -> Budget | None:
        """Return the budget that a cell or profile gives a request, or None."""
        if not resolved.is_own("budget"):
            return None
        return Budget(resolved["budget"], self.budget_for(model, resolved))

    @property
    def last(self) -> Reply | None:
        """The newest reply."""
        return self.history[-1] if self.history else None

    def exchanges(self, ready: Sequence[Prepared]) -> list[Exchange]:
        """Prepare the sending of a group of requests; raises StoreError."""
        return list(map(self._exchange, ready, self.clients(ready)))

    def _exchange(self, one: Prepared, client: "Client | Recorded") -> Exchange:
        if client.source == "sandbox" and self.notes_sandbox:
            _note_sandbox()
        limits = Limits()
        if client.source != "replayed":
            paid = client.source == "endpoint"
            own = one.budget or self.budget_for(one.request.model, one.resolved)
            budget = own if paid else None
            limits = self.pool.limits(client.endpoint, one.resolved, budget)
        return Exchange(one, client, partial(self._keep, one.resolved), limits)

    def endpoint(self, resolved: Resolved | None = None) -> Endpoint:
        """Return the endpoint of requests; starts the sandbox if there is no key.

        Raises:
            SettingError: a key is needed and there is none.
        """
        found = self.settings.endpoint(resolved or self.settings.resolve({}))
        return found or self._connections.sandbox()

    def answering(self, resolved: Resolved) -> str:
        """Return the place whose prices count: the base URL, or that of the sandbox.

        Raises:
            SettingError: a key is needed and there is none.
        """
        found = self.settings.endpoint(resolved)
        return SANDBOX if found is None else resolved.place

    def client(self, resolved: Resolved) -> Client:
        """Return the client for the endpoint, with its open connections."""
        return self._connections.client(self.endpoint(resolved))

    def dialect(self, resolved: Resolved, model: str) -> str:
        """Return the dialect in which a model continues a beginning.

        The one that a probe found to work ("none" if none did), else the provider's;
        empty if unknown.
        """
        probe = self.pool.probe(resolved, resolved.place, model)
        measured = "" if probe is None else probe.facts.get("prefix", "")
        provider = resolved.provider
        return measured or ("" if provider is None else provider.prefix)

    def client_or_replay(
        self, resolved: Resolved, found: Reply | None = None
    ) -> "Client | Recorded":
        """Return a client: live, or replaying the found or required record."""
        if found is None and Replay(resolved["replay"]).sends:
            return self.client(resolved)
        from wcode_magics.sending.replay_client import Recorded

        return Recorded(self.pool.store(resolved), found)

    def clients(self, ready: Sequence[Prepared]) -> "list[Client | Recorded]":
        """Return the clients for a group of requests.

        Equal requests each get their own record, and none merely because of a ``seed``.
        """
        requests = [(one.request, one.resolved) for one in ready]
        found = self.pool.recall(requests, self.place)
        return [
            self.client_or_replay(one.resolved, self._current(one, record))
            for one, record in zip(ready, found, strict=True)
        ]

    def _current(self, one: Prepared, record: Reply | None) -> Reply | None:
        """Return the record, or None if its model name now denotes a newer model."""
        sends = Replay(one.resolved["replay"]).sends
        if record is None or not sends:
            return record
        if not may_be_outdated(record, one.resolved.place):
            return record
        notice = loop.run(self.client(one.resolved).contexts.changed, record)
        if notice is None:
            return record
        print_error(notice)
        return None

    def place(self, resolved: Resolved) -> str | None:
        """Return the endpoint to match in the store; None matches any."""
        sends = Replay(resolved["replay"]).sends
        endpoint = self.settings.endpoint(resolved) if sends else None
        return whose(resolved, endpoint)

    @property
    def store(self) -> "Store":
        """The store of paid answers; raises StoreError if the file is unusable."""
        return self.pool.store(self.settings.resolve({}))

    def _keep(self, resolved: Resolved, reply: Reply) -> None:
        self.history.append(reply)
        self.pool.keep(reply, resolved)

    def context(self, prepared: Prepared, size: int) -> int | None:
        """Return the context of the model in tokens, or None if unknown.

        The endpoint is queried only if a prompt of ``size`` tokens may not fit.
        """
        model, resolved = prepared.request.model, prepared.resolved
        row = models.find(model, resolved.place)
        fixed = row is not None and row.source == "package"
        context = row.context if row is not None and fixed else None
        if context is not None or not Replay(resolved["replay"]).sends:
            return context
        return loop.run(self.client(resolved).contexts.of, model, size)

    @stoppable()
    def models(self) -> list[dict[str, Any]]:
        """Return the endpoint's own model list; raises EndpointError."""
        return loop.run(self.client(self.settings.resolve({})).models)

    @stoppable()
    def list_models(self) -> list[Model]:
        """Add what the endpoint lists to the catalogue, and keep it in the store.

        Returns all rows of the endpoint.

        Raises:
            EndpointError: it lists none.
        """
        resolved = self.settings.resolve({})
        client = self.client(resolved)
        rows = loop.run(client.contexts.rows, loop.run(client.models))
        place = client.endpoint.place
        if client.endpoint.sandbox:
            for row in rows:
                models.hold(place, replace(row, provider="sandbox"))
            return models.at(place)
        models.learn(place, rows)
        with suppress(StoreError):  # a cache
            self.pool.store(resolved).keep_models(place, list(map(asdict, rows)))
        return models.at(place)

    def inform(self, resolved: Resolved) -> None:
        """Add the prices that are set and the endpoint's last list to the catalogue.

        A price that is set is that of the session's own model.
        """
        if resolved["price"] is not None:
            self.settings.resolve({}).register_price()
            resolved.register_price()
        place = resolved.place
        if place in self._recalled:
            return
        self._recalled.add(place)
        with suppress(StoreError, TypeError, ValueError):  # a cache
            found = self.pool.listed_models(resolved, place)
            if found is not None and not models.is_listed(place):
                models.learn(place, map(models.from_dict, found))


@cache
def _note_sandbox() -> None:
    note = say("ui.sandbox_log", variable=KEY_VARIABLE)
    logging.getLogger("wcode_magics").warning(note)
