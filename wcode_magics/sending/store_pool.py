"""Stores of a session, and what is learnt about its endpoints' limits."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import StoreError, print_error
from wcode_magics.protocol.messages import SANDBOX, Endpoint
from wcode_magics.protocol.probe import Probe
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import lifetime, private_files
from wcode_magics.sending.attempt import Limits
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay import Replay, is_replay_set, replay_for
from wcode_magics.sending.reply_history import Spent
from wcode_magics.sending.retry import Retry
from wcode_magics.settings.resolved import Resolved

if TYPE_CHECKING:
    from wcode_magics.store import Store


class StorePool:
    """Stores, limiters and endpoint health; a store opens on first use."""

    def __init__(self) -> None:
        self._stores: dict[tuple[Path, bool], Store] = {}
        self._paths: dict[str, Path] = {}
        self._kept = self._unpriced = 0
        self._probes: dict[tuple[str, str], Probe | None] = {}
        self.spent = Spent()
        self._limiters: dict[tuple[str, str | None], Limiter] = {}
        self._healths: dict[tuple[str, str | None], Health] = {}
        self._lock = threading.Lock()
        lifetime.own(self)

    def forget(self) -> Any:
        """Detach the parent's resources in a forked process; return them."""
        left = self._stores, self._limiters, self._healths
        self._stores, self._limiters, self._healths = {}, {}, {}
        self._lock = threading.Lock()
        return left

    def close(self) -> None:
        """Close the stores until the next use; warn about answers that are lost."""
        with self._lock:
            stores, self._stores = list(self._stores.values()), {}
            self._kept += sum(store.kept for store in stores)
            self._unpriced += sum(store.unpriced for store in stores)
        for store in stores:
            try:
                store.close()
            except StoreError as error:
                print_error(error)

    @property
    def kept(self) -> int:
        """Number of answers stored by any interface, not counting replayed ones."""
        with self._lock:
            return self._kept + sum(store.kept for store in self._stores.values())

    @property
    def unpriced(self) -> int:
        """Number of stored answers whose price is unknown."""
        with self._lock:
            stores = self._stores.values()
            return self._unpriced + sum(store.unpriced for store in stores)

    @property
    def waiting(self) -> int:
        """Number of paid answers not written yet, held in memory only."""
        with self._lock:
            return sum(store.waiting for store in self._stores.values())

    def store(self, resolved: Resolved) -> "Store":
        """Return the store of the setting ``store``, else the user's default one.

        A relative path is resolved at first use: a later change of the working
        directory does not change the store.

        Raises:
            StoreError: the file cannot be used.
        """
        from wcode_magics.store import Store
        from wcode_magics.store.path import located

        readonly = not Replay(resolved["replay"]).sends
        name = resolved["store"] or _own_store()
        with self._lock:
            path = self._paths.get(name) or located(name)
            self._paths[name] = path
            if (path, False) in self._stores:
                return self._stores[path, False]
            if (path, readonly) not in self._stores:
                self._stores[path, readonly] = Store(path, readonly=readonly)
            return self._stores[path, readonly]

    def listed_models(
        self, resolved: Resolved, place: str
    ) -> list[dict[str, Any]] | None:
        """Return the models that an endpoint last listed; None if never.

        A store that does not exist is not created.

        Raises:
            StoreError: the store cannot be used.
        """
        from wcode_magics.store.path import located

        name = resolved["store"] or _own_store()
        path = self._paths.get(name) or located(name)
        if not path.is_file():
            return None
        found = self.store(resolved).listed_models(place)
        return None if found is None else found[1]

    def limiter(self, endpoint: Endpoint, resolved: Resolved) -> Limiter:
        """Return the limiter of an endpoint and key, with the caps that are set."""
        key = (endpoint.base_url, endpoint.key)
        with self._lock:
            if (limiter := self._limiters.get(key)) is None:
                limiter = self._limiters[key] = Limiter()
        limiter.cap(
            most=int(resolved["concurrency"]),
            requests_per_minute=resolved["requests_per_minute"],
            tokens_per_minute=resolved["tokens_per_minute"],
        )
        return limiter

    def limits(
        self, endpoint: Endpoint, resolved: Resolved, budget: Budget | None
    ) -> Limits:
        """Return the limits for a user's single requests to an endpoint."""
        retry = Retry.alone(int(resolved["retries"]))
        limiter = self.limiter(endpoint, resolved)
        health = self.health(endpoint)
        return Limits(limiter, health, budget, retry, endpoint.place)

    def health(self, endpoint: Endpoint) -> Health:
        """Return the health of an endpoint and key."""
        with self._lock:
            return self._healths.setdefault((endpoint.base_url, endpoint.key), Health())

    def recall(
        self,
        asked: Sequence[tuple[Request, Resolved]],
        place: Callable[[Resolved], str | None],
    ) -> list[Reply | None]:
        """Return the recorded reply, or None, for each request of a group.

        ``place`` returns the endpoint to match in the store.

        Raises:
            StoreError: the store cannot be used, and the user enabled replay.
        """
        times = Counter(request.hash for request, _resolved in asked)
        found: dict[str, Iterator[Reply]] = {}
        for request, resolved in asked:
            if request.hash not in found:
                alike = times[request.hash]
                records = self._records(request, resolved, place, alike)
                found[request.hash] = iter(records)
        return [next(found[request.hash], None) for request, _resolved in asked]

    def _records(
        self,
        request: Request,
        resolved: Resolved,
        place: Callable[[Resolved], str | None],
        times: int,
    ) -> list[Reply]:
        seeded = "seed" in request.params and times == 1
        if not replay_for(resolved, seeded=seeded).looks:
            return []
        try:
            return self.store(resolved).records(request, place(resolved), times)
        except StoreError:
            if is_replay_set(resolved):
                raise
            return []

    def keep(self, reply: Reply, resolved: Resolved) -> None:
        """Store an answer; report a storage failure without losing the answer."""
        if reply.source == "replayed":
            return
        self.spent.add(reply)
        try:
            self.store(resolved).put(reply, place_of(reply))
        except StoreError as error:
            print_error(error)

    def keep_probe(self, probe: Probe, resolved: Resolved) -> None:
        """Store a probe, unless the kept one measured more, or this one nothing.

        A storage failure is reported without losing the probe.
        """
        kept = self.probe(resolved, probe.place, probe.model)
        if not probe.measured or (kept and kept.measured > probe.measured):
            return
        self._probes[probe.place.rstrip("/"), probe.model] = probe
        try:
            self.store(resolved).keep_probe(probe)
        except StoreError as error:
            print_error(error)

    def probe(self, resolved: Resolved, place: str, model: str) -> Probe | None:
        """Return the kept probe of a model at an endpoint, or None; read once."""
        key = place.rstrip("/"), model
        if key not in self._probes:
            try:
                found = self.store(resolved).probe(place, model)
            except StoreError:
                return None
            self._probes[key] = found
        return self._probes[key]


def place_of(reply: Reply) -> str:
    """Return the endpoint under which a reply is stored."""
    return SANDBOX if reply.source == "sandbox" else reply.base_url


def _own_store() -> str:
    return str(private_files.data_folder() / "answers.db")
