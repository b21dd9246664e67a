"""Rows that a person reviews: their order, and gold written at each decision.

Gold goes into the frame itself, in the column ``gold``, and as a line of JSON into a
file, so that nothing is lost with the kernel: a queue over the same rows begins with
what the file has. ``<gold>_sample`` is true for rows that were drawn at random, whose
gold alone is a fair basis of an estimate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.evaluation.evaluation import Evaluation
from wcode_magics.evaluation.graded import confidences_of
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.tables.call_records import NEEDS, calls_of, claim_gold
from wcode_magics.tables.columns import column_in, has_column
from wcode_magics.tables.gold import answer_column, graded, labels_of
from wcode_magics.tables.gold_columns import GoldColumns
from wcode_magics.tables.gold_file import GoldFile, digest
from wcode_magics.tables.gold_values import number_of, spelled, spelled_one, text_of
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of

SEED = 20_261
MOST_CHOICES = 9
"""Keys 1 to 9."""


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One row to review: its position and index, columns of text, answer and choices.

    ``answer`` is None if the row has none; ``shares`` are the probabilities of the
    choices, nan if unknown.
    """

    place: int
    index: str
    texts: tuple[tuple[str, str], ...]
    answer: str | None
    confidence: float
    shares: tuple[tuple[str, float], ...]
    drawn: bool


