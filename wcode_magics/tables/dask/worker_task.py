"""The Dask task that this thread runs, if it runs one."""

from collections.abc import Callable
from typing import Any, NoReturn


def worker_here() -> Any:
    """The Dask worker whose task runs in this thread; None: there is none."""
    try:
        from distributed import get_worker

        return get_worker()
    except (ImportError, ValueError):
        return None


def watch(worker: Any) -> Callable[[], bool]:
    """Whether the task that runs in this thread was cancelled since."""
    key = worker.get_current_task()

    def cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return cancelled


def leave() -> NoReturn:
    """End a worker's task, to begin anew should it be wanted again."""
    from distributed import Reschedule

    raise Reschedule
