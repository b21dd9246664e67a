"""Shares: divided evenly, never more than is free, and kept by whoever has one."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.errors import BudgetError
from wcode_magics.sending.budget import BorrowedBudget
from wcode_magics.sending.congestion_window import FailureSignal
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.shares import Demand, Share, fair, permits

few = st.integers(0, 80)


@given(few, st.lists(few, max_size=9), few)
def test_fair_parts(total, wants, first):
    """All is divided that is wanted, and nobody could have more but from one richer."""
    parts = fair(total, wants, first)
    assert sum(parts) == min(total, sum(wants))
    assert all(0 <= part <= want for part, want in zip(parts, wants, strict=True))
    short = [part for part, want in zip(parts, wants, strict=True) if part < want]
    assert not short or min(short) >= max(parts) - 1


def test_turns():
    """Where permits are too few for all, each has one in its turn."""
    served = {fair(1, [5, 5, 5], first).index(1) for first in range(3)}
    assert served == {0, 1, 2}


@given(few, st.lists(st.tuples(few, few, st.booleans()), min_size=1, max_size=9), few)
def test_permits_never_exceed_what_is_free(most, rows, first):
    """Whatever is still held elsewhere is not lent again."""
    demands = [Demand(wants=want, alone=alone) for want, _held, alone in rows]
    held = [has for _want, has, _alone in rows]
    shares = permits(most, demands, held, first)
    could = sum(max(pair) for pair in zip(shares, held, strict=True))
    assert could <= max(most, sum(held))
    assert all(share >= 0 for share in shares)


def test_a_borrowed_budget_waits_for_more():
    """It says what it waits for, and takes an error as the end."""

    async def work():
        said: list[str] = []
        budget = BorrowedBudget(lambda: said.append("short"))
        waiting = asyncio.create_task(budget.set_aside(0.5))
        await asyncio.sleep(0)
        assert (budget.short, said) == (0.5, ["short"])
        budget.borrow(0.5, None, None)
        assert await waiting == 0.5
        budget.settle(0.5, 0.25)
        late = asyncio.create_task(budget.set_aside(0.5))
        await asyncio.sleep(0)
        budget.borrow(0.5, None, BudgetError("budget.no_length", model="m"))
        with pytest.raises(BudgetError):
            await late
        assert budget.spent + budget.aside <= budget.limit

    asyncio.run(work())


def test_a_limiter_keeps_to_its_share():
    """No request beyond the permits and the requests lent; more when more is lent."""

    async def work():
        limiter = Limiter(most=8, requests_per_minute=6000)
        limiter.borrow(Share(permits=2, sends=3))
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(6)]
        await asyncio.sleep(0.01)
        entered = [one for one in waiting if one.done()]
        assert len(entered) == 2
        for one in entered:
            limiter.answered(one.result())
        await asyncio.sleep(0.05)
        assert sum(one.done() for one in waiting) == 3
        limiter.borrow(Share(permits=8, sends=math.inf))
        await asyncio.wait_for(asyncio.gather(*waiting), 5)

    asyncio.run(work())


def test_a_limiter_learns_within_its_share():
    """A 429 halves what is in flight, not a window that is never used."""

    async def work():
        limiter = Limiter(most=64)
        limiter.borrow(Share(permits=8))
        moments = [await limiter.acquire() for _ in range(8)]
        limiter.failed(moments.pop(), FailureSignal(crowded=True))
        assert limiter.window.size == 4
        assert limiter.demand.wants == 4
        limiter.failed(moments.pop(), FailureSignal(reserved=True))
        assert limiter.demand.alone

    asyncio.run(work())


def test_who_is_not_alone_elsewhere_is_not_alone():
    """A lone request counts as alone only if no other worker has one in flight."""

    async def work():
        for alone in (True, False):
            limiter = Limiter(most=8)
            limiter.borrow(Share(permits=1, alone=alone))
            assert limiter.is_alone(await limiter.acquire()) == alone

    asyncio.run(work())
