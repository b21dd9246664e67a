"""What lives beside the main thread: ended at exit, left behind at a fork.

Whatever has a thread, a timer, a server or a connection is registered here as long as
it lives. At exit all of it is ended in one order, and nothing is left to a finaliser:
a daemon thread that is joined while the interpreter is torn down never answers
(https://github.com/python/cpython/issues/123940).

What belongs to an owner that is never closed ends when nobody holds the owner any more
(:func:`follow`). A collector may notice that amid any lock, so it leaves the end to a
thread of its own.
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
"""How long all but the stores may take at exit, together."""
LEAST_S = 0.2
"""How long each of them may take, however long the ones before took."""
STORE_S = 20.0
"""How long stores may take with paid answers that another program's lock holds up."""
LAST_S = 1.0
"""How long a store may take after Ctrl-C."""


class Stage(IntEnum):
    """In which order things end: what sends, what is sent, what keeps it."""

    PANELS = 0
    REQUESTS = 1
    CONNECTIONS = 2
    JOURNALS = 3
    STORES = 4
    LOOP = 5


End = Callable[[float], object]
"""Ends something; is given how many seconds it may wait."""


class Inherited(Protocol):
    """What a forked process inherits and cannot use."""

    def forget(self) -> Any:
        """Let go of what has threads or connections of the parent's, and return it."""


_live: dict[End, Stage] = {}
_owners: WeakSet[Any] = WeakSet()
_kept: list[Any] = []
_over = threading.Event()
_left: "SimpleQueue[End]" = SimpleQueue()
_sweepers: list[threading.Thread] = []
_sweeping, _ending = threading.Lock(), threading.Lock()


def begin(stage: Stage, end: End) -> None:
    """Have ``end`` called at exit, until :func:`finish` says that it need not."""
    if not _live and "multiprocessing.process" in sys.modules:
        _end_with_process()
    _live[end] = stage


def follow(owner: object, end: End) -> None:
    """Have ``end`` called once nobody holds ``owner``, which ``end`` does not hold."""
    weakref.finalize(owner, _left.put, end).atexit = False
    _sweeper()


def finish(end: End) -> None:
    """It has ended by itself."""
    _live.pop(end, None)


def is_over() -> bool:
    """Whether the interpreter is ending: nothing new can begin."""
    return _over.is_set()


def own(owner: Inherited) -> None:
    """Have ``owner.forget()`` called in a process that is forked from this one.

    What it returns can neither be used nor closed there, so it is never freed.
    """
    _owners.add(owner)


@atexit.register
def end_all() -> None:
    """End everything that lives, stage by stage, the newest first."""
    _over.set()
    late = time.monotonic() + END_S
    with _interrupts(signal.SIG_IGN):
        if _ending.acquire(timeout=END_S):  # the last that the sweeper ends
            _ending.release()
        for stage in Stage:
            for end in _living(stage):
                if stage is Stage.STORES:
                    _end_store(end)
                else:
                    _end(end, max(LEAST_S, late - time.monotonic()))


def _end_store(end: End) -> None:
    """Paid answers may wait for another program's lock, but not against Ctrl-C."""
    try:
        with _interrupts(signal.default_int_handler):
            _end(end, STORE_S)
    except KeyboardInterrupt:
        _end(end, LAST_S)


def _sweeper() -> None:
    """Have the thread that ends what was left behind, in each process."""
    with _sweeping, suppress(RuntimeError):  # not while the interpreter ends
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
    """Have Ctrl-C handled so meanwhile, where this thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if before is not None:  # None: it was not set from Python
            signal.signal(signal.SIGINT, before)


def _end_with_process() -> None:
    """Processes of multiprocessing leave without :mod:`atexit`."""
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
