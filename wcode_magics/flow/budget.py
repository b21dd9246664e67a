"""Money set aside before it is spent, so that a limit is never overrun."""

import asyncio
import math

from wcode_magics import models, tokens
from wcode_magics.errors import BudgetError
from wcode_magics.request import Request
from wcode_magics.values import Usage


class Budget:
    """``limit`` in ¥; what is spent and set aside never exceeds it.

    Lives on one event loop. Without a limit it only counts. What is spent here is
    spent ``under`` it too: a run's budget under its session's.
    """

    def __init__(self, limit: float = math.inf, under: "Budget | None" = None) -> None:
        self.limit = limit
        self.spent = 0.0
        self.aside = 0.0
        self._under = under
        self._changed = asyncio.Event()

    async def reserve(self, request: Request) -> float:
        """Set the worst case of a request aside, in ¥, and tell it.

        Waits while requests in flight may leave enough of what they set aside.

        Raises:
            BudgetError: what is left, here or ``under`` it, cannot pay the worst case.
        """
        if not self.limits:
            return 0.0
        most = worst_cost(request)
        await self.set_aside(most)
        return most

    @property
    def limits(self) -> bool:
        """Whether there is a limit, here or under it."""
        below = self._under is not None and self._under.limits
        return below or self.limit < math.inf

    async def set_aside(self, most: float) -> None:
        """Set so many ¥ aside, or wait, or raise BudgetError."""
        if self._under is not None:
            await self._under.set_aside(most)
        try:
            await self._room(most)
        except BaseException:
            if self._under is not None:
                self._under.settle(most, 0.0)
            raise
        self.aside += most

    async def _room(self, most: float) -> None:
        while self.spent + self.aside + most > self.limit:
            if self.spent + most > self.limit or not self.aside:
                raise self._exceeded(most)
            await self._changed.wait()

    def settle(self, aside: float, paid: float) -> None:
        """Give back what was set aside for a request and book what it cost."""
        if self._under is not None:
            self._under.settle(aside, paid)
        self.aside = max(0.0, self.aside - aside)
        self.spent += paid
        self._changed.set()
        self._changed = asyncio.Event()

    def _exceeded(self, most: float) -> BudgetError:
        return BudgetError(
            "budget.exceeded",
            limit=f"{self.limit:g}",
            spent=models.amount(self.spent),
            most=models.amount(most),
        )


def afford(request: Request, limit: float) -> None:
    """Raise BudgetError where the worst case of a request alone exceeds a limit."""
    most = worst_cost(request)
    if most > limit:
        raise BudgetError(
            "budget.exceeded", limit=f"{limit:g}", spent="0", most=models.amount(most)
        )


def worst_cost(request: Request) -> float:
    """The most that a request may cost, in ¥.

    Its prompt as counted, with a margin where that is an estimate, and an answer of
    ``max_tokens``, else as long as the model can.

    Raises:
        BudgetError: the prices of the model are not known.
    """
    prompt = tokens.count_request(request).most
    price = models.cost(request.model, Usage(prompt, longest(request, prompt)))
    if price is None:
        raise BudgetError("budget.no_price", model=request.model)
    return price


def longest(request: Request, prompt: int) -> int:
    """The most tokens an answer may have after a prompt of so many."""
    asked = request.params.get("max_tokens")
    model = models.find(request.model)
    if model is None:
        return int(asked or 0)
    room = max(0, model.context - prompt)
    return min(int(asked or model.max_output), room)
