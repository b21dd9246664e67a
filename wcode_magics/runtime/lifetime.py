"""Resources beside the main thread: ended at exit, abandoned after a fork.

Anything that has a thread, timer, server or connection is registered here while it is
live. At exit everything is ended in a fixed order, and nothing is left to a finalizer:
joining a daemon thread during interpreter shutdown never returns
(https://github.com/python/cpython/issues/123940).

Resources of an owner that is never closed end once the owner is garbage-collected
(:func:`follow`). The collector may run while any lock is held, so it hands the cleanup
to a separate thread.
"""

import atexit
import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from queue import SimpleQueue
from typing import Any, Protocol
from weakref import WeakSet

END_S = 2.0
"""Seconds that everything but the stores may take at exit, in total."""
LEAST_S = 0.2
"""Minimum seconds for each of them, however long the earlier ones took."""
STORE_S = 20.0
"""Seconds a store may wait for another program's lock to save paid answers."""
LAST_S = 1.0
"""Seconds a store may take after Ctrl-C."""


class Stage(IntEnum):
    """Order of shutdown: what sends, what is in flight, what stores it."""

    PANELS = 0
    REQUESTS = 1
    CONNECTIONS = 2
    JOURNALS = 3
    STORES = 4
    LOOP = 5


End = Callable[[float], object]
"""Callback that ends a resource; receives the seconds it may wait."""


class Inherited(Protocol):
    """Resource that a forked process inherits and cannot use."""

    def forget(self) -> Any:
        """Drop and return what has threads or connections of the parent process."""


_live: dict[End, Stage] = {}
_owners: WeakSet[Any] = WeakSet()
_kept: list[Any] = []
_over = threading.Event()
_left: "SimpleQueue[End]" = SimpleQueue()
_sweepers: list[threading.Thread] = []
_sweeping, _ending = threading.Lock(), threading.Lock()


def begin(stage: Stage, end: End) -> None:
    """Call ``end`` at exit, unless :func:`finish` unregisters it before."""
    if not _live and "multiprocessing.process" in sys.modules:
        _end_with_process()
    _live[end] = stage


def follow(owner: object, end: End) -> None:
    """Call ``end`` once ``owner`` is collected; ``end`` must not reference it."""
    weakref.finalize(owner, _left.put, end).atexit = False
    _sweeper()


def finish(end: End) -> None:
    """Unregister ``end``: the resource has already ended."""
    _live.pop(end, None)


def is_over() -> bool:
    """Return whether the interpreter is shutting down, so nothing new can start."""
    return _over.is_set()


def own(owner: Inherited) -> None:
    """Call ``owner.forget()`` in every process forked from this one.

    Its result can be neither used nor closed there, so it is never freed.
    """
    _owners.add(owner)


@atexit.register
def end_all() -> None:
    """End all live resources, stage by stage, newest first."""
    _over.set()
    late = time.monotonic() + END_S
    with _interrupts(signal.SIG_IGN):
        if _ending.acquire(timeout=END_S):  # wait for the sweeper
            _ending.release()
        for stage in Stage:
            for end in _living(stage):
                if stage is Stage.STORES:
                    _end_store(end)
                else:
                    _end(end, max(LEAST_S, late - time.monotonic()))


def _end_store(end: End) -> None:
    """End a store, which may wait for another program's lock until Ctrl-C."""
    try:
        with _interrupts(signal.default_int_handler):
            _end(end, STORE_S)
    except KeyboardInterrupt:
        _end(end, LAST_S)


def _sweeper() -> None:
    """Start the thread that ends resources of collected owners, once per process."""
    with _sweeping, suppress(RuntimeError):  # raised during shutdown
        if not any(thread.is_alive() for thread in _sweepers):
            thread = threading.Thread(target=_sweep, name="wcode-end", daemon=True)
            thread.start()
            _sweepers[:] = [thread]


def _sweep() -> None:
    while True:
        end = _left.get()
        with _ending:
            if _over.is_set():
                return
            _end(end, STORE_S)


def _end(end: End, seconds: float) -> None:
    with suppress(Exception):
        end(seconds)


def _living(stage: Stage) -> Iterator[End]:
    while ends := [end for end, when in [*_live.items()] if when is stage]:
        _live.pop(ends[-1], None)
        yield ends[-1]


@contextmanager
def _interrupts(handler: Any) -> Iterator[None]:
    """Set the Ctrl-C handler for the body, if this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if before is not None:  # None: not installed from Python
            signal.signal(signal.SIGINT, before)


def _end_with_process() -> None:
    """Run :func:`end_all` in multiprocessing children, which skip :mod:`atexit`."""
    from multiprocessing import parent_process, util

    if parent_process() is not None:
        util.Finalize(None, end_all, exitpriority=0)


def _forked() -> None:
    global _left, _sweeping, _ending
    _left, _sweeping, _ending = SimpleQueue(), threading.Lock(), threading.Lock()
    _sweepers.clear()
    _kept.extend([dict(_live), _kept])
    _kept.extend(owner.forget() for owner in list(_owners))
    _live.clear()
    gc.freeze()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
