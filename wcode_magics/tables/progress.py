"""Progress bar, waiting, interruption and summary of a table run."""

import asyncio
import functools
import os
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from wcode_magics.errors import Stopped
from wcode_magics.logprobs.number_format import NO_NUMBER, number
from wcode_magics.output import terminal
from wcode_magics.output.mimebundle import plain_bundle, widget_bundle
from wcode_magics.sending.batch import Batch
from wcode_magics.sending.outcome import GOOD, Outcome, Tally
from wcode_magics.text import say

T = TypeVar("T")

TICK_S = 0.1
DELAY_S = 1.0
FILE_S = 30.0
"""Seconds between the lines of a bar whose output is a file."""


class Bar:
    """Progress bar (tqdm) over a tally: rows, ¥, and what failed or was replayed.

    It appears after one second and is removed at the end; a saved notebook contains
    none of its widgets. ``shown`` False disables it, as tqdm's variable TQDM_DISABLE
    does, which tqdm's own bar of a notebook ignores.
    """

    def __init__(self, tally: Tally, total: int, *, shown: bool) -> None:
        self._tally, self._total = tally, total
        self._shown = shown and not os.environ.get("TQDM_DISABLE")
        self._started, self._initial = time.time(), tally.done
        self._bar: Any = None
        self._handle: Any = None

    def draw(self) -> None:
        """Show the current progress."""
        if self._bar is None:
            late = time.time() - self._started > DELAY_S
            if not (self._shown and self._total and late):
                return
            self._make()
        tally = self._tally
        counts = {"failed": tally.failed, "replayed": tally.replayed}
        parts = [f"{say(f'frame.{key}')} {n:,}" for key, n in counts.items() if n]
        self._bar.set_postfix_str(", ".join([*parts, str(tally.costs)]), refresh=False)
        self._bar.update(tally.done - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
        if self._handle is not None:
            self._handle.update(plain_bundle(""), raw=True)

    def _make(self) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and _is_main():
            _note_ignored_interrupt()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # falls back to text without ipywidgets
            from tqdm.auto import tqdm
            from tqdm.notebook import tqdm_notebook

        widgets = issubclass(tqdm, tqdm_notebook)
        more: dict[str, Any] = {"display": False} if widgets else _pace()
        unit = say("frame.rows_unit")
        arguments = {"total": self._total, "initial": self._initial, "unit": unit}
        self._bar = tqdm(**arguments, leave=False, **more)
        self._bar.start_t = self._bar.last_print_t = self._started
        if widgets:
            from IPython.display import display

            shown = widget_bundle(self._bar.container.model_id, str(self._bar))
            self._handle = display(shown, raw=True, display_id=True)


def _pace() -> dict[str, float]:
    """Return how often a bar of text is written: rarely into a file."""
    shown = sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")
    return {} if shown else {"mininterval": FILE_S, "maxinterval": FILE_S}


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


@functools.cache
def _note_ignored_interrupt() -> None:
    """Note once that Ctrl-C is ignored, as in a shell's background job."""
    terminal.note(say("frame.deaf"))


class Stoppable(Protocol):
    """A run that the user can stop."""

    def stop(self) -> None:
        """Stop sending new requests; a second call abandons those in flight."""


def wait(future: "Future[T]", batch: Stoppable, bar: Bar) -> tuple[T, bool]:
    """Wait for a run; return its result and whether it was stopped.

    The first interrupt stops sending, a second one also abandons requests in flight.
    Either way the result contains what has been answered so far.
    """
    stopped = False
    try:
        while not future.done():
            try:
                _tick(future, bar)
            except KeyboardInterrupt:
                stopped = True
                batch.stop()
        return future.result(), stopped
    finally:
        if not future.done():
            batch.stop()
        bar.close()


def _tick(future: "Future[Any]", bar: Bar) -> None:
    with suppress(FutureTimeoutError):
        future.exception(TICK_S)
    bar.draw()


def abandon(batch: Stoppable) -> None:
    """Stop immediately, without waiting for requests in flight."""
    batch.stop()
    batch.stop()


@contextmanager
def _interrupts(batch: Stoppable) -> Iterator[list[int]]:
    """Handle SIGINT by stopping the run, where it would only end the event loop.

    This is the case in a terminal; a kernel and ``asyncio.run`` cancel what they await.
    """
    interrupts: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        interrupts.append(number)
        batch.stop()

    bare = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not bare or not _is_main():
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


async def await_(future: "Future[T]", batch: Stoppable, bar: Bar) -> tuple[T, bool]:
    """Await a run like :func:`wait`; cancellation stops it.

    An interrupted kernel cancels what the cell awaits, but only when the loop next
    wakes; hence it wakes every :data:`TICK_S` seconds.
    """
    stopped = False
    run = asyncio.wrap_future(future)
    try:
        with _interrupts(batch) as interrupts:
            while not run.done():
                try:
                    await asyncio.wait([run], timeout=TICK_S)
                    bar.draw()
                except asyncio.CancelledError:
                    stopped = True
                    batch.stop()
        return run.result(), stopped or bool(interrupts)
    finally:
        if not run.done():
            batch.stop()
        bar.close()


def cancelled(stopped: Stopped) -> asyncio.CancelledError:
    """Return the error of a stopped awaited run, with its message and value.

    Not a subclass: ``asyncio.timeout`` of Python 3.11 accepts only this exact class.
    """
    error = asyncio.CancelledError(str(stopped))
    render = stopped._render_traceback_
    vars(error).update(value=stopped.value, _render_traceback_=render)
    return error


def summary(
    outcomes: Iterable[Outcome[Any]],
    batch: Batch[Any],
    *,
    priced: bool,
    advice: str = "",
) -> str:
    """Return a one-line summary: rows, replays, failures by kind, seconds, costs.

    Includes the number of good rows whose end the endpoint did not confirm.
    ``priced``: the endpoint's prices are known. ``advice``: what to do about failures.
    """
    outcomes = list(outcomes)
    counts = Counter(outcome.status for outcome in outcomes)
    unconfirmed = sum(one.unconfirmed and one.status in GOOD for one in outcomes)
    failed = {word: n for word, n in counts.items() if word not in GOOD}
    replayed, sandbox = batch.tally.replayed, batch.tally.sandbox
    parts = [say("frame.summary_rows", rows=sum(counts.values()))]
    if sandbox:
        parts.append(say("frame.summary_sandbox"))
    if replayed:
        parts.append(say("frame.summary_replayed", rows=replayed))
    parts += [f"{say(f'statuses.{word}')} {n:,}" for word, n in sorted(failed.items())]
    if unconfirmed:
        parts.append(say("frame.summary_unconfirmed", rows=unconfirmed))
    seconds = batch.tally.seconds
    parts.append(say("ui.seconds", seconds=number(seconds, 1 if seconds >= 0.1 else 2)))
    free = sandbox or replayed == sum(counts.values()) - counts["skipped"]
    known = priced or free or batch.tally.costs
    parts.append(str(batch.tally.costs) if known else NO_NUMBER)
    if counts["stopped"]:
        parts.append(say("frame.summary_stopped"))
    elif advice and failed.keys() - {"skipped"}:
        parts.append(advice)
    return " · ".join(parts)


def print_line(line: str) -> None:
    """Print a line; not on stderr, which front ends show as an error."""
    terminal.write(line)
