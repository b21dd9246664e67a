"""Background event loop, and how synchronous code waits on it.

Every request of every interface runs there. A waiting main thread stays interruptible:
KeyboardInterrupt cancels the coroutine, which closes its connection, before it
propagates to the caller. An error in a task ends that task only; the loop keeps
running.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from wcode_magics.errors import UsageError, print_error
from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage

T = TypeVar("T")

TICK_S = 0.5
WATCH_S = 0.1
HANG_UP_S = 2.0


class Loop:
    """Event loop on its own thread, running until :meth:`end`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_task_factory(_fenced_task)
        self.loop.set_default_executor(Threads())
        self._ending = False
        self._thread = threading.Thread(target=self._turn, name="wcode", daemon=True)
        self._thread.start()
        lifetime.begin(Stage.REQUESTS, self.cancel)
        lifetime.begin(Stage.LOOP, self.end)

    @property
    def turns(self) -> bool:
        """Whether the loop accepts tasks."""
        return self._thread.is_alive() and not self.loop.is_closed()

    @property
    def is_here(self) -> bool:
        """Whether the current thread is the loop's."""
        return self._thread is threading.current_thread()

    def cancel(self, seconds: float) -> None:
        """Cancel all tasks and wait until they have cleaned up."""
        cut = asyncio.run_coroutine_threadsafe(_cut_all(), self.loop)
        with suppress(FutureTimeoutError):
            cut.result(seconds)

    def end(self, seconds: float) -> None:
        """Stop the loop and join its thread."""
        self._ending = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(seconds)

    def _turn(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._ending and not self.loop.is_closed():
            try:
                self.loop.run_forever()
            except Exception:  # the loop itself is broken
                break
            except BaseException as wrong:  # raised by a callback
                print_error(_raised(wrong))
        self.loop.close()


async def _cut_all() -> None:
    mine = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not mine]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _fenced_task(
    loop: asyncio.AbstractEventLoop, work: Any, **more: Any
) -> "asyncio.Task[Any]":
    task: asyncio.Task[Any] = asyncio.Task(_fence(work), loop=loop, **more)
    task.add_done_callback(lambda _task: work.close())  # if it never started
    return task


