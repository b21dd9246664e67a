"""Votes: each row is asked several times, and the answer given most often counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wcode_magics.errors import AnswerError
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import GOOD
from wcode_magics.tables.task import Task

FIRST_SEED = 1


@dataclass(frozen=True)
class Vote(Task):
    """Task that asks ``inner`` several times, with consecutive seeds.

    Self-consistency (Wang et al., ICLR 2023), for answers of any kind. Adds
    ``<into>_agreement``: the share of all ``votes`` that gave the majority's answer, so
    that an unreadable answer counts against it. Of equally frequent answers the first
    counts; other columns are those of the first vote for the majority.
    """

    inner: Task = field(default_factory=lambda: Task(Request("", ()), ""))
    votes: int = 2

    @property
    def columns(self) -> tuple[Field, ...]:
        """Columns of the inner task, and the agreement."""
        agreement = Field(f"{self.into}_agreement", "float")
        return (*self.inner.columns, agreement, *self._detail_columns)

    @property
    def decided(self) -> int:
        """Number of leading columns that are the answer itself."""
        return self.inner.decided

    @property
    def measured(self) -> Sequence[str]:
        """Columns of the inner task."""
        return self.inner.measured

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the inner task."""
        return self.inner.notes

    def siblings(self, request: Request) -> list[Request]:
        """Return the request with the seeds of the other votes."""
        seed = int(request.params["seed"])
        return [
            replace(request, params={**request.params, "seed": seed + n})
            for n in range(1, self.votes)
        ]

    def follow(self, *replies: Reply) -> list[Request]:
        """Return the votes still to be cast, and what each still needs."""
        done = {reply.request.hash: reply for reply in replies}
        missing = []
        for request in (replies[0].request, *self.siblings(replies[0].request)):
            vote = done.get(request.hash)
            needed = [request] if vote is None else self.inner.follow(vote, *replies)
            missing += needed
        return missing

    def read(self, *replies: Reply) -> tuple[Any, ...]:
        """Return the majority's values; raises AnswerError if no vote has any."""
        read, failed = self._read(replies)
        if not read:
            raise failed[0]
        keys = [_key(values[: self.decided]) for _, values in read]
        counts = Counter(keys)
        most = max(keys, key=counts.__getitem__)
        vote, values = read[keys.index(most)]
        return (*values, counts[most] / self.votes, *self._details(vote, replies))

    def ending(self, *replies: Reply) -> str:
        """Return the row status: good if any vote is."""
        words = [self.inner.ending(vote, *replies) for vote in self._votes(replies)]
        good = [word for word in words if word in GOOD]
        if good and any(reply.source != "replayed" for reply in replies):
            return "ok"
        return (good or words)[0]

    def _votes(self, replies: Sequence[Reply]) -> list[Reply]:
        done = {reply.request.hash: reply for reply in replies}
        requests = (replies[0].request, *self.siblings(replies[0].request))
        return [done[request.hash] for request in requests]

    def _read(
        self, replies: Sequence[Reply]
    ) -> tuple[list[tuple[Reply, tuple[Any, ...]]], list[AnswerError]]:
        read, failed = [], []
        for vote in self._votes(replies):
            try:
                read.append((vote, self.inner.read(vote, *replies)))
            except AnswerError as error:
                failed.append(error)
        return read, failed


def _key(values: Sequence[Any]) -> str:
    """Return a key that equal answers share; white space around a text is ignored."""
    return repr([one.strip() if isinstance(one, str) else one for one in values])
