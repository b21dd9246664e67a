"""Budget with reservation before spending, so that the limit is never exceeded."""

import asyncio
import copy
import math
from collections.abc import Callable

from wcode_magics.errors import BudgetError
from wcode_magics.protocol import models, token_counts
from wcode_magics.protocol.messages import Usage
from wcode_magics.protocol.request import Request

MORE = 1.1
"""Safety factor in case the endpoint counts the next request still higher."""
NEGLIGIBLE = 1e-9
"""Share of what is set aside that is rounding."""


class Budget:
    """Budget of one currency that spent and reserved amounts never exceed.

    Bound to one event loop. Without a limit it only counts. Amounts also count towards
    the parent budget ``under``: a run's budget under its session's. ``unsure`` is the
    part of ``spent`` that no endpoint confirmed: possible charges for interrupted
    requests. ``bound`` is the part of ``aside`` for requests to come, which none in
    flight releases; ``short``: what one of the ``waiting`` requests needs to be lent.

    An endpoint may count more tokens than the local count. Under a limit, the first
    request therefore runs alone; later worst cases are scaled by the largest factor by
    which any cost exceeded its reservation.
    """

    def __init__(
        self,
        limit: float = math.inf,
        under: "Budget | None" = None,
        *,
        currency: str = models.CURRENCY,
    ) -> None:
        self.limit = limit
        self.currency: str = currency if under is None else under.currency
        self.spent = 0.0
        self.unsure = 0.0
        self.aside = 0.0
        self.bound = 0.0
        self.short, self.waiting = 0.0, 0
        self._under = under
        self._changed: asyncio.Event | None = None
        self._excess: float | None = None

    async def reserve(self, request: Request, place: str) -> float:
        """Reserve the worst-case cost of a request to ``place``; return it in ¥.

        Waits while requests in flight may release enough of their reservations.

        Raises:
            BudgetError: the rest, here or in ``under``, is less than the worst case.
        """
        if not self.limits:
            return 0.0
        return await self.set_aside(worst_cost(request, place))

    @property
    def known(self) -> float:
        """Amount spent as reported by endpoints, in ¥."""
        return self.spent - self.unsure

    @property
    def limits(self) -> bool:
        """Whether this budget or its parent has a limit."""
        below = self._under is not None and self._under.limits
        return below or self.limit < math.inf

    async def set_aside(self, most: float) -> float:
        """Reserve an amount in ¥, scaled by the learnt factor; return the result.

        Waits while releases may help, else raises BudgetError.
        """
        root = self._root
        while root._excess is None and root._in_flight:  # noqa: SLF001 - same class
            await root._change()  # noqa: SLF001
        most *= root._excess or 1.0  # noqa: SLF001
        await self._take(most)
        return most

    async def _take(self, most: float) -> None:
        if self._under is not None:
            await self._under._take(most)  # noqa: SLF001
        try:
            await self._room(most)
        except BaseException:
            if self._under is not None:
                self._under.settle(most, 0.0)
            raise
        self.aside += most

    @property
    def _root(self) -> "Budget":
        return self if self._under is None else self._under._root  # noqa: SLF001

    @property
    def _in_flight(self) -> bool:
        return self.aside - self.bound > NEGLIGIBLE * self.aside

    async def _room(self, most: float) -> None:
        while self.spent + self.aside + most > self.limit:
            if self.spent + self.bound + most > self.limit or not self._in_flight:
                raise self._exceeded(most)
            await self._change()

    def bind(self, amount: float) -> None:
        """Keep a reserved amount for requests to come; negative: release it to them."""
        if self._under is not None:
            self._under.bind(amount)
        self.bound = max(0.0, self.bound + amount)
        self._notify()

    def settle(self, aside: float, paid: float, unsure: float = 0.0) -> None:
        """Release a request's reservation and record its cost.

        ``unsure`` is the further amount in ¥ that may have been billed.
        """
        if self._under is not None:
            self._under.settle(aside, paid, unsure)
        self.aside = max(0.0, self.aside - aside)
        self.spent += paid + unsure
        self.unsure += unsure
        if aside and paid:
            before = self._excess or 1.0
            more = MORE * paid / aside if paid > aside else 1.0
            self._excess = before * more
        self._notify()

    async def _change(self) -> None:
        """Wait until an amount changes."""
        self._changed = self._changed or asyncio.Event()
        await self._changed.wait()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    @property
    def left(self) -> float:
        """Amount that is neither spent nor reserved, here and in the parents."""
        left = self.limit - self.spent - self.aside
        return left if self._under is None else min(left, self._under.left)

    @property
    def excess(self) -> float | None:
        """Factor by which costs exceed reservations; None before the first cost."""
        return self._root._excess  # noqa: SLF001 - same class

    def learn(self, excess: float) -> None:
        """Record the factor that another process learnt under this budget."""
        root = self._root
        root._excess = max(root._excess or 1.0, excess)  # noqa: SLF001 - same class
        root.lend(0.0)

    def lend(self, amount: float) -> None:
        """Reserve an amount for another process, within ``left``; below 0: returned."""
        if self._under is not None:
            self._under.lend(amount)
        aside = self.aside + amount
        self.aside = aside if aside > NEGLIGIBLE * abs(amount) else 0.0
        self._notify()

    def refusal(self, most: float) -> BudgetError | None:
        """Return the error for an amount in ¥ that no release will make room for."""
        full = most > self.limit - self.spent - self.aside and not self._in_flight
        if full or self.spent + self.bound + most > self.limit:
            return self._exceeded(most)
        return None if self._under is None else self._under.refusal(most)

    def _exceeded(self, most: float) -> BudgetError:
        return BudgetError(
            "budget.exceeded",
            limit=models.money(self.limit, self.currency, plain=True),
            spent=models.money(self.spent, self.currency),
            most=models.money(most, self.currency),
        )