async def _fence(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except BaseException as wrong:
        if is_stop(wrong):
            raise
        raise fenced(wrong) from wrong.__cause__


def is_stop(wrong: BaseException) -> bool:
    """Return whether an exception cancels the work on the user's behalf.

    KeyboardInterrupt does so in the main thread only; elsewhere some code raised it.
    """
    if isinstance(wrong, KeyboardInterrupt):
        return threading.current_thread() is threading.main_thread()
    return isinstance(wrong, (asyncio.CancelledError, GeneratorExit))


def fenced(wrong: BaseException) -> Exception:
    """Return an exception that ends one request instead of the whole loop.

    It replaces exceptions such as ``sys.exit()`` in a tool, a KeyboardInterrupt raised
    while a value is converted to text, or a panic of a library.
    """
    return wrong if isinstance(wrong, Exception) else _raised(wrong)


def _raised(wrong: BaseException) -> UsageError:
    error = UsageError("raised", name=type(wrong).__name__, reason=wrong)
    error.__cause__ = wrong
    return error


class Threads(ThreadPoolExecutor):
    """Executor with a thread for each call, as a pool's would be joined at exit."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **more: Any) -> Any:
        """Start a call on its own thread."""
        future: Future[Any] = Future()
        work = partial(call, *args, **more)
        threading.Thread(
            target=_fulfil, args=(future, work), name="wcode-call", daemon=True
        ).start()
        return future


def _fulfil(future: "Future[T]", work: Callable[[], T]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as wrong:
            future.set_exception(fenced(wrong))


class _Place:
    """Holder of this process's loop, if it has one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: Loop | None = None
        lifetime.own(self)

    def forget(self) -> Any:
        """Leave the loop to the parent process after a fork."""
        left, self._loop, self._lock = self._loop, None, threading.Lock()
        return left

    def loop(self) -> Loop:
        """Return the running loop, started on first use and replaced if broken."""
        with self._lock:
            if self._loop is None or not self._loop.turns:
                if lifetime.is_over():
                    raise UsageError("ending")
                if self._loop is not None:
                    print_error(UsageError("loop_broken"))
                self._loop = Loop()
            return self._loop


_place = _Place()


class LoopTask(Generic[T]):
    """Coroutine running on the loop.

    A cancelled future is done immediately; ``ended`` is set once its coroutine has
    cleaned up, too: the connection is closed and the partial answer is kept.
    """

    def __init__(self, call: Callable[..., Awaitable[T]], *args: Any) -> None:
        self.ended = threading.Event()
        self.future: Future[T] = Future()
        self._loop = _place.loop()
        self._loop.loop.call_soon_threadsafe(self._begin, call, args)

    def _begin(self, call: Callable[..., Awaitable[T]], args: Any) -> None:
        task = asyncio.ensure_future(_awaited(call, args))
        task.add_done_callback(self._end)
        self.future.add_done_callback(partial(_cut, task))

    def _end(self, task: "asyncio.Task[T]") -> None:
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            self.future.cancel()
        if self.future.set_running_or_notify_cancel():
            if error is None:
                self.future.set_result(task.result())
            else:
                self.future.set_exception(error)
        self.ended.set()

    def wait(self, tick: Callable[[], object] | None = None) -> T:
        """Return the result; the wait can be interrupted.

        ``tick`` is called periodically during the wait; its errors are ignored.
        """
        if self._loop.is_here:
            raise RuntimeError("the loop would wait for itself")
        while True:
            try:
                return self.future.result(TICK_S if tick is None else WATCH_S)
            except FutureTimeoutError:
                if self.future.done():
                    raise
                self.check()
                if tick is not None:
                    with suppress(Exception):
                        tick()
            except CancelledError:
                _rest_if_over()
                raise

    def check(self) -> None:
        """Raise UsageError if the loop has stopped, so no result will come."""
        if not self._loop.turns and not self.future.done():
            _rest_if_over()
            raise UsageError("loop_broken")

    def cancel(self) -> None:
        """Cancel the task and wait at most two seconds for it to end."""
        self.future.cancel()
        self.ended.wait(HANG_UP_S)


def _cut(task: "asyncio.Task[T]", future: "Future[T]") -> None:
    """Cancel the task of a cancelled future; a cycle would hold results for long."""
    if future.cancelled():
        with suppress(RuntimeError):  # loop closed: already cancelled
            task.get_loop().call_soon_threadsafe(task.cancel)


async def _awaited(call: Callable[..., Awaitable[T]], args: Any) -> T:
    return await call(*args)


def _rest_if_over() -> None:
    """Block a daemon thread at interpreter shutdown, so that it prints no error."""
    if lifetime.is_over() and threading.current_thread().daemon:
        threading.Event().wait()


def run(
    call: Callable[..., Awaitable[T]],
    *args: Any,
    tick: Callable[[], object] | None = None,
) -> T:
    """Run a coroutine on the loop and wait for its result, as :meth:`LoopTask.wait`."""
    task = LoopTask(call, *args)
    try:
        return task.wait(tick)
    except KeyboardInterrupt:
        task.cancel()
        raise


async def arun(call: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run a coroutine on the loop and await it from the caller's event loop.

    Interrupting a kernel cancels what its cell awaits but does not wake a sleeping
    event loop, so this function wakes periodically.
    """
    task = LoopTask(call, *args)
    run = asyncio.wrap_future(task.future)
    try:
        while not run.done():
            await asyncio.wait([run], timeout=TICK_S)
            task.check()
    except asyncio.CancelledError:
        run.cancel()
        raise
    if run.cancelled():
        _rest_if_over()
    return run.result()
