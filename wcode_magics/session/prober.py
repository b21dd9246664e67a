"""Requests of a probe: their prompts, and how alike their answers are."""

import asyncio
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wcode_magics.errors import BudgetError
from wcode_magics.logprobs.word_diff import common_start
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.attempt import Limits
from wcode_magics.sending.client import Client
from wcode_magics.sending.request_run import Exchange, Prepared
from wcode_magics.settings.resolved import Resolved

LENGTH = 16
"""Tokens of an answer whose wording is compared."""
STRUCTURE = 64
"""Tokens of an answer in JSON, or of a tool call."""
THOUGHT = 512
"""Further tokens for a model that thinks before it answers."""
LETTERS = 6
"""Letters per token at which an answer without an end is cut off."""
HOT_RUNS, DEFAULT_RUNS = 3, 6
"""Runs compared at temperature 2, and at the endpoint's own temperature."""
SIMILAR = 0.6
"""Share of two answers that is equal from the start where they count as the same."""

STORY = "Tell me a story about the sea."
LAUGH = "Repeat after me: ha ha ha ha ha ha ha ha ha ha ha ha"
TOKEN = "What is a token?"  # noqa: S105 - a question
LEVEL = "Explain what temperature does."
PICK = (
    "Answer with one of these words, chosen at random: amber, birch, cobalt, dune, "
    "ember, fern, granite, hazel, indigo, jade, kelp, lemon"
)


@dataclass
class Prober:
    """Sends the requests of a probe, without storing them as the user's replies.

    ``keep`` is called with each reply. ``bounded``: the endpoint accepts and obeys
    ``max_tokens``; else answers are streamed and cut off. ``room`` is the number of
    tokens added for thinking, ``most`` the known costs at which it sends no more.
    """

    client: Client
    resolved: Resolved
    limits: Limits
    model: str
    keep: Callable[[Reply], None]
    accepted: bool = True
    bounded: bool = True
    room: int = 0
    most: float = math.inf
    sent: int = 0
    costs: list[float | None] = field(default_factory=list)

    async def ask(
        self,
        prompt: str | Sequence[Message],
        *,
        length: int = LENGTH,
        extra: Mapping[str, Any] | None = None,
        stream: bool = False,
        **params: Any,
    ) -> Reply:
        """Send one request.

        Raises:
            EndpointError: it failed.
            BudgetError: the rest of the budget is less than its worst case, or more
                than ``most`` was charged.
        """
        spent = sum(cost for cost in self.costs if cost is not None)
        if spent > self.most:
            currency = models.currency(self.model, self.limits.place)
            limit = models.money(self.most, currency, plain=True)
            paid = models.money(spent, currency)
            raise BudgetError("budget.exceeded", limit=limit, spent=paid, most="–")
        messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
        if self.accepted and "max_tokens" not in params:
            params["max_tokens"] = length + self.room
        request = Request(self.model, tuple(messages), params, extra or {})
        prepared = Prepared(request, self.resolved)
        exchange = Exchange(prepared, self.client, self._kept, self.limits)
        self.sent += 1
        if self.bounded and not stream:
            return await exchange.whole()
        left = LETTERS * (length + self.room)
        deltas = exchange.deltas()
        async for delta in deltas:
            left -= len(delta.text) + len(delta.reasoning or "")
            left -= sum(len(piece.arguments) for piece in delta.calls)
            if left < 0:
                await deltas.aclose()
                return exchange.reply(interrupted=True)
        return exchange.reply()

    async def several(self, times: int, prompt: str, **params: Any) -> list[Reply]:
        """Send one request twice, and the other times only if the answers are alike."""
        first = await self.all(2, prompt, **params)
        if similarity(first) < SIMILAR:
            return first
        return [*first, *await self.all(times - 2, prompt, **params)]

    async def all(self, times: int, prompt: str, **params: Any) -> list[Reply]:
        """Send one request several times."""
        return await self.each(prompt, [{}] * times, **params)

    async def each(
        self, prompt: str, variants: Sequence[Mapping[str, Any]], **shared: Any
    ) -> list[Reply]:
        """Send a prompt with each of some parameters."""
        requests = (self.ask(prompt, **shared, **one) for one in variants)
        return list(await asyncio.gather(*requests))

    def _kept(self, reply: Reply) -> None:
        self.costs.append(reply.cost)
        self.keep(reply)


def generated_text(reply: Reply) -> str:
    """Return all that was generated: reasoning, text and tool calls."""
    calls = "".join(f"{call.name}{call.arguments}" for call in reply.tool_calls)
    return f"{reply.reasoning or ''}{reply.text}{calls}"


def similarity(replies: Sequence[Reply]) -> float:
    """Return how much the least alike two of some answers share from their start."""
    pairs = itertools.combinations(map(generated_text, replies), 2)
    shares = (
        common_start(one, other) / max(len(one), len(other), 1) if one != other else 1.0
        for one, other in pairs
    )
    return min(shares, default=1.0)


def same(replies: Sequence[Reply]) -> bool:
    """Return whether all answers are equal."""
    return len({generated_text(reply) for reply in replies}) == 1


def repeats(reply: Reply) -> int:
    """Return how many words of an answer occurred in it before."""
    words = generated_text(reply).lower().split()
    return len(words) - len(set(words))


def period(text: str) -> str:
    """Return the shortest text that the whole is a repetition of."""
    for size in range(1, len(text) // 2 + 1):
        unit = text[:size]
        if (unit * (len(text) // size + 1))[: len(text)] == text:
            return unit
    return text
