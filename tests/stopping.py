"""Stop, pressed once the test has seen that what it is to stop runs."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AGAIN_S = 0.3
LATER_S = 0.05


@contextmanager
def once(
    happened: Callable[[], bool],
    act: Callable[[], object],
    *,
    later: float = LATER_S,
) -> Iterator[list[float]]:
    """Act soon after something has happened while the body runs; yields the moment."""
    moments: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not happened():
            if over.wait(0.005):
                return
        if over.wait(later):
            return
        moments.append(time.monotonic())
        act()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield moments
    finally:
        over.set()
        watcher.join()


@contextmanager
def interrupted(
    happened: Callable[[], bool], *, presses: int = 1
) -> Iterator[list[float]]:
    """Press Stop soon after something has happened in the body; yields the moment.

    A second press comes :data:`AGAIN_S` after the first was heard. No press is heard
    outside the body, and one that nothing there waits for fails the test alone.
    """
    main = threading.main_thread().ident
    over = threading.Event()
    heard = threading.Semaphore(0)

    def hear(number: int, frame: object) -> None:
        if not over.is_set():
            heard.release()
            signal.default_int_handler(number, frame)

    def press() -> None:
        for _ in range(presses - 1):
            signal.pthread_kill(main, signal.SIGINT)
            if not heard.acquire(timeout=30) or over.wait(AGAIN_S):
                return
        signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, hear)
    try:
        with once(happened, press) as moments:
            try:
                yield moments
            except KeyboardInterrupt as error:
                if type(error) is KeyboardInterrupt:
                    raise AssertionError("Stop came before or after the run") from error
                raise
            finally:
                over.set()
    finally:
        signal.signal(signal.SIGINT, before)