class BorrowedBudget(Budget):
    """Share of another process's budget; waits for a larger one, calling ``watch``."""

    def __init__(self, watch: Callable[[], object]) -> None:
        super().__init__(0.0)
        self._watch = watch
        self._error: BudgetError | None = None

    def borrow(
        self, limit: float, excess: float | None, error: BudgetError | None
    ) -> None:
        """Set the limit; ``error``: raised for requests that it does not suffice for.

        ``excess``: factor learnt by all borrowers.
        """
        self.limit, self._error, self.short = limit, error, 0.0
        if excess is not None:
            self.learn(excess)
        self.lend(0.0)

    async def _room(self, most: float) -> None:
        while self.spent + self.aside + most > self.limit:
            if self._error is not None:
                raise copy.copy(self._error)
            self.short = most
            self.waiting += 1
            self._watch()
            try:
                await self._change()
            finally:
                self.waiting -= 1


class Accounts:
    """The budgets of a session, one for each currency, all of one limit."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}

    def of(self, currency: str) -> Budget:
        """Return the budget of a currency."""
        return self._budgets.setdefault(currency, Budget(currency=currency))

    def limit(self, limit: float | None) -> None:
        """Set the limit of each currency; None: no limit."""
        for budget in self._budgets.values():
            budget.limit = math.inf if limit is None else limit

    @property
    def known(self) -> models.Costs:
        """Amounts spent as reported by endpoints."""
        return models.Costs({c: b.known for c, b in self._budgets.items() if b.known})

    @property
    def unsure(self) -> models.Costs:
        """Further amounts that may have been billed."""
        return models.Costs({c: b.unsure for c, b in self._budgets.items() if b.unsure})


def worst_cost(
    request: Request,
    place: str,
    count: Callable[[str], token_counts.Count] = token_counts.count,
) -> float:
    """Return the maximum cost of a request to ``place`` in ¥; ``count`` counts tokens.

    The prompt as counted, with a margin if that is an estimate, plus an answer of
    ``max_tokens``, or of the model's maximum length.

    Raises:
        BudgetError: the model's prices are unknown, or how long its answers may be.
    """
    prompt = token_counts.count_request(request, place, count).most
    most = longest(request, prompt, place)
    price = models.cost(request.model, Usage(prompt, most), place)
    if price is None:
        raise BudgetError("budget.no_price", model=request.model, url=place)
    row = models.find(request.model, place)
    if not most and (row is None or row.context is None):
        raise BudgetError("budget.no_length", model=request.model)
    return price


def longest(request: Request, prompt: int, place: str) -> int:
    """Return the maximum answer length in tokens after ``prompt`` tokens."""
    asked = request.params.get("max_tokens")
    model = models.find(request.model, place)
    known = (asked, model and model.max_output, model and model.context)
    longest = next((int(size) for size in known if size), 0)
    if model is None or model.context is None:
        return longest
    return min(longest, max(0, model.context - prompt))
