"""Outcomes of rows from their replies: values, statuses, truncated prompts, costs."""

from collections.abc import Callable
from typing import Generic, TypeVar

from wcode_magics.errors import AnswerError, CutPromptError, WcodeError
from wcode_magics.protocol.cut_prompt import Cut, Length, alike, cut_of, length_of
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.outcome import GOOD, PLAIN, ErrorOutcome, Outcome, Tally

T = TypeVar("T")
Replies = tuple[Reply, ...]


class Readings(Generic[T]):
    """Reads the replies of a run's rows and counts them in its tally.

    ``read`` converts the replies of a row to its value, ``ending`` to its status, and
    ``remark`` these and the status to an error that remarks on it, or None.
    """

    def __init__(
        self,
        read: Callable[..., T],
        ending: Callable[..., str],
        remark: Callable[..., WcodeError | None],
        tally: Tally,
    ) -> None:
        self.tally = tally
        self.ending = ending
        self._read, self._remark = read, remark
        self._long: list[tuple[Outcome[T], Length]] = []

    def count(self, replies: Replies) -> None:
        """Count the costs of answers by model, and rows replayed or of the sandbox."""
        by_model, replayed = self.tally.by_model, True
        for reply in replies:
            by_model[reply.request.model].add(reply.cost or 0.0, reply.currency)
            replayed = replayed and reply.source == "replayed"
        self.tally.replayed += replayed
        self.tally.sandbox += replies[0].from_sandbox

    def value(self, replies: Replies) -> T:
        """Read the value of a row; raises WcodeError with the reply at fault."""
        try:
            return self._read(*replies)
        except WcodeError as error:
            error.reply = error.reply or replies[-1]
            raise
        except RecursionError as wrong:
            unread = AnswerError("unread", reason=str(wrong))
            unread.reply = replies[-1]
            raise unread from wrong

    def replayed(self, reply: Reply) -> Outcome[T] | None:
        """Return the outcome of a row's recorded reply; None if it cannot be read."""
        try:
            value, ending = self._read(reply), self.ending(reply)
        except (WcodeError, RecursionError):
            return None
        self.count((reply,))
        return self._made((reply,), ending, value)

    def outcome(self, replies: Replies, value: T) -> Outcome[T]:
        """Return the outcome of a value, an error if the prompt was truncated."""
        return self._made(replies, self.ending(*replies), value)

    def _made(self, replies: Replies, status: str, value: T) -> Outcome[T]:
        first, unconfirmed = replies[0], False
        for reply in replies:
            unconfirmed = unconfirmed or reply.unconfirmed
        error = None if status in PLAIN else self._remark(status, *replies)
        made = Outcome(status, value, unconfirmed)
        if error is not None:
            error.reply = first
            made = ErrorOutcome(status, value, unconfirmed, error=error)
        if status not in GOOD:
            return made
        cut = cut_of(first)
        if cut is not None:
            return _cut(made, cut)
        length = length_of(first)
        if length is not None:
            self._long.append((made, length))
        return made

    def cut_alike(self, outcomes: list[Outcome[T]]) -> None:
        """Mark outcomes whose differing prompts were reported as equally long."""
        found = alike([length for _outcome, length in self._long])
        cuts = {id(self._long[n][0]): cut for n, cut in found.items()}
        for place, outcome in enumerate(outcomes if cuts else ()):
            if id(outcome) in cuts:
                outcomes[place] = _cut(outcome, cuts[id(outcome)])
                self.tally.failed += 1


def _cut(outcome: Outcome[T], cut: Cut) -> Outcome[T]:
    error = CutPromptError("cut_prompt", **cut.facts)
    return ErrorOutcome("cut_prompt", outcome.value, outcome.unconfirmed, error=error)
