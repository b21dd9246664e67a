"""Methods of ``.wcode`` that every kind of table has."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import pandas as pd

from wcode_magics.errors import UsageError, stoppable
from wcode_magics.evaluation.evaluation import Evaluation
from wcode_magics.tables import gold as gold_rows
from wcode_magics.tables.estimate import Forecast
from wcode_magics.tables.retries import RETRIED, again, places_of, statuses_of
from wcode_magics.tables.run import TableRun
from wcode_magics.tables.run_builder import call_of

PREVIEWED = 5
METHODS = ("ask", "classify", "extract", "preview", "retry", "estimate")

R = TypeVar("R")


class TableMethods(Generic[R]):
    """The accessor's methods, returning a DataFrame or an awaitable of one."""

    def __init_subclass__(cls, **more: Any) -> None:
        """Show Stop as one line in the methods that a subclass overrides, too."""
        super().__init_subclass__(**more)
        for name in METHODS:
            own = vars(cls).get(name)
            if own is not None and not inspect.iscoroutinefunction(own):
                setattr(cls, name, stoppable()(own))

    def __init__(self, frame: pd.DataFrame) -> None:
        self._data = frame

    @stoppable()
    def ask(self, template: str, *, into: str = "answer", **options: Any) -> R:
        """Add a column of text answers.

        Args:
            template: the prompt; ``{{ column }}`` or ``{{ row["any column"] }}`` is
                the row's value.
            into: the new column; ``<into>_status`` and ``<into>_error`` are added too.
            **options: ``system``; ``missing``: "skip" (default: rows lacking a value
                that the template uses are not sent) or "error"; ``overwrite``: replace
                columns of the same name; ``names``: more values for the template;
                ``details``: add columns of tokens, ¥, mean logprob and finish reason;
                ``fresh``: send recorded requests too; ``replay``: "read" (default),
                "only" or "off"; ``budget`` in ¥; ``progress``; ``on_error``: "stop"
                (default: end the run after 20 rows with the same error and no good
                one) or "continue"; ``votes``: ask so many times, with consecutive
                seeds, and keep the most frequent answer, with ``<into>_agreement``, its
                share of the votes; ``model`` and every request parameter.

        Raises:
            UsageError: an argument is invalid; raised before anything is sent.
            WcodeError: an error common to all rows, or to all from some row on: an
                invalid key, no credit, a store that cannot be written. ``value`` is
                the frame so far, or None if no row was answered.
            Stopped: the user stopped the run. ``value`` likewise; a notebook binds it
                to ``_wcode``. Running again sends only the remaining rows.
        """
        return self._made(template, {**options, "into": into})

    @stoppable()
    def classify(
        self,
        template: str,
        labels: Sequence[str],
        *,
        into: str = "label",
        **options: Any,
    ) -> R:
        """Add a column of labels, ``<into>_p``, and ``<into>_p_<label>`` per label.

        The probabilities are shares among the labels, from the log probabilities of a
        free answer's first tokens, or of an answer under a grammar if the alternatives
        there do not cover the labels. ``<into>_uncovered`` is the probability outside
        the labels in the free answer, missing if a grammar was used. The probabilities
        are missing if the endpoint returns none.

        Args:
            template: as in :meth:`ask`.
            labels: two or more labels.
            into: the new column, and prefix of the others.
            **options: ``orders``: ask with the labels in so many orders, or ``"all"``,
                and average; ``<into>_flips`` is whether the label depends on the order.
                ``exact``: complete beginnings that several labels share by further
                requests of one token, announced before they are sent. ``then``: a
                second model for rows whose ``<into>_p`` is below ``threshold``, or
                below the one that keeps the first model's error within ``error``, with
                certainty ``sure`` (0.95), on the rows that have ``gold`` (a column);
                adds ``<into>_model`` and ``<into>_first``, the first model's label.
                Others as in :meth:`ask`.

        Raises:
            UsageError: an option is invalid, or no threshold can be guaranteed.
            WcodeError, Stopped: as for :meth:`ask`.
        """
        return self._made(template, {**options, "into": into, "labels": labels})

    @stoppable()
    def extract(
        self, template: str, schema: Any, *, into: str = "extract", **options: Any
    ) -> R:
        """Add a column for each field of a schema.

        Args:
            template: as in :meth:`ask`.
            schema: a pydantic model, dataclass, TypedDict, Enum, Literal, JSON
                Schema or ``{"name": "type"}``.
            into: name prefix of the status and error columns.
            **options: ``prefix``: prefix of the field columns; ``flat``: dotted
                columns for nested objects; ``confidence``: add ``<field>_p`` columns
                from the log probabilities, among the choices where the schema leaves
                finitely many, with ``<field>_uncovered``; others as in :meth:`ask`.
        """
        if schema is None:
            raise UsageError("schema.not_a_type", given="None")
        return self._made(template, {**options, "into": into, "schema": schema})

    @stoppable()
    def preview(self, template: str, n: int = PREVIEWED, **options: Any) -> R:
        """Run ``n`` rows, with short and long prompts, and print an estimate for all.

        A later run over all rows replays these and does not pay for them again. Pass
        ``labels`` or ``schema`` to preview :meth:`classify` or :meth:`extract`.
        """
        call = self._call(template, options)
        return self._previewed(call, call.sample(n))

    @stoppable()
    def retry(
        self,
        statuses: Sequence[str] = RETRIED,
        *,
        into: str | None = None,
        **options: Any,
    ) -> R:
        """Resend the rows whose status is one of ``statuses``.

        By default, resends all rows that are neither good nor skipped. ``options``
        override those of the original call.
        """
        frame, listed = self._frame, statuses_of(statuses)
        call = again(frame, listed, into, options)
        places = places_of(frame, call.task, listed)
        return self._finish(replace(call, rows=replace(call.rows, places=places)))

    @stoppable()
    def estimate(self, template: str, **options: Any) -> Forecast:
        """Estimate the requests, tokens, ¥ and seconds of a run; sends nothing.

        Accepts ``labels`` or ``schema``, like :meth:`preview`.
        """
        return self._call(template, options).forecast()

    @stoppable()
    def evaluate(
        self,
        gold: str,
        *,
        of: str | None = None,
        confidence: str | None = None,
        by: str | None = None,
    ) -> Evaluation:
        """Measure answers on a column of gold; sends nothing.

        Args:
            gold: column of right answers; rows without one are not counted.
            of: column of answers: labels, or a field; by default the only one that has
                probabilities.
            confidence: column of confidences from 0 to 1; by default ``<of>_p``.
            by: column whose values divide the rows into slices.

        Raises:
            UsageError: a column is missing or ambiguous, or no row has an answer and
                gold.
            SettingError: the extra ``evaluate`` is not installed.
        """
        arguments = {"of": of, "confidence": confidence, "by": by}
        return gold_rows.evaluate(self._frame, gold, **arguments)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: rows {len(self._frame)}>"

    @property
    def _frame(self) -> pd.DataFrame:
        return self._data

    def _made(self, template: str, options: dict[str, Any]) -> R:
        return self._finish(self._call(template, options))

    def _call(self, template: str, options: Mapping[str, Any]) -> TableRun:
        return call_of(self._frame, template, options)

    def _finish(self, call: TableRun) -> R:
        raise NotImplementedError

    def _previewed(self, whole: TableRun, part: TableRun) -> R:
        raise NotImplementedError
