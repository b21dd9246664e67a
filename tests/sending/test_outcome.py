"""What the garbage collector has to do for the outcomes of a run."""

import gc
import weakref

from wcode_magics.errors import AnswerError
from wcode_magics.sending.outcome import ErrorOutcome, Outcome


def test_collector_does_not_walk_rows_that_went_well() -> None:
    """A run keeps a million of them, and each full collection would walk them all."""
    kept = [Outcome("ok", (str(number),)) for number in range(9)]
    assert not any(map(gc.is_tracked, kept))


def test_collector_frees_a_run_whose_error_refers_to_it() -> None:
    """A traceback has frames, and these the run with its outcomes."""
    outcomes: list[Outcome[str]] = []
    error = AnswerError("frame.empty")
    outcomes.append(ErrorOutcome("invalid", error=error))
    error.value = outcomes
    kept = weakref.ref(error)
    del outcomes, error
    gc.collect()
    assert kept() is None
