"""Lending: all shares together never exceed what is left, whatever happens."""

import asyncio
import itertools
import random
from dataclasses import replace

import pytest

from wcode_magics.errors import BudgetError
from wcode_magics.sending.budget import BorrowedBudget, Budget
from wcode_magics.sending.lender import TURN_S, Lender, Loan
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.shares import Demand, Share, permits


class Clock:
    """A time that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds since the test began."""
        return self.now


def lender(clock: Clock | None = None, **caps) -> tuple[Lender, Limiter]:
    """A lender, and the limiter whose limits it lends."""
    clock = clock or Clock()
    limiter = Limiter(clock=clock, **caps)
    return Lender(limiter, clock), limiter


def test_who_is_alone_has_the_only_permit():
    """Who must be alone waits for the others, and nobody else has any."""
    demands = [Demand(wants=8), Demand(wants=8, alone=True)]
    assert permits(8, demands, [4, 4]) == [0, 1]
    lent, _limiter = lender(most=8)
    for who, alone in (("one", False), ("other", True)):
        lent.report(who, 0, Demand(flying=2, wants=8, alone=alone))
    assert not lent.share("other", 1).alone
    assert lent.share("one", 2).permits == 0
    lent.report("one", 2, Demand(wants=8))
    assert lent.share("other", 3) == replace(Share(), permits=1, alone=True)


def test_a_loan_counts_until_it_is_confirmed():
    """A smaller amount counts once its message was answered, and not before."""
    loan = Loan()
    loan.lend(1, 8)
    loan.lend(2, 3)
    loan.confirm(1, 6)
    assert loan.held == 8
    loan.confirm(2, 5)
    assert loan.held == 5
    loan.confirm(2, 2)
    assert loan.held == 3


def test_permits_go_to_who_needs_them():
    """Who waits has what another one holds once that is back, and keeps it."""
    lent, limiter = lender(most=8)
    lent.report("one", 0, Demand(wants=8))
    assert lent.share("one", 1).permits == 8
    lent.report("other", 2, Demand(wants=8))
    assert lent.share("other", 3).permits == 0
    assert lent.due == ["one"]
    assert lent.share("one", 4).permits == 4
    lent.report("one", 4, Demand(flying=6, wants=8))
    assert lent.share("other", 5).permits == 2
    lent.report("one", 6, Demand(flying=4, wants=4))
    assert lent.share("other", 7).permits == 4
    assert limiter.flying == 8


def test_what_nobody_needs_is_lent_in_advance():
    """So a worker may open its window without asking; an idle one holds nothing."""
    lent, limiter = lender(most=64)
    lent.report("one", 0, Demand(wants=2))
    lent.report("idle", 0, Demand())
    assert (lent.share("one", 1).permits, lent.share("idle", 2).permits) == (64, 0)
    assert limiter.flying == 64


def test_requests_of_the_leader_itself_count():
    """A table of its own has its part of the permits, too."""

    async def work():
        lent, limiter = lender(most=2)
        await limiter.acquire()
        lent.report("one", 0, Demand(wants=2))
        assert lent.share("one", 1).permits == 1
        own = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        assert not own.done()
        lent.reclaim("one", lost=False)
        await asyncio.wait_for(own, 1)

    asyncio.run(work())


def test_a_lost_borrower():
    """What it held is free again; its money counts as spent, since it may be."""
    lent, limiter = lender(most=2)
    budget = Budget(1.0)
    budget.learn(1.0)
    lent.report("lost", 0, Demand(wants=2, short=0.25), budget)
    lost = lent.share("lost", 1)
    assert (lost.permits, limiter.flying) == (2, 2)
    assert 0.25 <= lost.money <= 1.0
    lent.reclaim("lost", lost=True)
    assert limiter.flying == 0
    assert (budget.spent, budget.unsure, budget.aside) == (lost.money, lost.money, 0)


def test_a_borrower_that_leaves():
    """What it did not spend is there for others."""
    lent, _limiter = lender(most=2)
    budget = Budget(1.0)
    budget.learn(1.0)
    lent.report("one", 0, Demand(wants=2, short=0.25), budget)
    lent.share("one", 1)
    lent.report("one", 1, Demand(spent=0.25), budget)
    lent.reclaim("one", lost=False)
    assert (budget.spent, budget.unsure, budget.left) == (0.25, 0, 0.75)


