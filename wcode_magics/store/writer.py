"""Group commit: rows wait in a list until one thread has written them.

Whoever puts a row goes on at once. The thread gathers for :data:`BEHIND_S` seconds,
so that a commit carries many rows, and writes earlier when somebody waits for it.
Rows that could not be written stay in the list and are tried again; but one that is
itself the reason is set aside, lest none after it is ever kept.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from wcode_magics.errors import StoreError

Row = TypeVar("Row")

BEHIND_S = 0.02
RETRY_S = 1.0


class Writer(Generic[Row]):
    """Hands rows, in the order they came, to ``write`` on a thread of its own.

    ``write`` takes a list of rows and keeps all of them, or keeps none and raises:
    StoreError where the file is at fault, any other error where a row is.
    """

    def __init__(self, write: Callable[[list[Row]], None]) -> None:
        self._write = write
        self._rows: list[Row] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._error: StoreError | None = None
        self._aside: list[Exception] = []
        self.received = self._written = self._tries = 0
        self._hurry = self._closing = False

    def waiting(self) -> list[Row]:
        """The rows that are not written yet, oldest first."""
        with self._changed:
            return list(self._rows)

    def put(self, row: Row) -> None:
        """Leave a row to the thread; raises StoreError if the last write failed.

        Or if rows were set aside: once.
        """
        with self._changed:
            self._rows.append(row)
            self.received += 1
            if len(self._rows) == 1:
                self._wake()
            if self._error is not None:
                raise self._error
        if self._aside:
            self.tell_aside()

    def tell_aside(self) -> None:
        """Raise StoreError if rows were set aside and nobody was told."""
        with self._changed:
            aside, self._aside = self._aside, []
        if aside:
            reason = str(aside[0]) or type(aside[0]).__name__
            raise StoreError("store.unfit", count=len(aside), reason=reason)

    @property
    def closed(self) -> bool:
        """Whether nothing more is written."""
        return self._closing

    def flush(self, seconds: float) -> bool:
        """Wait until all that was put is written or set aside; whether it is in time.

        Raises:
            StoreError: it fails.
        """
        with self._changed:
            last, tries = self.received, self._tries
            if self._written == last:
                return True
            self._hurry = True
            self._wake()
            self._changed.wait_for(
                lambda: (
                    self._written >= last
                    or (self._tries > tries and self._error is not None)
                ),
                seconds,
            )
            if self._written < last and self._error is not None:
                raise self._error
            return self._written >= last

    def close(self, seconds: float) -> bool:
        """Write what waits and end the thread; whether it is in time.

        Raises:
            StoreError: it fails.
        """
        with self._changed:
            before, self._closing = self._closing, True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        elif not before:
            self._run()  # where the interpreter is ending, no thread can be started
        if self._rows and self._error is not None:
            raise self._error
        return not self._rows

    def _wake(self) -> None:
        if self._thread is None and not self._closing:
            thread = threading.Thread(target=self._run, name="wcode-store", daemon=True)
            with contextlib.suppress(RuntimeError):  # not while the interpreter ends
                thread.start()
                self._thread = thread
        self._changed.notify_all()

    def _run(self) -> None:
        while rows := self._gathered():
            done, error = self._attempt(rows)
            with self._changed:
                self._error = error
                self._tries += 1
                del self._rows[:done]
                self._written += done
                self._changed.notify_all()
                if error is not None and self._closing:
                    return

    def _gathered(self) -> list[Row]:
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self._closing)
            patience = BEHIND_S if self._error is None else RETRY_S
            self._changed.wait_for(lambda: self._hurry or self._closing, patience)
            self._hurry = False
            return list(self._rows)

    def _attempt(self, rows: list[Row]) -> tuple[int, StoreError | None]:
        """With how many rows it is over, and what keeps the others."""
        try:
            self._write(rows)
        except StoreError as error:
            return 0, error
        except Exception as wrong:
            if len(rows) > 1:
                return self._one_by_one(rows)
            with self._changed:
                self._aside.append(wrong)
        return len(rows), None

    def _one_by_one(self, rows: list[Row]) -> tuple[int, StoreError | None]:
        for number, row in enumerate(rows):
            _done, error = self._attempt([row])
            if error is not None:
                return number, error
        return len(rows), None
