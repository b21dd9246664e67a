"""Lending of one endpoint's limits and of a budget to other processes.

The process that leads lends; each borrower reports its demand about once a second and
receives a share, which it may use until the next one. What has been lent counts as
used until its borrower has confirmed a smaller share. Hence all shares together never
exceed what is left, in whatever order messages arrive, and what a lost borrower held
returns only once it is known to have stopped.

Requests and tokens under caps per minute are lent as they become free, as numbers of
requests. Money is lent in advance for the requests that wait; the first request of a
budget runs alone over all borrowers.
"""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from wcode_magics.errors import BudgetError
from wcode_magics.sending.budget import NEGLIGIBLE, Budget
from wcode_magics.sending.caps import BURST_S
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.shares import LATER_S, Demand, Share, permits

TURN_S = 5.0
"""Seconds after which permits that are too few for all go to others."""
AHEAD = 2
"""Times the money is lent that the requests a borrower could have in flight need."""


class Loan:
    """An amount that a borrower may use until it has confirmed a smaller one."""

    def __init__(self) -> None:
        self.latest = self.used = 0.0
        self._lent: list[tuple[int, float]] = []

    @property
    def held(self) -> float:
        """What the borrower may be using at most."""
        return max(self.used, *(amount for _, amount in self._lent), 0.0)

    def lend(self, number: int, amount: float) -> float:
        """Record the amount that message ``number`` lends, and return it."""
        self.latest = amount
        self._lent.append((number, amount))
        return amount

    def confirm(self, number: int, used: float) -> None:
        """Record the use that was reported in reply to message ``number``."""
        self.used = used
        self._lent = [one for one in self._lent if one[0] >= number]


@dataclass(slots=True)
class Borrower:
    """Loans to one run of one worker."""

    budget: Budget | None
    demand: Demand = field(default_factory=Demand)
    number: int = -1
    permits: Loan = field(default_factory=Loan)
    sends: Loan = field(default_factory=Loan)
    money: Loan = field(default_factory=Loan)
    tokens: float = 0.0
    charged: float = 0.0
    aside: float = 0.0
    paused: float = 0.0
    lent: float = -math.inf