def test_a_report_that_comes_late():
    """One that was overtaken by a newer one changes nothing."""
    lent, limiter = lender(most=8)
    lent.report("one", 2, Demand(flying=1, wants=1))
    lent.report("one", 1, Demand(flying=5, wants=8))
    assert limiter.flying == 1


def test_pause():
    """A Retry-After that one tells stops all, and is told to the others at once."""
    clock = Clock()
    lent, limiter = lender(clock, most=8)
    for who in ("one", "other"):
        lent.report(who, 0, Demand(wants=1))
    for who in ("one", "other"):
        lent.share(who, 1)
    assert not lent.due
    lent.report("one", 2, Demand(wants=1, paused=3.0))
    assert limiter.paused == 3.0
    assert lent.due == ["other"]
    clock.now = 1.0
    assert lent.share("other", 3).paused == 2.0
    assert lent.due == []


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_requests_per_minute(workers):
    """All together send what one process would: one second's worth at once."""
    clock = Clock()
    lent, _limiter = lender(clock, most=64, requests_per_minute=1200)
    sent, last, early = [0] * workers, [0] * workers, [0] * workers
    draw, numbers = random.Random(1), itertools.count(1)
    for turn in range(60):
        early = [*sent] if turn == 5 else early
        for who in draw.sample(range(workers), workers):
            lent.report(who, last[who], Demand(wants=9, sent=sent[who]))
            last[who] = next(numbers)
            sent[who] = int(lent.share(who, last[who]).sends)
        assert sum(sent) <= 20 + 20 * clock.now + 1
        clock.now += 0.5
    assert sum(sent) >= 20 * (clock.now - 0.5)
    late = [after - before for before, after in zip(early, sent, strict=True)]
    assert max(late) - min(late) <= 0.25 * max(late)


def test_a_request_that_waits_is_sent_though_its_turn_is_over():
    """Its permit goes to the next borrower once it is answered, not a turn later."""
    clock = Clock()
    lent, _limiter = lender(clock, most=1, requests_per_minute=60)
    for who in ("one", "other"):
        lent.report(who, 0, Demand(wants=8))
    assert lent.share("one", 1).permits == 0
    over = lent.share("other", 1)
    assert (over.permits, over.sends) == (1, 1)
    clock.now = 2 * TURN_S
    lent.report("other", 1, Demand(flying=1, wants=8, sent=1))
    assert lent.share("one", 2).permits == 0
    over = lent.share("other", 3)
    assert (over.permits, over.sends) == (0, 2)
    lent.report("other", 3, Demand(wants=8, sent=2))
    assert lent.share("one", 4).permits == 1


def test_what_was_not_sent_is_returned():
    """Requests that a worker may send and does not need go to the next."""
    lent, limiter = lender(most=8, requests_per_minute=600)
    lent.report("one", 0, Demand(wants=8))
    assert lent.share("one", 1).sends == 10
    lent.report("one", 1, Demand(sent=4))
    assert lent.share("one", 2).sends == 4
    lent.report("one", 2, Demand(sent=4))
    assert limiter.credit(1) == pytest.approx(6)


def test_tokens_per_minute():
    """Tokens that were used count, not those that were expected."""
    clock = Clock()
    lent, limiter = lender(clock, most=8, tokens_per_minute=6000)
    lent.report("one", 0, Demand(wants=8, each=25))
    assert lent.share("one", 1).sends == 4
    lent.report("one", 1, Demand(wants=8, sent=4, tokens=40, each=10))
    assert limiter.credit(10) == pytest.approx(6)


def test_a_request_that_takes_more_than_a_second_holds():
    """It is sent, as by a process alone, and the next one once it is paid back."""
    clock = Clock()
    lent, _limiter = lender(clock, most=8, tokens_per_minute=6000)
    demand = Demand(wants=8, each=500)
    lent.report("one", 0, demand)
    assert lent.share("one", 1).sends == 1
    for now, sends in ((2.0, 1), (3.9, 1), (4.1, 2)):
        clock.now = now
        demand = replace(demand, sent=1, tokens=500)
        lent.report("one", int(now * 10), demand)
        assert lent.share("one", int(now * 10) + 1).sends == sends


