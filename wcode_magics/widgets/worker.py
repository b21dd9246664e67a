"""Jobs on a separate thread that can be stopped.

A callback that blocks would also block Stop, on every kernel. On ipykernel 7.0, a
thread without its starter's context cannot reach any widget.
"""

import contextvars
import threading
from collections.abc import Callable
from typing import Any

from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage

Job = Callable[[threading.Event], None]


class Worker:
    """Runner of one job at a time; a new job stops the previous one and follows it.

    ``failed`` is called with the error of a job, ``changed`` with whether a job is
    running.
    """

    def __init__(
        self,
        failed: Callable[[Exception], None],
        changed: Callable[[bool], None] = lambda _busy: None,
    ) -> None:
        self._failed = failed
        self._changed = changed
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._thread is not None

    def start(self, job: Job) -> None:
        """Start a job and return immediately."""
        with self._lock:
            self._stop.set()
            self._stop = threading.Event()
            work = (self._work, job, self._stop, self._thread)
            self._thread = in_context(*work)
            self._changed(True)
            lifetime.begin(Stage.PANELS, self._end)
            self._thread.start()

    def stop(self) -> None:
        """Request the job to stop; it checks for this ten times a second."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the job and return whether it ended in time."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return not self.busy

    def _end(self, seconds: float) -> None:
        self.stop()
        self.wait(seconds)

    def _work(
        self, job: Job, stop: threading.Event, before: threading.Thread | None
    ) -> None:
        if before is not None:
            before.join()
        try:
            if not stop.is_set():
                job(stop)
        except Exception as error:
            self._failed(error)
        finally:
            self._finish()

    def _finish(self) -> None:
        with self._lock:
            if self._thread is threading.current_thread():
                self._thread = None
                lifetime.finish(self._end)
                self._changed(False)


class Later:
    """Delayed call of a function, once ``seconds`` pass without a new request."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._timer: threading.Timer | None = None

    def ask(self) -> None:
        """Schedule the call, replacing a pending one."""
        self.forget()
        run = contextvars.copy_context().run
        self._timer = threading.Timer(self._seconds, run, (self._call,))
        self._timer.daemon = True
        lifetime.begin(Stage.PANELS, self.forget)
        self._timer.start()

    def forget(self, seconds: float = 0.0) -> None:
        """Cancel a pending call; wait up to ``seconds`` for one that has begun."""
        lifetime.finish(self.forget)
        if self._timer is not None:
            self._timer.cancel()
            if seconds:
                self._timer.join(seconds)


def in_context(call: Callable[..., object], *args: Any) -> threading.Thread:
    """Return an unstarted thread that runs in a copy of the current context."""
    run = contextvars.copy_context().run
    return threading.Thread(
        target=run, args=(call, *args), name="wcode-panel", daemon=True
    )
