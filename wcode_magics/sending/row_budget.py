"""Budget of one row of a table that two models may answer."""

import math
from collections.abc import Sequence

from wcode_magics.protocol.request import Request
from wcode_magics.sending.budget import Budget, worst_cost
from wcode_magics.sending.retry import Tries


class RowBudget:
    """Budget of one row whose answer may lead to requests to another model.

    The first reservation also sets aside the worst case of ``later``, so that those
    are never left without money by other rows. :meth:`defer` keeps it while the row
    waits, :meth:`release` gives back what was not needed.
    """

    def __init__(self, budget: Budget, later: Sequence[Request]) -> None:
        self._budget = budget
        self._later = {request.hash: request for request in later}
        self._promised = self._bound = 0.0
        self._asked = False

    @property
    def promises(self) -> bool:
        """Whether money is set aside for requests to come."""
        return self._promised > 0

    async def reserve(self, request: Request, place: str) -> float:
        """Reserve as :meth:`Budget.reserve` does."""
        if request.hash in self._later:
            self._redeem(self._promised / len(self._later))
            del self._later[request.hash]
        elif not self._asked and self._budget.limits:
            self._asked = True
            own = worst_cost(request, place)
            later = self._worst(place)
            aside = await self._budget.set_aside(own + later)
            self._promised = aside * later / (own + later) if aside else 0.0
            return aside - self._promised
        return await self._budget.reserve(request, place)

    def settle(self, aside: float, paid: float, unsure: float = 0.0) -> None:
        """Settle as :meth:`Budget.settle` does."""
        self._budget.settle(aside, paid, unsure)

    async def defer(self, place: str) -> None:
        """Keep the money for the later requests while the row waits for others.

        Raises:
            BudgetError: the first answer was recorded, and there is none for them.
        """
        if not self._asked and self._budget.limits:
            self._asked = True
            self._promised = await self._budget.set_aside(self._worst(place))
        self._bound = self._promised
        self._budget.bind(self._bound)

    def release(self) -> None:
        """Give back what is still set aside for later requests."""
        self._redeem(self._promised)

    def _redeem(self, amount: float) -> None:
        bound = min(amount, self._bound)
        self._promised -= amount
        self._bound -= bound
        if bound:
            self._budget.bind(-bound)
        if amount:
            self._budget.settle(amount, 0.0)

    def _worst(self, place: str) -> float:
        return math.fsum(worst_cost(one, place) for one in self._later.values())


class RowTries(Tries):
    """Counters of a row; ``budget`` is its own, None if the run's holds for it."""

    __slots__ = ("budget",)

    def __init__(self) -> None:
        super().__init__()
        self.budget: RowBudget | None = None

    def release(self) -> None:
        """Give back what the row's budget set aside for requests to come."""
        if self.budget is not None:
            self.budget.release()
