"""How far a run is, where the person can see it, and how it is waited for."""

import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Protocol, TypeVar

from wcode_magics.flow.batch import Batch
from wcode_magics.flow.outcome import GOOD, Outcome, Tally
from wcode_magics.text import say

T = TypeVar("T")

TICK_S = 0.1
DELAY_S = 1.0


class Bar:
    """A bar of tqdm over a tally: rows, failed, replayed, ¥.

    It appears after a second and goes when all is done. ``shown`` False: none.
    """

    def __init__(self, tally: Tally, total: int, *, shown: bool) -> None:
        self._tally = tally
        self._bar: Any = None
        if shown and total:
            from tqdm.auto import tqdm

            unit = say("frame.rows_unit")
            told = {"total": total, "initial": tally.done, "unit": unit}
            self._bar = tqdm(**told, leave=False, delay=DELAY_S)

    def draw(self) -> None:
        """Show where the run stands now."""
        if self._bar is None:
            return
        tally = self._tally
        told = {
            say("frame.failed"): tally.failed,
            say("frame.replayed"): tally.replayed,
            "¥": f"{tally.spent:.4f}",
        }
        self._bar.set_postfix(told, refresh=False)
        self._bar.update(tally.done - self._bar.n)

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.close()


class Stoppable(Protocol):
    """A run that a person can stop."""

    def stop(self) -> None:
        """Pause; a second call leaves at once."""


def wait(future: "Future[T]", batch: Stoppable, bar: Bar) -> T:
    """The run's result; Stop pauses it, a second Stop leaves at once.

    Either way the result is what has been answered so far.
    """
    try:
        while True:
            try:
                return future.result(TICK_S)
            except FutureTimeoutError:
                if future.done():
                    raise
                bar.draw()
            except KeyboardInterrupt:
                batch.stop()
    finally:
        bar.close()


def summary(outcomes: Iterable[Outcome[Any]], batch: Batch[Any]) -> str:
    """One line about what a reader would not see from the values; else nothing."""
    counts = Counter(outcome.status for outcome in outcomes)
    bad = {word: n for word, n in counts.items() if word not in GOOD}
    replayed = batch.tally.replayed
    if not bad and not replayed:
        return ""
    parts = [say("frame.told_rows", rows=sum(counts.values()))]
    if replayed:
        parts.append(say("frame.told_replayed", rows=replayed))
    parts += [f"{word} {n}" for word, n in sorted(bad.items())]
    if batch.reason is not None:
        parts.append(str(batch.reason))
    elif counts["stopped"]:
        parts.append(say("frame.told_stopped"))
    return " · ".join(parts)


def tell(line: str) -> None:
    """Say a line beside the output, if there is one."""
    if line:
        print(line, file=sys.stderr)  # noqa: T201
