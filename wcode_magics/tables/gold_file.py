"""A file of gold: one line of JSON per decision, the last one counts."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wcode_magics.protocol.json_extraction import parsed

DEFAULT = "gold"
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class GoldFile:
    """Gold by row, next to a notebook.

    A row is known by its index and a digest of its texts, so gold is found again in a
    table that was sorted or extended, and not put on another text. Each line names the
    columns of gold and of answers; only lines of these two are read. A line without
    names is of the column ``gold``.
    """

    path: Path
    gold: str = DEFAULT
    into: str = ""

    def read(self) -> dict[tuple[str, str], tuple[str | None, bool]]:
        """Return gold, and whether the row was drawn at random, by index and digest.

        Raises:
            OSError: the file cannot be read.
        """
        found: dict[tuple[str, str], tuple[str | None, bool]] = {}
        if not self.path.exists():
            return found
        for line in self.path.read_text("utf-8", errors="replace").split("\n"):
            try:
                entry = parsed(line)
                of = entry.get("column", DEFAULT), entry.get("of", self.into)
                if of != (self.gold, self.into):
                    continue
                key = str(entry["row"]), str(entry["text"])
                gold = None if entry["gold"] is None else str(entry["gold"])
                found[key] = gold, bool(entry["sample"])
            except (
                ValueError,
                LookupError,
                TypeError,
                AttributeError,
            ):  # a line that was cut off
                continue
        return found

    def append(self, key: tuple[str, str], gold: str | None, *, drawn: bool) -> None:
        """Add a decision; None takes gold back.

        Raises:
            OSError: the file cannot be written.
        """
        line = {"row": key[0], "text": key[1], "gold": gold, "sample": drawn}
        line |= {"column": self.gold, "of": self.into}
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # the last line was cut off
                    file.write(b"\n")
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())


def digest(texts: Sequence[str]) -> str:
    """Return a short digest of a row's texts."""
    return hashlib.sha256(repr([*texts]).encode()).hexdigest()[:_DIGITS]
