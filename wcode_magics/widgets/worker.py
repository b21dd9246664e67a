"""Work off the kernel's threads, that can be stopped.

A callback that waits would keep Stop waiting as well, on every kernel. And on
ipykernel 7.0 a thread without its starter's context cannot reach any widget.
"""

import contextvars
import threading
from collections.abc import Callable
from typing import Any

from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage

Job = Callable[[threading.Event], None]


class Worker:
    """Runs one job at a time; a new one stops the one before and follows it.

    ``failed`` is given what a job raised; ``changed`` whether there is work.
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
        """Whether a job runs."""
        return self._thread is not None

    def start(self, job: Job) -> None:
        """Begin a job and return at once."""
        with self._lock:
            self._stop.set()
            self._stop = threading.Event()
            work = (self._work, job, self._stop, self._thread)
            self._thread = in_context(*work)
            self._changed(True)
            lifetime.begin(Stage.PANELS, self._end)
            self._thread.start()

    def stop(self) -> None:
        """Ask the job to end; it looks at this ten times a second."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Whether the work ended in time."""
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
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            if self._thread is threading.current_thread():
                self._thread = None
                lifetime.finish(self._end)
                self._changed(False)


class Later:
    """Calls a function once nothing has asked for it for ``seconds``."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._timer: threading.Timer | None = None

    def ask(self) -> None:
        """Ask for the call."""
        self.forget()
        run = contextvars.copy_context().run
        self._timer = threading.Timer(self._seconds, run, (self._call,))
        self._timer.daemon = True
        lifetime.begin(Stage.PANELS, self.forget)
        self._timer.start()

    def forget(self, seconds: float = 0.0) -> None:
        """Do not call after all; wait so long for a call that has begun."""
        lifetime.finish(self.forget)
        if self._timer is not None:
            self._timer.cancel()
            if seconds:
                self._timer.join(seconds)


def in_context(call: Callable[..., None], *args: Any) -> threading.Thread:
    """A thread, not started, that runs in a copy of this thread's context."""
    run = contextvars.copy_context().run
    return threading.Thread(
        target=run, args=(call, *args), name="wcode-panel", daemon=True
    )
