"""Classification of rows into labels, with the probability of each label."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wcode_magics.errors import AnswerError, WcodeError
from wcode_magics.logprobs.label_masses import MOST_COMPLETED, LabelConfidence
from wcode_magics.protocol import models
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import GOOD, ending_of
from wcode_magics.tables.label_plan import (
    Done,
    LabelAnswer,
    LabelPlan,
    averaged,
    continues,
)
from wcode_magics.tables.label_text import exact_label, folded, label_in
from wcode_magics.tables.task import Task, refuse_empty
from wcode_magics.text import say

TOLERANCE = 1e-6
"""Difference of probabilities that are equal up to rounding of their logarithms."""


@dataclass(frozen=True)
class Classify(Task):
    """Task that asks for one of several labels, with the probability of each.

    The probabilities are shares among the labels, missing if the alternatives do not
    cover the labels. ``plan`` sets how often a row is asked. With ``then``, a row whose
    label is less probable than ``threshold`` is asked again of that model, whose answer
    counts.
    """

    plan: LabelPlan = field(default=LabelPlan())
    then: str | None = None
    threshold: float = 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order given."""
        return self.plan.labels

    @property
    def columns(self) -> tuple[Field, ...]:
        """The label, its probability, that of each label, and the mass on none.

        With several orders, whether the label depends on the order. With a second
        model, the model that gave the label, and the label of the first one.
        """
        shares = (Field(f"{self.into}_p_{label}", "float") for label in self.labels)
        label = Field(self.into, "choice", self.labels)
        best = Field(f"{self.into}_p", "float")
        found = [label, best, *shares, Field(f"{self.into}_uncovered", "float")]
        if len(self.plan.wordings) > 1:
            found.append(Field(f"{self.into}_flips", "bool"))
        if self.then:
            found.append(Field(f"{self.into}_model", "text"))
            found.append(Field(f"{self.into}_first", "choice", self.labels))
        return (*found, *self._detail_columns)

    @property
    def measured(self) -> Sequence[str]:
        """The column of the label's probability, if probabilities are asked for."""
        return (f"{self.into}_p",) if self.base.params.get("logprobs") else ()

    def siblings(self, request: Request) -> list[Request]:
        """Return the question with the labels in the other orders."""
        return self.plan.siblings(request)

    def follow(self, *replies: Reply) -> list[Request]:
        """Return what a row still needs: other orders, beginnings, a grammar."""
        first, done = replies[0].request, _by_hash(replies)
        found, missing = self._answers(first, done)
        if missing or not self._needs_second(found):
            return missing
        return self._answers(self._to_second(first), done)[1]

    def later(self, request: Request) -> list[Request]:
        """Return the question to the second model, in all orders."""
        if not self.then:
            return []
        second = self._to_second(request)
        return [second, *self.siblings(second)]

    def defers(self, requests: Sequence[Request]) -> bool:
        """Return whether these requests are announced before they are sent."""
        first = requests[0]
        return continues(first) if self.plan.exact else first.model == self.then

    @property
    def announces(self) -> str | None:
        """Name of the option whose requests are announced before they are sent."""
        return "exact" if self.plan.exact else "then" if self.then else None

    def further(self, requests: int) -> tuple[str, ...]:
        """Return the most requests of one token that so many requests may lead to."""
        if not self.plan.exact:
            return ()
        return (say("frame.exact_most", count=f"{requests * MOST_COMPLETED:,}"),)

    def announcement(self, rows: int, requests: int, total: int) -> str:
        """Return the line that announces requests of some rows of all."""
        return say(
            f"frame.{self.announces}",
            most=f"{rows * len(self.plan.wordings) * MOST_COMPLETED:,}",
            rows=rows,
            requests=requests,
            total=total,
            share=f"{rows / total:.0%}",
            model=self.then,
        )

    def report(
        self,
        rows: Sequence[tuple[Any, ...]],
        total: int,
        costs: Mapping[str, models.Costs],
    ) -> tuple[str, ...]:
        """Return how many rows of all went up and what that saved, if any may.

        Asking the second model about all rows is taken to cost as much a row as those
        that went up did; left out if none did, or prices or currencies are unknown.
        """
        names = [one.name for one in self.columns]
        noted = super().report(rows, total, costs)
        if not self.then or not rows:
            return noted
        model, first = (
            names.index(f"{self.into}_model"),
            names.index(f"{self.into}_first"),
        )
        up = [row for row in rows if row[model] == self.then]
        agree = sum(row[0] == row[first] for row in up)
        kinds = {code for one in costs.values() for code in one}
        spent = [math.fsum(one.values()) for one in costs.values()]
        each = math.fsum(costs.get(self.then, {}).values()) / len(up) if up else 0.0
        saved = each * len(rows) - math.fsum(spent)
        share = f"{len(up) / total:.0%}"
        facts: dict[str, Any] = {
            "rows": len(up),
            "total": total,
            "share": share,
            "model": self.then,
        }
        line = say("frame.then_summary", **facts)
        if up:
            line += say("frame.then_agree", agree=f"{agree / len(up):.0%}")
        if each and len(kinds) == 1:
            line += say("frame.then_saved", saved=models.money(saved, *kinds))
        return (*noted, line)

    def read(self, *replies: Reply) -> tuple[Any, ...]:
        """Return the likeliest label, else the one in the text; unknown p are nan."""
        first, found = self._found(replies)
        label, sure = self._decided(found)
        shares: Mapping[str, float] = {} if sure is None else sure.shares
        left = [one.uncovered for one in found]
        more: list[Any] = []
        if len(self.plan.wordings) > 1:
            more.append(len({self._decided([one])[0] for one in found}) > 1)
        if self.then:
            model = replies[0].request.model if found is first else self.then
            more += [model, label if found is first else self._readable(first)]
        return (
            label,
            shares.get(label, math.nan),
            *(shares.get(other, math.nan) for other in self.labels),
            math.fsum(left) / len(left),
            *more,
            *self._details(found[0].reply, replies),
        )

    def ending(self, *replies: Reply) -> str:
        """Return the row status; a complete label is complete however it ended.

        The status is ``disagrees`` if the label is not the likeliest one.
        """
        _first, found = self._found(replies)
        statuses = [self._status(one) for one in found]
        failed = next((status for status in statuses if status not in GOOD), None)
        if failed or "disagrees" in statuses:
            return failed or "disagrees"
        all_replayed = all(reply.source == "replayed" for reply in replies)
        return "replayed" if all_replayed else "ok"

    def remark(self, status: str, *replies: Reply) -> WcodeError | None:
        """Return what the text says, if another label is likelier."""
        if status != "disagrees":
            return super().remark(status, *replies)
        _first, found = self._found(replies)
        one = next(one for one in found if self._status(one) == "disagrees")
        label, _sure = self._decided(found)
        answer = self._label(one.reply)
        return AnswerError("frame.disagrees", given=answer, label=label)

    def _answers(
        self, request: Request, done: Done
    ) -> tuple[list[LabelAnswer], list[Request]]:
        """Return the answers in each order, and the requests still needed."""
        parts = [
            self.plan.answer(one, done, self._label)
            for one in (request, *self.siblings(request))
        ]
        found = [part for part in parts if isinstance(part, LabelAnswer)]
        needed = (part for part in parts if not isinstance(part, LabelAnswer))
        return found, [request for part in needed for request in part]

    def _found(
        self, replies: Sequence[Reply]
    ) -> tuple[list[LabelAnswer], list[LabelAnswer]]:
        """Return the answers of the first model, and those that count."""
        request, done = replies[0].request, _by_hash(replies)
        first, _ = self._answers(request, done)
        if not self._needs_second(first):
            return first, first
        return first, self._answers(self._to_second(request), done)[0]

    def _to_second(self, request: Request) -> Request:
        """Return the question to the second model."""
        return replace(request, model=self.then or request.model)

    def _needs_second(self, found: Sequence[LabelAnswer]) -> bool:
        if not self.then:
            return False
        try:
            label, sure = self._decided(found)
        except AnswerError:
            return True
        return sure is None or sure.shares[label] < self.threshold

    def _readable(self, found: Sequence[LabelAnswer]) -> str | None:
        """Return the label of answers, or None if they name none."""
        try:
            return self._decided(found)[0]
        except AnswerError:
            return None

    def _decided(
        self, found: Sequence[LabelAnswer]
    ) -> tuple[str, LabelConfidence | None]:
        """Return the label of answers, and its probabilities if all know them."""
        known = [one.sure for one in found if one.sure is not None]
        if len(known) < len(found):
            labels = [self._chosen(one.reply, one.sure) for one in found]
            return max(labels, key=labels.count), None
        sure = averaged(known)
        return self._chosen(found[0].reply, sure), sure

    def _chosen(self, reply: Reply, sure: LabelConfidence | None) -> str:
        """Return the likeliest label, or that in the text if none is known to be."""
        if sure is None:
            return self._label(reply)
        try:
            written = self._label(reply)
        except AnswerError:
            if sure.best is None:
                raise
            written = sure.best
        return _likeliest(sure, written)

    def _status(self, found: LabelAnswer) -> str:
        """Return the status of one answer."""
        reply, sure = found.reply, found.sure
        status = ending_of(reply)
        if status == "truncated" and (sure is not None or self._is_whole(reply)):
            status = ending_of(replace(reply, finish_reason="stop"))
        if status not in GOOD or sure is None:
            return status
        try:
            written = self._label(reply)
        except AnswerError:
            return status
        return status if _likeliest(sure, written) == written else "disagrees"

    def _is_whole(self, reply: Reply) -> bool:
        """Return whether a truncated answer is a complete label and nothing else."""
        text = reply.text
        label = exact_label(text, self.labels)
        if label is None or reply.finish_reason != "length":
            return False
        if text[-1].isspace() or (len(text.strip()) > 1 and text.strip()[-1] == '"'):
            return True
        words = (folded(one) for one in self.labels if one != label)
        return not any(one.startswith(folded(label)) for one in words)

    def _label(self, reply: Reply) -> str:
        refuse_empty(reply)
        return label_in(reply.text, self.labels)


def _by_hash(replies: Sequence[Reply]) -> Done:
    return {reply.request.hash: reply for reply in replies}


def _likeliest(sure: LabelConfidence, written: str) -> str:
    """Return the likeliest label; on a tie, the one in the text."""
    best = sure.best
    tied = best is None or sure.masses[best] - sure.masses[written] <= TOLERANCE
    return written if best is None or tied else best
