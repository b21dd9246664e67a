"""Worker's side of a run: its session, journal and link to the leader."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from dask.callbacks import Callback

from wcode_magics import text
from wcode_magics.errors import ClusterError, WcodeError
from wcode_magics.protocol import models
from wcode_magics.runtime import loop
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.exchange import CALM_S, BorrowedLimits, LeaderCall, link_to
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.replay_client import Recorded
from wcode_magics.session.session import Session
from wcode_magics.settings.api_keys import KEY_FILE_VARIABLE, KEY_VARIABLE
from wcode_magics.settings.settings import OWN_VARIABLES, Settings
from wcode_magics.tables.dask.run_settings import RunSettings
from wcode_magics.tables.partition_run import PartitionRun, WorkerLine
from wcode_magics.tables.pipeline import RequestLine
from wcode_magics.tables.worker_journal import Journal, Recalled

SEND_S = 2.0
IDLE_S = 30.0
"""Seconds that a run stays open when no partition is running."""
FOLDER = "wcode-journals"

_lock = threading.Lock()
_runs: dict[tuple[str, str], "WorkerRun"] = {}
_journals: dict[tuple[Path, str], Journal] = {}
_broken: list[None] = []


class WorkerRun(PartitionRun):
    """A run on a worker, which sends within its share and records in its journal."""

    def __init__(self, settings: RunSettings, worker: Any) -> None:
        resolved, session = settings.resolved, _session(settings)
        place = session.place(resolved) if settings.sends else None
        super().__init__(place, settings.since, sends=settings.sends)
        self.idle_since = 0.0
        self._settings, self._session = settings, session
        self._client, self._health, limiter = None, Health(), Limiter()
        if settings.sends:
            self._client = session.client(resolved)
            self._health = session.pool.health(self._client.endpoint)
            limiter = session.pool.limiter(self._client.endpoint, resolved)
        self._name = str(worker.address), settings.token
        self._link = link_to(settings.leader, str(worker.address))
        budget = settings.limited if settings.paid else None
        self.limits = BorrowedLimits(limiter, self._link, budget=budget)
        self._journal = _journal(Path(worker.local_directory).parent, settings.owner)
        loop.LoopTask(self._serve)

    async def call(self, name: str, *args: Any) -> tuple[Any, Any]:
        """Call the leader."""
        return await self._link.call(LeaderCall(self._settings.token, name, args))

    async def end(self, call: Any) -> None:
        """End the call, which releases what it claimed."""
        self._link.end(call)
        self._link.wake_soon()

    def line(self, known: Mapping[str, bytes]) -> RequestLine:
        """Return a pipeline that records in the journal."""
        store: Any = Recalled(self._journal.store, known, self.since)
        return WorkerLine(
            self._settings.resolved,
            self._client or Recorded(store),
            store,
            self.limits.limiter,
            self.limits.budget,
            self._health,
            self,
        )

    def adopt(self) -> None:
        """Take over what workers that were killed have left."""
        self._journal.adopt()
        self._journal.store.flush()

    async def keep(self) -> None:
        """Send the rest of the journal without waiting for the next exchange."""
        sending = asyncio.create_task(self._journal.send(partial(self.aask, "merge")))
        while not sending.done():
            self._link.wake_soon()
            await asyncio.wait({sending}, timeout=2 * CALM_S)
        await sending

    def leave(self) -> None:
        """Leave the thread to the next partition, unless as many have left theirs."""
        from distributed import threadpoolexecutor, worker

        one_each = self.limits.running <= worker.get_worker().state.nthreads
        if one_each and threadpoolexecutor.thread_state.proceed:
            worker.secede()

    @property
    def error(self) -> WcodeError | None:
        """The error if the leader does not respond."""
        return self._link.error

    async def _serve(self) -> None:
        """Send the journal as it grows, until no partition has run for a while."""
        self._link.runs[self._settings.token] = self.limits
        while True:
            await asyncio.sleep(SEND_S)
            with suppress(WcodeError):
                await self._journal.send(self._merge_later)
            with _lock:
                late = time.monotonic() > self.idle_since + IDLE_S
                if late and not self.limits.running:
                    del _runs[self._name]
                    break
        del self._link.runs[self._settings.token]
        await asyncio.to_thread(self._session.close)

    async def _merge_later(self, rows: Sequence[Any], images: Sequence[Any]) -> None:
        call = LeaderCall(self._settings.token, "merge", (rows, images), urgent=False)
        self._link.end((await self._link.call(call))[0])


@contextmanager
def run_here(settings: RunSettings) -> Iterator[PartitionRun]:
    """Yield the run, in the process that leads it or on a Dask worker.

    Raises:
        ClusterError: this process is neither, the leader cannot be reached, or the
            endpoint requires a key and this worker has none.
    """
    if (local := settings.local_run()) is not None:
        yield local
        return
    worker = _worker()
    if worker is None:
        raise ClusterError("cluster.no_worker")
    text.use(settings.resolved["language"])
    name = str(worker.address), settings.token
    with _lock:
        run = _runs[name] = _runs.get(name) or WorkerRun(settings, worker)
        run.limits.running += 1
    try:
        run.adopt()
        yield run
    except WcodeError as error:
        error.__cause__ = error.__context__ = None  # might not be picklable
        raise
    finally:
        with _lock:
            run.limits.running -= 1
            run.idle_since = time.monotonic()


def watch() -> Callable[[], bool]:
    """Return a function that returns whether this thread's task was cancelled.

    Threads of Dask's local schedulers get no notice when the user interrupts a
    computation, so any computation of this process that fails from now on counts.
    """
    worker = _worker()
    if worker is None:
        _breaks.register()
        before = len(_broken)
        return lambda: len(_broken) > before
    key = worker.get_current_task()

    def cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return cancelled


def abort() -> NoReturn:
    """Abort a partition that was stopped; Dask reschedules it if still needed."""
    if _worker() is None:
        raise ClusterError("cluster.stopped")
    from distributed import Reschedule

    raise Reschedule


def _worker() -> Any:
    """Return the Dask worker whose task runs in this thread, or None."""
    try:
        from distributed import get_worker

        return get_worker()
    except (ImportError, ValueError):
        return None


def _session(settings: RunSettings) -> Session:
    names = () if settings.sandbox else OWN_VARIABLES
    environ = {name: os.environ[name] for name in names if name in os.environ}
    own, resolved = Settings(environ=environ), settings.resolved
    if settings.row is not None:
        models.hold(resolved.place, settings.row)
    if settings.keyed and settings.sends and not own.key(resolved):
        one, *_ = (*resolved.key_owner.variables, KEY_VARIABLE)
        raise ClusterError("cluster.no_key", one=one, other=KEY_FILE_VARIABLE)
    return Session(own)


def _journal(scratch: Path, owner: str) -> Journal:
    folder = scratch / FOLDER
    if (folder, owner) not in _journals:
        _journals[folder, owner] = Journal(folder, owner)
    return _journals[folder, owner]


def _finish(_graph: Any, _state: Any, broke: bool) -> None:
    if broke:
        _broken.append(None)


_breaks = Callback(finish=_finish)
