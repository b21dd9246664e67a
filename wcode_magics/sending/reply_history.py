"""The replies of a session in memory: the newest of them, and what all cost."""

from wcode_magics.protocol.reply import Reply

LONGEST = 500
"""Replies that are held; token probabilities make one some megabytes."""


class History(list[Reply]):
    """The newest :data:`LONGEST` replies, oldest first; all are in the store."""

    def append(self, reply: Reply, /) -> None:
        """Add a reply; where there are too many, the oldest goes."""
        super().append(reply)
        del self[:-LONGEST]


class Spent:
    """Answers, tokens and ¥ of a session; what was replayed is not spent again."""

    def __init__(self) -> None:
        self.answers = self.tokens = 0
        self.cost = 0.0

    def add(self, reply: Reply) -> None:
        """Count an answer that was paid for."""
        self.answers += 1
        self.tokens += 0 if reply.usage is None else reply.usage.total_tokens
        self.cost += reply.cost or 0.0