class ReviewQueue:
    """Rows in the order of review; ``choose``, ``skip`` and ``undo``.

    Args:
        frame: answered rows; gold is written into it.
        of: column of answers; None: the only one with probabilities.
        gold: column of gold, added if it is missing.
        sample: review so many rows drawn at random, in place of those that most need a
            person: without an answer, then without a confidence, then the least sure.
        texts: columns to show; by default those that the template uses.
        path: file of gold; None: none.

    Raises:
        UsageError: a column is missing or ambiguous, nothing can be chosen from, the
            column of gold holds that of another column, or ``sample`` is invalid.
        OSError: the file cannot be read.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        of: str | None = None,
        gold: str = "gold",
        sample: int | None = None,
        texts: Sequence[str] = (),
        path: Path | None = None,
    ) -> None:
        if sample is not None and (type(sample) is not int or sample < 1):
            raise UsageError("evaluate.sample", given=repr(sample))
        self.frame, self.gold, self.into = frame, gold, answer_column(frame, of)
        self._file = None if path is None else GoldFile(path, gold, self.into)
        self._sampled = sample
        self._call = _call_of(frame, self.into)
        self._answers = spelled(column_in(frame, self.into))
        self.choices = self._choices()
        self._texts = tuple(texts) or self._used()
        owner = claim_gold(frame, gold, self.into)
        if owner != self.into:
            raise UsageError("evaluate.gold_of", gold=gold, other=owner, into=self.into)
        self._columns = GoldColumns(frame, gold, self.into)
        self._restore()
        self._at = 0
        self._done: list[tuple[int, Any, bool] | None] = []
        self._later: list[tuple[int, int]] = []
        self.order = self._order()
        self._mark_passed()

    def __len__(self) -> int:
        return len(self.order)

    @property
    def drawn(self) -> bool:
        """Whether the rows are drawn at random."""
        return self._sampled is not None

    @property
    def done(self) -> int:
        """Rows decided or skipped so far."""
        return self._at

    def row(self, number: int) -> ReviewRow | None:
        """Return the row at a place of the queue, or None past its end."""
        if number >= len(self.order):
            return None
        place = int(self.order[number])
        p = f"{self.into}_p"
        texts = ((name, text_of(self._cell(name, place))) for name in self._texts)
        return ReviewRow(
            place,
            str(self.frame.index[place]),
            tuple(texts),
            self._answers[place],
            self._number(p, place),
            tuple((name, self._number(f"{p}_{name}", place)) for name in self.choices),
            self.drawn,
        )

    def accepts(self, choice: str | None, place: int) -> bool:
        """Whether a row's gold may be this: one of the choices, or its own answer."""
        return choice is not None and choice in {*self.choices, self._answers[place]}

    def choose(self, choice: str) -> None:
        """Write a choice as the current row's gold, and go to the next row.

        Raises:
            OSError: the file cannot be written; the frame has the gold.
        """
        place = int(self.order[self._at])
        self._done.append((place, *self._columns.row(place)))
        self._columns.put({place: (self._columns.value(choice), self.drawn)})
        self._at += 1
        passed = self._mark_passed()
        self._write(place, choice, drawn=self.drawn)
        self._write_marks(passed)

    def skip(self) -> None:
        """Leave the current row without gold, and go to the next one.

        Raises:
            OSError: the file cannot be written.
        """
        self._done.append(None)
        self._at += 1
        self._write_marks(self._mark_passed())

    def undo(self) -> bool:
        """Undo the last choice or skip; False if there is none.

        Raises:
            OSError: the file cannot be written.
        """
        if not self._done:
            return False
        before = self._done.pop()
        self._at -= 1
        passed = self._mark_passed()
        if before is not None:
            place, gold, drawn = before
            self._columns.put({place: (gold, drawn)})
            self._write(place, spelled_one(gold), drawn=self.drawn)
        self._write_marks(passed)
        return True

    def evaluation(self) -> Evaluation | None:
        """Evaluate the rows that were drawn at random; None while there are none."""
        rows = self._columns.gold.notna().to_numpy(bool) & self._columns.drawn
        if not rows.any():
            return None
        some = self.frame.iloc[np.flatnonzero(rows)]
        try:
            return Evaluation(graded(some, self.gold, of=self.into), {})
        except UsageError:
            return None

    def reply(self, place: int) -> Reply | None:
        """Return the stored reply of a row, or None if it is not found."""
        if self._call is None:
            return None
        try:
            run = _run_of(self.frame.iloc[[place]], self._call)
            ask = next(iter(run.rows.requests()), None)
            if not isinstance(ask, Request):
                return None
            store = run.session.pool.store(run.resolved)
            found = store.get_many([ask], base_url=run.session.place(run.resolved))
            return found.get(ask.hash)
        except WcodeError:
            return None

    def _choices(self) -> tuple[str, ...]:
        if types.is_bool_dtype(column_in(self.frame, self.into).dtype):
            return ("true", "false")
        found = labels_of(self.frame, self.into)
        if not found:
            seen = pd.Series(self._answers, dtype=object).value_counts()
            found = tuple(map(str, seen.index[: MOST_CHOICES + 1]))
        if len(found) < 2:
            raise UsageError("evaluate.nothing_to_choose", name=self.into)
        return found

    def _used(self) -> tuple[str, ...]:
        if self._call is not None:
            try:
                used = _run_of(self.frame.iloc[:0], self._call).rows.used
                return tuple(name for name in used if name in self.frame.columns)
            except WcodeError:
                pass
        texts = [
            name
            for name in self.frame.columns
            if isinstance(name, str)
            and types.is_string_dtype(self.frame[name].dtype)
            and not name.startswith((self.into, self.gold))
        ]
        return tuple(texts[:1])

    def _order(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        empty = self._columns.gold.isna().to_numpy(bool)
        answered = column_in(self.frame, self.into).notna().to_numpy(bool)
        if self._sampled is not None:
            shuffled = np.random.default_rng(SEED).permutation(len(self.frame))
            drawn = shuffled[answered[shuffled]][: self._sampled]
            left = empty[drawn]
            ends = np.minimum(np.cumsum(left) + 1, left.sum())
            chosen = ~left & ~self._columns.drawn[drawn]  # chosen before, drawn as well
            self._later = [
                *zip(ends[chosen].tolist(), drawn[chosen].tolist(), strict=True)
            ]
            return drawn[left].astype(np.int64)
        p = np.full(len(self.frame), math.nan)
        if has_column(self.frame, f"{self.into}_p"):
            p = confidences_of(column_in(self.frame, f"{self.into}_p"))
        need = np.where(answered, np.where(np.isnan(p), -1.0, p), -2.0)
        order = np.argsort(need, kind="stable")
        return order[empty[order]].astype(np.int64)

    def _mark_passed(self) -> list[int]:
        """Mark rows with gold as drawn once a later row of the draw was decided.

        So the marked rows are those that were drawn first, whatever had gold before.
        Return the rows whose mark changed.
        """
        drawn = self._columns.drawn
        changed = [row for end, row in self._later if (end <= self._at) != drawn[row]]
        if changed:
            self._columns.flip(changed)
        return changed

    def _write(self, place: int, gold: str | None, *, drawn: bool) -> None:
        if self._file is not None:
            self._file.append(self._key(place), gold, drawn=drawn)

    def _write_marks(self, places: Sequence[int]) -> None:
        drawn = self._columns.drawn
        for place in places:
            gold = spelled_one(self._cell(self.gold, place))
            self._write(place, gold, drawn=bool(drawn[place]))

    def _restore(self) -> None:
        """Take over gold from the file, for rows of the same index and text."""
        known = {} if self._file is None else self._file.read()
        if not known:
            return
        names = {row for row, _text in known}
        restored = {}
        empty = self._columns.gold.isna().to_numpy(bool)
        for place, index in enumerate(map(str, self.frame.index)):
            if index in names and empty[place]:
                gold, drawn = known.get(self._key(place), (None, False))
                if gold is not None and self.accepts(gold, place):
                    restored[place] = self._columns.value(gold), drawn
        self._columns.put(restored)

    def _key(self, place: int) -> tuple[str, str]:
        texts = [text_of(self._cell(name, place)) for name in self._texts]
        return str(self.frame.index[place]), digest(texts)

    def _number(self, name: str, place: int) -> float:
        known = has_column(self.frame, name)
        return number_of(self._cell(name, place)) if known else math.nan

    def _cell(self, name: str, place: int) -> Any:
        return column_in(self.frame, name).iloc[place]


def _call_of(frame: pd.DataFrame, into: str) -> dict[str, Any] | None:
    """Return the call that produced a column of answers, if it is known."""
    calls = calls_of(frame)
    objects = [call for call in calls.values() if call.get("schema") is not None]
    found = calls.get(into) or (objects[0] if len(objects) == 1 else None)
    return None if found is None or found.get(NEEDS) else dict(found)


def _run_of(frame: pd.DataFrame, call: dict[str, Any]) -> TableRun:
    arguments = {**call, "overwrite": True, "progress": False}
    return call_of(frame, arguments.pop("template"), arguments)
