"""Closing of a store: write pending answers, then close the file.

Holds no reference to the store, which may have been garbage-collected: a session that
was never closed.
"""

from wcode_magics.errors import StoreError, print_error
from wcode_magics.runtime import lifetime
from wcode_magics.store.file import File
from wcode_magics.store.row import StoredAnswer
from wcode_magics.store.writer import Writer


class Ending:
    """Closes the writer and the file of a store, once.

    Args:
        file: file to close.
        writer: writer to close first.
        seconds: how long answers may wait for another process that is writing.
    """

    def __init__(
        self, file: File, writer: Writer[StoredAnswer], seconds: float
    ) -> None:
        self._file, self._writer = file, writer
        self.seconds = seconds

    def close(self, seconds: float) -> None:
        """Write pending answers and close the file; a second call does nothing.

        Raises:
            StoreError: something could not be written.
        """
        lifetime.finish(self.end)
        try:
            self._write_rest(seconds)
        except StoreError as error:
            raise self._lost(error) from error
        finally:
            self._file.close()

    def _write_rest(self, seconds: float) -> None:
        if not self._writer.close(seconds):
            raise StoreError("store.slow", path=self._file.path)
        self._writer.raise_set_aside()

    def end(self, seconds: float) -> None:
        """Close at exit: report a StoreError instead of raising it."""
        try:
            self.close(min(seconds, self.seconds))
        except StoreError as error:
            print_error(error)

    def _lost(self, error: StoreError) -> StoreError:
        """Return the error for the answers still pending, if any."""
        waiting = len(self._writer)
        if not waiting:
            return error
        reason = error.facts.get("reason") or error.key.removeprefix("store.")
        facts = {"count": waiting, "path": self._file.path, "reason": reason}
        return StoreError("store.lost", **facts)