class Worker:
    """A worker's budget, whose messages a test loses and delays."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.heard = draw, 0
        self.budget = BorrowedBudget(lambda: None)
        self.flying: list[tuple[float, float]] = []
        self.refused = False

    @property
    def demand(self) -> Demand:
        """What it reports."""
        budget, count = self.budget, len(self.flying)
        return Demand(
            flying=count,
            wants=8,
            spent=budget.spent,
            unsure=budget.unsure,
            aside=budget.aside,
            short=budget.short,
            excess=budget.excess,
        )

    async def turn(self, lent: Lender, home: Budget, number: int, who: int) -> None:
        """Report, maybe have the share lost or late, and send what it allows."""
        lent.report(who, self.heard, self.demand, home)
        share = lent.share(who, number)
        if self.draw.random() < 0.7:
            self.heard = number
            self.budget.borrow(share.money, share.excess, share.error)
        self.refused = self.refused or share.error is not None
        for _ in range(self.draw.randrange(4)):
            cost = self.draw.uniform(0.01, 0.05)
            asked = asyncio.create_task(self.budget.set_aside(0.05))
            await asyncio.sleep(0)
            if asked.done() and asked.exception() is None:
                self.flying.append((asked.result(), cost))
            asked.cancel()
        self.draw.shuffle(self.flying)
        for _ in range(min(len(self.flying), self.draw.randrange(4))):
            aside, cost = self.flying.pop()
            self.budget.settle(aside, cost)


@pytest.mark.parametrize("seed", range(8))
def test_money_is_never_exceeded(seed):
    """Whatever is lost or late, and nearly all of it is spent before the end."""

    async def work():
        draw = random.Random(seed)
        lent, _limiter = lender(most=64)
        home = Budget(5.0)
        workers = [Worker(draw) for _ in range(4)]
        for number in range(1, 4000):
            who = draw.randrange(4)
            await workers[who].turn(lent, home, number, who)
            assert home.spent + home.aside <= home.limit + 1e-9
            assert sum(one.budget.spent for one in workers) <= home.limit + 1e-9
            if all(one.refused for one in workers):
                break
        for number, one in enumerate(workers):
            for aside, cost in one.flying:
                one.budget.settle(aside, cost)
            lent.report(number, one.heard, one.demand, home)
        assert home.limit - 0.25 < home.spent <= home.limit
        assert all(one.refused for one in workers)

    asyncio.run(work())


def test_the_first_request_of_a_budget_runs_alone():
    """Over all workers, until its cost shows by how much costs exceed what is known."""
    lent, _limiter = lender(most=8)
    budget = Budget(9.0)
    for who in ("one", "other"):
        lent.report(who, 0, Demand(wants=8, short=1.0), budget)
    assert lent.share("one", 1).money == 1.0
    assert lent.share("other", 2).money == 0.0
    lent.report("one", 1, Demand(wants=8, spent=2.0, excess=2.2), budget)
    other = lent.share("other", 3)
    assert other.excess == 2.2
    assert other.money >= 1.0


def test_unused_money_goes_to_who_waits():
    """Who needs what another holds unused has it at the next exchange of both."""
    lent, _limiter = lender(most=8)
    budget = Budget(1.0)
    budget.learn(1.0)
    lent.report("one", 0, Demand(wants=8, short=0.25), budget)
    assert lent.share("one", 1).money == 1.0
    lent.report("one", 1, Demand(wants=8, spent=0.25), budget)
    lent.report("other", 2, Demand(wants=8, short=0.5), budget)
    assert lent.share("other", 3).money == 0.0
    assert "one" in lent.due
    assert lent.share("one", 4).money == 0.25
    lent.report("one", 4, Demand(wants=8, spent=0.25), budget)
    assert lent.share("other", 5).money >= 0.5


def test_what_no_money_comes_for_is_refused():
    """As soon as nothing that others may return would suffice."""
    lent, _limiter = lender(most=8)
    budget = Budget(1.0)
    budget.learn(1.0)
    lent.report("one", 0, Demand(wants=1, short=1.5), budget)
    assert isinstance(lent.share("one", 1).error, BudgetError)
