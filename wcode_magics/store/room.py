"""Room on the disk for answers that are still on their way.

It is measured before a row is sent. So sending stops on a disk that fills up while
what is already paid for still fits.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from wcode_magics.errors import StoreError
from wcode_magics.store.file import File
from wcode_magics.store.file_system import longest_file, space

FIRST = 1_024
"""Bytes that an answer is taken to need before any has been written."""
MEMORY = 64
"""Number of answers that the mean size remembers."""
SPARE = 1.5
"""How much more than the mean size is kept free for each answer."""
SPLITS = 16_384
"""Bytes that a commit may need beyond its answers: a page of each table and index."""


class Room:
    """Space that the file of a store can still take, as of its last commit."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._each = float(FIRST)
        self._space = 0.0

    def lacks(self, answers: int) -> bool:
        """Return whether there may be too little space for some answers."""
        return self._space < SPLITS + answers * self._each * SPARE

    def check(self, answers: int) -> None:
        """Measure the space; raise StoreError if there is too little."""
        self._measure()
        if self.lacks(answers):
            raise StoreError("store.full", path=self._file.path)

    @contextmanager
    def measured(self, answers: int) -> Iterator[None]:
        """Measure what some answers take while they are written, and what is left."""
        before = self._file.extent.used
        yield
        taken = max(0, self._file.extent.used - before)  # less if others were deleted
        self._each = (self._each * MEMORY + taken) / (MEMORY + answers)
        self._measure()

    def _measure(self) -> None:
        used, free = self._file.extent
        on_disk = space(self._file.path) / 2  # the journal takes as much
        self._space = free + min(on_disk, longest_file() - used - free)