class Lender:
    """Lends one endpoint's limits, and the budgets of its runs; bound to one loop.

    Args:
        limiter: the limiter, with the caps in force.
        clock: monotonic clock in seconds, that of the limiter.
    """

    def __init__(self, limiter: Limiter, clock: Callable[[], float]) -> None:
        self._limiter, self._clock = limiter, clock
        self._borrowers: dict[Hashable, Borrower] = {}

    def report(
        self, who: Hashable, number: int, demand: Demand, budget: Budget | None = None
    ) -> None:
        """Record what a borrower reports in reply to message ``number``."""
        one = self._borrowers.setdefault(who, Borrower(budget))
        if number < one.number:
            return
        before, one.demand, one.number = one.demand, demand, number
        one.permits.confirm(number, demand.flying)
        one.sends.confirm(number, demand.sent)
        one.money.confirm(number, demand.spent + demand.aside)
        one.paused = max(one.paused, self._clock() + demand.paused)
        self._book(one, before)
        self._update(demand.paused)

    def share(self, who: Hashable, number: int) -> Share:
        """Return a borrower's share, to be sent in message ``number``."""
        one = self._borrowers[who]
        lent = self._permits()[who]
        others = [b for b in self._borrowers.values() if b is not one]
        alone = not any(b.permits.held for b in others) and not self._limiter.own.flying
        one.permits.lend(number, lent)
        sends = self._sends(one, number)
        money, error = self._money(one, number)
        self._update()
        one.paused = self._clock() + self._limiter.paused
        excess = None if one.budget is None else one.budget.excess
        return Share(lent, sends, money, excess, self._limiter.paused, alone, error)

    def reclaim(self, who: Hashable, *, lost: bool) -> None:
        """Take back what a borrower held; ``lost``: it may have spent all of it."""
        one = self._borrowers.pop(who, None)
        if one is None:
            return
        unused = one.sends.used - one.charged, one.demand.tokens - one.tokens
        self._limiter.charge(*unused)
        if one.budget is not None and one.budget.limits:
            unsure = one.aside if lost else one.demand.aside
            one.budget.lend(-one.aside)
            one.budget.settle(0.0, 0.0, unsure)
        self._update()

    @property
    def lends(self) -> bool:
        """Whether there are any borrowers."""
        return bool(self._borrowers)

    @property
    def due(self) -> list[Hashable]:
        """Borrowers whose shares should be renewed now rather than in time."""
        until = self._clock() + self._limiter.paused
        due = {who for who, b in self._borrowers.items() if b.paused < until - LATER_S}
        if not self._limiter.paused:
            due.clear()
        lent, known = self._permits(), self._borrowers
        if any(b.demand.wants > b.permits.latest for b in known.values()):
            due |= {who for who, b in known.items() if lent[who] != b.permits.latest}
        if self._short_of_money is not None:
            due |= {who for who, b in known.items() if _unused(b) > 0}
        return list(due)

    def _permits(self) -> dict[Hashable, int]:
        """Return the permits of all; those of this process itself come first."""
        own, known = self._limiter.own, self._borrowers
        demands = [own, *(one.demand for one in known.values())]
        held = [own.flying, *(int(one.permits.held) for one in known.values())]
        most = self._limiter.most
        shares = permits(most, demands, held, int(self._clock() / TURN_S) * most)
        return dict(zip(known, shares[1:], strict=True))

    def _sends(self, one: Borrower, number: int) -> float:
        """Lend requests at the borrower's part of the rate, for at most a second.

        As for a process alone, the last one may take more than there is.
        """
        demand = one.demand
        credit, rate = (
            self._limiter.credit(demand.each),
            self._limiter.rate(demand.each),
        )
        if rate == math.inf:
            return math.inf
        now, used = self._clock(), float(demand.sent)
        part = rate / max(1, sum(map(_sends, self._borrowers.values())))
        left = one.sends.held - used
        more = min(credit, part * min(now - one.lent, BURST_S), part * BURST_S - left)
        if credit >= 0:
            more = max(more, 1 - left)
        lent = used + left + max(0.0, more) if _sends(one) else used
        one.lent = now
        one.sends.lend(number, lent)
        self._charge(one)
        return lent

    def _charge(self, one: Borrower) -> None:
        """Charge the caps with what a borrower has sent and may still send."""
        held = one.sends.held
        tokens = one.demand.tokens + one.demand.each * (held - one.demand.sent)
        self._limiter.charge(held - one.charged, tokens - one.tokens)
        one.charged, one.tokens = held, tokens

    def _money(self, one: Borrower, number: int) -> tuple[float, BudgetError | None]:
        budget = one.budget
        if budget is None or not budget.limits:
            return math.inf, None
        used, need = one.demand.spent + one.demand.aside, one.demand.short
        first = self._short_of_money
        if not one.demand.wants or (first is not None and first is not one):
            return one.money.lend(number, used), None
        more, error = 0.0, None
        if need:
            least = max(0.0, used + need - one.money.held)
            several = 1 if budget.excess is None else max(1, AHEAD * one.demand.wants)
            short = sum(b.demand.short > 0 for b in self._borrowers.values())
            more = used + need * several - one.money.held
            more = min(more, max(budget.left / short, least))
            if more > budget.left or _must_wait(one):
                more = 0.0 if _must_wait(one) or least > budget.left else least
            if used + need > one.money.held + more:
                error = budget.refusal(need)
        limit = one.money.lend(number, max(one.money.held, used) + max(0.0, more))
        self._lend_money(one)
        return limit, error

    @property
    def _short_of_money(self) -> Borrower | None:
        """The first borrower whose request could be paid if others returned money."""
        for one in self._borrowers.values():
            if one.budget is None or not one.demand.short:
                continue
            used = one.demand.spent + one.demand.aside
            least = used + one.demand.short - one.money.held
            if least > one.budget.left:
                return one
        return None

    def _book(self, one: Borrower, before: Demand) -> None:
        """Book what was spent since the report ``before``."""
        demand = one.demand
        self._charge(one)
        if one.budget is None:
            return
        if demand.excess is not None:
            one.budget.learn(demand.excess)
        unsure = demand.unsure - before.unsure
        paid = demand.spent - before.spent - unsure
        self._lend_money(one)
        if paid or unsure:
            one.budget.settle(0.0, paid, unsure)

    def _lend_money(self, one: Borrower) -> None:
        """Keep aside what a borrower may still spend."""
        if one.budget is not None and one.budget.limits:
            aside = one.money.held - one.demand.spent
            one.budget.lend(aside - one.aside)
            one.aside = aside

    def _update(self, paused: float = 0.0) -> None:
        held = sum(int(one.permits.held) for one in self._borrowers.values())
        self._limiter.lend(held, paused)


def _sends(one: Borrower) -> bool:
    """Return whether a borrower may send, or holds a request that waits to be sent.

    One that waits keeps its permit until it is answered, so it is sent before others.
    """
    return one.demand.wants > 0 and one.permits.held > 0


def _unused(one: Borrower) -> float:
    return one.money.latest - one.demand.spent - one.demand.aside


def _must_wait(one: Borrower) -> bool:
    """Return whether another request of a new budget is in flight: it runs alone."""
    assert one.budget is not None
    others = one.budget.aside - one.aside
    return one.budget.excess is None and others > NEGLIGIBLE * one.budget.aside
