"""Stop of a run: first nothing more is sent, then nothing is waited for."""

import asyncio
import time

GRACE_S = 5.0


class RunStop:
    """Stop of the workers of one run, on the event loop that it is bound to.

    ``pausing``: nothing more may be sent.
    """

    def __init__(self) -> None:
        self.pausing = False
        self._pausing, self._leaving = asyncio.Event(), asyncio.Event()
        self._flying: set[asyncio.Task[None]] = set()
        self.in_flight = InFlight(self._flying)
        self._calls = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self) -> None:
        """Bind to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def pause(self) -> None:
        """Stop sending; in-flight answers have :data:`GRACE_S` seconds to arrive."""
        self.pausing = True
        self._pausing.set()

    def stop(self) -> None:
        """Pause the run; a second call stops it immediately. Thread-safe."""
        self._calls += 1
        end = self.pause if self._calls == 1 else self._leaving.set
        if self._loop is None:
            end()
        else:
            self._loop.call_soon_threadsafe(end)

    async def until_done(self, workers: set[asyncio.Task[None]]) -> None:
        """Wait for workers; once stopped, only for those that have sent something."""
        pending = await _ended(workers, self._pausing, None)
        for worker in pending - self._flying:
            worker.cancel()
        await _ended(pending, self._leaving, GRACE_S)


class InFlight:
    """Lets the current task finish what it sends in the body of ``with``."""

    def __init__(self, tasks: set[asyncio.Task[None]]) -> None:
        self._tasks = tasks

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)

    def __exit__(self, *_error: object) -> None:
        self._tasks.remove(asyncio.current_task())  # type: ignore[arg-type]


async def _ended(
    workers: set[asyncio.Task[None]], event: asyncio.Event, seconds: float | None
) -> set[asyncio.Task[None]]:
    """Wait for all workers, the event or the timeout; return the unfinished workers."""
    stopping = asyncio.create_task(event.wait())
    late = None if seconds is None else time.monotonic() + seconds
    try:
        while workers and not stopping.done():
            left = None if late is None else late - time.monotonic()
            done, _ = await asyncio.wait(
                {*workers, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            workers = workers - done
            for worker in done - {stopping}:
                if not worker.cancelled():
                    worker.result()
    finally:
        stopping.cancel()
    return workers
