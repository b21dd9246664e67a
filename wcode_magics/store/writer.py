"""Group commit: rows wait in a list until a background thread has written them.

The caller never waits for a write. The thread gathers rows for :data:`BEHIND_S`
seconds, so that a commit carries many rows, and writes earlier if a caller flushes.
Rows that could not be written stay in the list and are retried; but a row that itself
causes the failure is set aside, so that it does not block later ones. A list that fails
is written in halves where that may help, so that as many rows as fit are on disk.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from wcode_magics.errors import StoreError

Row = TypeVar("Row")

BEHIND_S = 0.02
GROUP = 64
"""Rows that are written at once, without waiting for more."""
BACKLOG = 1_024
"""Rows in memory beyond which callers should wait before they add to them."""
RETRY_S = 1.0


class Writer(Generic[Row]):
    """Passes rows, in order of arrival, to ``write`` on a dedicated thread.

    ``write`` takes a list of rows and stores all of them, or stores none and raises:
    StoreError if the file is at fault, any other error if a row is. ``fewer_fit`` tells
    whether a part of the rows may be written where such an error is raised.
    """

    def __init__(
        self,
        write: Callable[[list[Row]], None],
        fewer_fit: Callable[[StoreError], bool],
    ) -> None:
        self._write, self._fewer_fit = write, fewer_fit
        self._rows: list[Row] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._error: StoreError | None = None
        self._aside: list[Exception] = []
        self.received = self._written = self._tries = 0
        self._hurry = self._closing = False

    def waiting(self) -> list[Row]:
        """Return the rows not written yet, oldest first."""
        with self._changed:
            return list(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, row: Row) -> None:
        """Queue a row; raises StoreError if the last write failed.

        Also raises it, once, if rows were set aside.
        """
        with self._changed:
            self._rows.append(row)
            self.received += 1
            if len(self._rows) in (1, GROUP):
                self._wake()
            if self._error is not None:
                raise self._error
        if self._aside:
            self.raise_set_aside()

    def raise_set_aside(self) -> None:
        """Raise StoreError if rows were set aside and not yet reported."""
        with self._changed:
            aside, self._aside = self._aside, []
        if aside:
            reason = str(aside[0]) or type(aside[0]).__name__
            raise StoreError("store.unfit", count=len(aside), reason=reason)

    @property
    def behind(self) -> bool:
        """Whether more rows than :data:`BACKLOG` wait for a write that may succeed."""
        return len(self._rows) > BACKLOG and self._error is None

    @property
    def closed(self) -> bool:
        """Whether the writer accepts no more rows."""
        return self._closing

    def flush(self, seconds: float) -> bool:
        """Wait until all queued rows are written or set aside; False on timeout.

        Raises:
            StoreError: the write fails.
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
        """Write pending rows and end the thread; False on timeout.

        Raises:
            StoreError: the write fails.
        """
        with self._changed:
            before, self._closing = self._closing, True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        elif not before:
            self._run()  # no thread can be started at interpreter exit
        if self._rows and self._error is not None:
            raise self._error
        return not self._rows

    def _wake(self) -> None:
        if self._thread is None and not self._closing:
            thread = threading.Thread(target=self._run, name="wcode-store", daemon=True)
            with contextlib.suppress(RuntimeError):  # raised at interpreter exit
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
            self._changed.wait_for(self._is_due, patience)
            self._hurry = False
            return list(self._rows)

    def _is_due(self) -> bool:
        full = len(self._rows) >= GROUP and self._error is None
        return full or self._hurry or self._closing

    def _attempt(self, rows: list[Row]) -> tuple[int, StoreError | None]:
        """Return the number of rows finished, and the error that blocks the others."""
        try:
            self._write(rows)
        except StoreError as error:
            with self._changed:
                self._error = error
            if len(rows) == 1 or not self._fewer_fit(error):
                return 0, error
            return self._in_halves(rows)
        except Exception as wrong:
            if len(rows) > 1:
                return self._in_halves(rows)
            with self._changed:
                self._aside.append(wrong)
        return len(rows), None

    def _in_halves(self, rows: list[Row]) -> tuple[int, StoreError | None]:
        middle = len(rows) // 2
        done, error = self._attempt(rows[:middle])
        if error is None:
            more, error = self._attempt(rows[middle:])
            done += more
        return done, error
