"""The one background event loop, and how synchronous code waits on it.

Every request of every face runs there. A waiting main thread stays interruptible:
KeyboardInterrupt cancels the coroutine, so that its connection is closed, before it
goes on to the caller.
"""

import asyncio
import atexit
import gc
import os
import queue
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

T = TypeVar("T")

TICK_S = 0.5
HANG_UP_S = 2.0

_lock = threading.Lock()
_open = ExitStack()
_portals: list["BlockingPortal"] = []
_owners: WeakSet[Any] = WeakSet()
_lost: list[Any] = []


def portal() -> "BlockingPortal":
    """The portal to the loop, started on first use, stopped at exit."""
    with _lock:
        if not _portals:
            from anyio.from_thread import start_blocking_portal

            context = start_blocking_portal(name="wcode")
            _portals.append(_open.enter_context(context))
        return _portals[0]


def own(owner: Any) -> None:
    """Have ``owner.forget()`` called in a process that is forked from this one.

    What it returns has threads or connections of the parent's. It can neither be used
    nor closed there, so it is never freed.
    """
    _owners.add(owner)


def _forked() -> None:
    global _lock, _open
    for running in _portals:
        running.call = _gone  # type: ignore[assignment, method-assign]
    _lock, _open = threading.Lock(), ExitStack()
    _portals.clear()
    _lost.extend(owner.forget() for owner in list(_owners))
    _lost.append(_lost)
    gc.freeze()


def _gone(*_call: Any) -> NoReturn:
    raise RuntimeError("the loop stayed in the process that this one was forked from")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@atexit.register
def _leave() -> None:
    """Registered before any session is, so that it runs after all of them closed."""
    for running in _portals:
        with suppress(RuntimeError):
            running.call(running.stop, True)


class Task(Generic[T]):
    """A coroutine on the loop.

    A future that is cancelled is done at once; ``ended`` tells that its coroutine
    has cleaned up, too: the connection is closed and the partial answer is kept.
    """

    def __init__(self, call: Callable[..., Awaitable[T]], *args: Any) -> None:
        self.ended = threading.Event()
        self.future: Future[T] = portal().start_task_soon(self._run, call, *args)

    async def _run(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        try:
            return await call(*args)
        finally:
            self.ended.set()

    def wait(self) -> T:
        """The result; an interrupt gets through while it is waited for."""
        while True:
            try:
                return self.future.result(TICK_S)
            except FutureTimeoutError:
                if self.future.done():
                    raise

    def cancel(self) -> None:
        """Stop it, and wait at most two seconds for its end."""
        self.future.cancel()
        self.ended.wait(HANG_UP_S)


def run(call: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run a coroutine on the loop and wait for its result."""
    task = Task(call, *args)
    try:
        return task.wait()
    except KeyboardInterrupt:
        task.cancel()
        raise


async def arun(call: Callable[..., Awaitable[T]], *args: Any) -> T:
    """The same for a caller with an event loop of its own.

    A kernel that is interrupted cancels what its cell awaits, but wakes no loop that
    sleeps; so this one wakes by itself.
    """
    run = asyncio.wrap_future(Task(call, *args).future)
    try:
        while not run.done():
            await asyncio.wait([run], timeout=TICK_S)
    except asyncio.CancelledError:
        run.cancel()
        raise
    return run.result()


_END = object()


async def _pump(
    source: Callable[[], AsyncGenerator[T, None]],
    put: Callable[[tuple[Any, Any]], object],
) -> None:
    items = source()
    try:
        async for item in items:
            put((item, None))
    except Exception as error:
        put((_END, error))
    else:
        put((_END, None))
    finally:
        await items.aclose()


async def aiterate(
    source: Callable[[], AsyncGenerator[T, None]],
) -> AsyncGenerator[T, None]:
    """A stream on the loop, for a caller with an event loop of its own."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[tuple[Any, Any]]()
    wake: Any = loop.call_soon_threadsafe
    put = partial(wake, waiting.put_nowait)
    task = Task(_pump, source, put)
    try:
        while True:
            item, error = await waiting.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        await asyncio.to_thread(task.cancel)


class Flow(Iterator[T]):
    """A stream on the loop, read here: iterate, or :meth:`get` with patience.

    ``over`` tells that the last item was taken. ``close`` cancels the stream and
    waits, at most two seconds, until its connection is closed.
    """

    def __init__(self, source: Callable[[], AsyncGenerator[T, None]]) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.over = False
        self._task = Task(_pump, source, self._queue.put)

    def get(self, seconds: float) -> T | None:
        """The next item; None when none came in time or the stream is over.

        Raises:
            Exception: whatever the stream failed with.
        """
        try:
            item, error = self._queue.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None
        self.over = item is _END
        if error is not None:
            raise error
        return None if self.over else item

    def __next__(self) -> T:
        while not self.over:
            item = self.get(TICK_S)
            if item is not None:
                return item
        raise StopIteration

    def close(self) -> None:
        """Hang up."""
        self._task.cancel()
