"""Replies of a repeated prompt, and how far they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, overload

from wcode_magics.logprobs.alignment import Agreement, Fork, agree, compare
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime.imports import shown_by
from wcode_magics.session.sweep import Sweep, Trial

if TYPE_CHECKING:
    import pandas as pd

RUN = "run"


@dataclass(frozen=True, repr=False)
class Runs(Sequence[Reply]):
    """The replies received, in the order of their runs, including interrupted ones.

    ``trials`` are all runs, each with its reply, its error, or both;
    ``trial.point["run"]`` is its number, from 1.
    """

    trials: tuple[Trial, ...]

    _repr_mimebundle_ = shown_by("wcode_magics.display.logprob_bundles.runs")

    def __repr__(self) -> str:
        return f"<Runs: {len(self)} of {len(self.trials)}, {self.agreement!r}>"

    def __len__(self) -> int:
        return len(self.replies)

    @overload
    def __getitem__(self, index: int) -> Reply: ...

    @overload
    def __getitem__(self, index: slice) -> list[Reply]: ...

    def __getitem__(self, index: int | slice) -> Reply | list[Reply]:
        return self.replies[index]

    @cached_property
    def replies(self) -> list[Reply]:
        """The replies as a list."""
        return self._sweep.replies

    @property
    def cost(self) -> float | None:
        """Total cost of all replies; None if a price is unknown."""
        return self._sweep.cost

    @property
    def failed(self) -> list[Trial]:
        """The runs that ended in an error."""
        return [trial for trial in self.trials if trial.error is not None]

    @cached_property
    def agreement(self) -> Agreement:
        """Agreement between the texts of the replies."""
        return agree(self.replies)

    @cached_property
    def fork(self) -> tuple[Trial, Fork] | None:
        """A run with the most common answer, and where the nearest other diverges.

        None if all agree.
        """
        texts = [text for text, _count in self.agreement.counts]
        if len(texts) <= 1:
            return None
        most, *others = map(self._of_text, texts)
        forks = [compare(_reply(most), _reply(other)).fork for other in others]
        return most, min(filter(None, forks), key=lambda fork: fork.at)

    def frame(self) -> "pd.DataFrame":
        """Return one row per run: its number and the columns of :meth:`Sweep.frame`."""
        return self._sweep.frame()

    def _of_text(self, text: str) -> Trial:
        return next(t for t in self.trials if t.reply is not None and t.text == text)

    @property
    def _sweep(self) -> Sweep:
        return Sweep(self.trials)


def _reply(trial: Trial) -> Reply:
    assert trial.reply is not None
    return trial.reply


def gathered(done: Mapping[int, Trial]) -> Runs:
    """Build Runs from finished trials, keyed by position."""
    return Runs(tuple(done[place] for place in sorted(done)))
