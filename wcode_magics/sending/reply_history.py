"""In-memory replies of a session: the newest ones, and the totals of all."""

from wcode_magics.protocol.models import Costs
from wcode_magics.protocol.reply import Reply

LONGEST = 500
"""Maximum number of replies kept; token probabilities make one several megabytes."""


class History(list[Reply]):
    """The newest :data:`LONGEST` replies, oldest first; all are in the store."""

    def append(self, reply: Reply, /) -> None:
        """Add a reply, dropping the oldest if there are too many."""
        super().append(reply)
        del self[:-LONGEST]


class Spent:
    """Answers, tokens and costs of a session; replayed answers are counted once.

    ``uncounted`` and ``unpriced`` are the answers whose tokens or price are unknown.
    """

    def __init__(self) -> None:
        self.answers = self.tokens = self.uncounted = self.unpriced = 0
        self.costs = Costs()

    def add(self, reply: Reply) -> None:
        """Count an answer that was paid for."""
        self.answers += 1
        self.tokens += 0 if reply.usage is None else reply.usage.total_tokens
        self.uncounted += reply.usage is None
        self.unpriced += reply.cost is None
        if reply.cost is not None:
            self.costs.add(reply.cost, reply.currency)
