"""Streams on the background loop, read from synchronous code or another loop."""

import asyncio
import queue
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from wcode_magics.runtime.loop import TICK_S, LoopTask, fenced

T = TypeVar("T")

_END = object()


async def _pump(
    source: Callable[[], AsyncGenerator[T, None]],
    put: Callable[[tuple[Any, Any]], object],
) -> None:
    items, error = source(), None
    try:
        async for item in items:
            put((item, None))
    except asyncio.CancelledError:
        raise
    except BaseException as wrong:
        error = fenced(wrong)
    finally:
        try:
            await items.aclose()
        finally:
            put((_END, error))


async def aiterate(
    source: Callable[[], AsyncGenerator[T, None]],
) -> AsyncGenerator[T, None]:
    """Iterate over a stream on the loop from the caller's event loop."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[tuple[Any, Any]]()
    wake: Any = loop.call_soon_threadsafe
    put = partial(wake, waiting.put_nowait)
    task = LoopTask(_pump, source, put)
    try:
        while True:
            try:
                item, error = await asyncio.wait_for(waiting.get(), TICK_S)
            except TimeoutError:
                task.check()
                continue
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        await asyncio.to_thread(task.cancel)


class LoopStream(Iterator[T]):
    """Stream on the loop, read synchronously by iteration or by :meth:`get`.

    ``over`` is True once the last item was read. ``close`` cancels the stream and waits
    at most two seconds until its connection is closed.
    """

    def __init__(self, source: Callable[[], AsyncGenerator[T, None]]) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.over = False
        self._task = LoopTask(_pump, source, self._queue.put)

    def get(self, seconds: float) -> T | None:
        """Return the next item; None if none came in time or the stream is over.

        Raises:
            Exception: the error that ended the stream.
        """
        try:
            item, error = self._queue.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            self._task.check()
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
        """Cancel the stream."""
        self._task.cancel()
