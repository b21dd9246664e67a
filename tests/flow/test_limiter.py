"""The limiter: what an endpoint bears, and never more than the caps."""

import asyncio
import time

import pytest

from wcode_magics.flow.limiter import CALM, START, Limiter


def slow_clock() -> float:
    """Seconds on which a few milliseconds look like an endpoint's."""
    return time.monotonic() * 100


async def load(limiter: Limiter, serve, number: int, **more) -> list[float]:
    """Send ``number`` requests as fast as it lets; the moments of sending."""
    moments: list[float] = []
    left = iter(range(number))

    async def work() -> None:
        for _ in left:
            since = await limiter.enter(more.get("tokens", 0))
            moments.append(time.monotonic())
            if await serve(limiter.flying):
                limiter.leave(since, **more)
            else:
                limiter.fail(since, crowded=True)

    await asyncio.gather(*(work() for _ in range(limiter.most)))
    return moments


def test_grows_to_the_most():
    """With an endpoint that bears it the window opens to its most, and no more."""
    most = 0

    async def serve(flying: int) -> bool:
        nonlocal most
        most = max(most, flying)
        await asyncio.sleep(0.005)
        return True

    limiter = Limiter(most=2 * START)
    asyncio.run(load(limiter, serve, 1_000))
    assert 1.8 * START < most <= 2 * START
    assert limiter.flying == 0


def test_finds_what_is_borne():
    """An endpoint that refuses more than ten settles near ten, most answered."""
    refused = 0

    async def serve(flying: int) -> bool:
        nonlocal refused
        await asyncio.sleep(0.002)
        refused += flying > 10
        return flying <= 10

    limiter = Limiter()
    asyncio.run(load(limiter, serve, 2_000))
    assert 4 <= limiter.window <= 14
    assert refused < 400


def test_one_flight_halves_once():
    """Failures of requests that were in flight together count once."""

    async def serve(_flying: int) -> bool:
        await asyncio.sleep(0.01)
        return False

    limiter = Limiter(most=START)
    asyncio.run(load(limiter, serve, START))
    assert limiter.window == START / 2


def test_rising_latency_shrinks():
    """Where more in flight only waits longer the window stays below its most."""
    server = asyncio.Semaphore(4)

    async def serve(_flying: int) -> bool:
        async with server:
            await asyncio.sleep(0.004)
        return True

    limiter = Limiter(most=64, clock=slow_clock)
    limiter.window = 4.0
    asyncio.run(load(limiter, serve, 1_500))
    assert CALM <= limiter.window < 52


def test_longer_answers_are_no_sign():
    """Answers that take longer because they are longer do not shrink it."""
    limiter = Limiter(most=16, clock=slow_clock)

    async def scenario() -> None:
        async def short(_flying: int) -> bool:
            await asyncio.sleep(0.002)
            return True

        async def long(_flying: int) -> bool:
            await asyncio.sleep(0.03)
            return True

        await load(limiter, short, 100, length=10)
        await load(limiter, long, 200, length=600)

    asyncio.run(scenario())
    assert limiter.window == 16


@pytest.mark.parametrize(
    ("caps", "tokens"),
    [
        ({"requests_per_minute": 6_000}, 0),
        ({"tokens_per_minute": 600_000}, 100),
    ],
)
def test_caps(caps, tokens):
    """No second has more than its share of requests or tokens, plus the burst."""

    async def serve(_flying: int) -> bool:
        return True

    limiter = Limiter(most=16, **caps)
    moments = asyncio.run(load(limiter, serve, 250, tokens=tokens, used=tokens))
    assert moments[-1] - moments[0] >= 1.3
    for start in moments:
        assert sum(start <= m < start + 0.5 for m in moments) <= 155


def test_unused_tokens_are_given_back():
    """What an answer did not use is free for others at once."""

    async def serve(_flying: int) -> bool:
        return True

    limiter = Limiter(most=4, tokens_per_minute=60_000)
    moments = asyncio.run(load(limiter, serve, 50, tokens=1_000, used=10))
    assert moments[-1] - moments[0] < 1.5


def test_cancelled_waiters_leave_no_trace():
    """Who stops waiting neither holds a place nor loses another's turn."""

    async def scenario() -> None:
        limiter = Limiter(most=1)
        since = await limiter.enter()
        waiting = [asyncio.create_task(limiter.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        limiter.leave(since)
        await asyncio.sleep(0.01)
        assert waiting[1].done()
        assert not waiting[2].done()
        waiting[1].result()
        limiter.leave(since)
        await waiting[2]
        limiter.leave(since)
        assert limiter.flying == 0

    asyncio.run(scenario())


def test_retry_after_adds_up_to_the_longest():
    """The pause is the longest that was asked for, not the sum."""
    clock = 0.0
    limiter = Limiter(clock=lambda: clock)
    limiter.flying = 2
    limiter.fail(clock, crowded=True, retry_after=3.0)
    limiter.fail(clock, crowded=True, retry_after=2.0)
    assert limiter.paused == 3.0
