"""The Dask task running in the current thread, if any."""

from collections.abc import Callable
from typing import Any, NoReturn


def worker_here() -> Any:
    """Return the Dask worker whose task runs in this thread, or None."""
    try:
        from distributed import get_worker

        return get_worker()
    except (ImportError, ValueError):
        return None


def watch(worker: Any) -> Callable[[], bool]:
    """Return a function that tells whether this thread's task was cancelled."""
    key = worker.get_current_task()

    def cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return cancelled


def leave() -> NoReturn:
    """Abort the task; Dask reschedules it if it is still needed."""
    from distributed import Reschedule

    raise Reschedule
