"""A request is asked by one at a time."""

import asyncio

import pytest

from wcode_magics.sending.claims import Claims


def test_one_at_a_time():
    """What somebody claims nobody else has, until it is released."""

    async def work():
        claims = Claims()
        assert await claims.take(["a", "b"], wait=False) == {"a", "b"}
        assert await claims.take(["b", "c"], wait=False) == {"c"}
        claims.release(["a", "b"])
        assert await claims.take(["b", "a"], wait=False) == {"a", "b"}

    asyncio.run(work())


def test_wait():
    """Who waits has all of them, once all others have let go."""

    async def work():
        claims = Claims()
        await claims.take(["a"], wait=False)
        await claims.take(["b"], wait=False)
        waiting = asyncio.create_task(claims.take(["a", "b"], wait=True))
        claims.release(["a"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.05)
        claims.release(["b"])
        assert await asyncio.wait_for(waiting, 1) == {"a", "b"}

    asyncio.run(work())
