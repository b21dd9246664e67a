"""A cascade whose threshold is learnt from rows with gold.

The first model answers the rows that have gold; the threshold is the lowest confidence
above which its error is at most ``error``, with certainty ``sure``, by
:mod:`wcode_magics.evaluation.threshold`. Then all rows are answered, those below the
threshold also by the second model. The first answers are in the store and not paid
again, and both runs have one budget.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from wcode_magics.errors import UsageError
from wcode_magics.evaluation import require
from wcode_magics.evaluation.metrics import SURE
from wcode_magics.evaluation.threshold import check_level
from wcode_magics.sending.replay import Replay
from wcode_magics.tables.columns import has_column
from wcode_magics.tables.gold import evaluate, gold_of
from wcode_magics.tables.pipeline import budget_of, looks
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of


@dataclass(frozen=True)
class Cascade:
    """The first run of a cascade, and what the second one needs."""

    first: TableRun
    frame: pd.DataFrame
    template: str
    options: Mapping[str, Any]
    gold: str
    error: float
    sure: float

    @classmethod
    def of(
        cls, frame: pd.DataFrame, template: str, options: Mapping[str, Any]
    ) -> "Cascade":
        """Prepare a cascade from the options of ``classify``.

        Raises:
            UsageError: an option is invalid, there is no column of gold, or recorded
                answers are not used.
            SettingError: the extra ``evaluate`` is not installed.
        """
        require()
        rest = dict(options)
        error, sure = check_level(rest.pop("error"), rest.pop("sure", SURE))
        gold = rest.pop("gold", None)
        if gold is None or not has_column(frame, gold):
            raise UsageError("frame.gold", given=repr(gold))
        if not rest.get("then") or rest.get("threshold") is not None:
            raise UsageError("frame.error", then=repr(rest.get("then")))
        call_of(frame, template, {**rest, "threshold": 1.0})
        known = frame[gold_of(frame, gold).notna()]
        first_options = {name: value for name, value in rest.items() if name != "then"}
        first = call_of(known, template, first_options)
        replays = looks(first.resolved) and Replay(first.resolved["replay"]).sends
        if not replays:
            raise UsageError("frame.error_replays")
        first = replace(
            first, budget=budget_of(first.session, first.resolved, first.budget)
        )
        return cls(first, frame, template, rest, gold, error, sure)

    def second(self, answered: pd.DataFrame) -> TableRun:
        """Return the run over all rows, given the first model's answers.

        Raises:
            UsageError: no threshold can be guaranteed with these rows.
        """
        found = evaluate(answered, self.gold, of=self.first.task.into)
        limit = found.threshold(error=self.error, sure=self.sure)
        if limit.confidence is None:
            raise UsageError("frame.no_limit", limit=str(limit))
        options = {**self.options, "threshold": limit.confidence}
        call = call_of(self.frame, self.template, options)
        return replace(call, budget=self.first.budget)
