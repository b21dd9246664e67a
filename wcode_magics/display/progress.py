"""Count of an answer that is still arriving, as a line, and the wait before it."""

import time
from collections.abc import Callable

from wcode_magics.protocol import models, token_counts
from wcode_magics.protocol.messages import Delta, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.text import say

WAIT_S = 0.5
"""Seconds without an answer after which the wait is shown."""
PIECE = 2_000
"""Characters that are counted once and for all."""


class Progress:
    """Tokens so far, tokens per second, price and how to stop.

    Args:
        request: the request that is being answered.
        place: endpoint whose prices apply, or "" if nothing is paid.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        request: Request,
        place: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request, self._place, self._clock = request, place, clock
        self._started: float | None = None
        self._listed = self._counted = 0
        self._piece = ""

    def take(self, delta: Delta) -> None:
        """Count one stream event."""
        text = f"{delta.reasoning or ''}{delta.text}"
        self._listed += len(delta.tokens)
        self._piece += text
        if text and self._started is None:
            self._started = self._clock()
        if len(self._piece) >= PIECE:
            self._counted += token_counts.estimate(self._piece).tokens
            self._piece = ""

    @property
    def tokens(self) -> int:
        """Tokens so far: those that were listed, else estimated from the text."""
        rest = token_counts.estimate(self._piece).tokens
        return max(self._listed, 0 if self._listed else self._counted + rest)

    def line(self) -> str:
        """Return the line; empty before the first text."""
        if self._started is None:
            return ""
        tokens, seconds = self.tokens, self._clock() - self._started
        mark = "" if self._listed else say("ui.approx")
        parts = [say("ui.so_far", tokens=f"{mark}{tokens:,}")]
        if seconds >= 1:
            parts.append(say("ui.rate", rate=f"{tokens / seconds:,.0f}"))
        usage = Usage(_prompt(self._request, self._place), tokens)
        cost = models.cost(self._request.model, usage, self._place)
        if cost is not None:
            currency = models.currency(self._request.model, self._place)
            parts.append(f"{say('ui.approx')}{models.money(cost, currency)}")
        return "▍ " + " · ".join([*parts, say("ui.how_to_stop")])


def guess(reply: Reply, place: str) -> Usage | None:
    """Return the estimated usage of an answer that was cut before it was reported."""
    if reply.usage is not None or reply.is_whole:
        return None
    text = f"{reply.reasoning or ''}{reply.text}"
    answer = len(reply.tokens) or token_counts.estimate(text).tokens
    return Usage(_prompt(reply.request, place), answer)


def _prompt(request: Request, place: str) -> int:
    return token_counts.count_request(request, place, token_counts.estimate).tokens
