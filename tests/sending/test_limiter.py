"""The limiter: what an endpoint bears, and never more than the caps."""

import asyncio

import pytest

from tests.sending.loads import load
from tests.sending.skipping import Skipping
from wcode_magics.sending.congestion_window import FailureSignal
from wcode_magics.sending.limiter import Limiter


def sent(number: int, tokens: int, used: int, **caps) -> list[float]:
    """When each of so many requests was sent that are answered at once."""

    async def serve(_flying: int) -> bool:
        return True

    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(clock=runner.get_loop().time, **caps)
        return runner.run(load(limiter, serve, number, tokens=tokens, used=used))


def test_a_place_handed_to_what_was_cancelled_goes_to_the_next():
    """A request that is cancelled in the turn it is admitted in holds no place."""

    async def run() -> None:
        limiter = Limiter(most=1)
        since = await limiter.acquire()
        first, second = (asyncio.create_task(limiter.acquire()) for _ in range(2))
        await asyncio.sleep(0)
        limiter.answered(since)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        limiter.answered(await asyncio.wait_for(second, 1))
        assert first.cancelled()
        assert limiter.flying == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("caps", "tokens"),
    [
        ({"requests_per_minute": 6_000}, 0),
        ({"tokens_per_minute": 600_000}, 100),
    ],
)
def test_caps(caps, tokens):
    """No second has more than its share of requests or tokens, plus the burst."""
    moments = sent(250, tokens, tokens, most=16, **caps)
    assert moments[-1] - moments[0] >= 1.3
    for start in moments:
        assert sum(start <= m < start + 0.5 for m in moments) <= 155


def test_unused_tokens_are_given_back():
    """What an answer did not use is free for others at once."""
    moments = sent(50, 1_000, 10, most=4, tokens_per_minute=60_000)
    assert moments[-1] - moments[0] < 1.5


def test_cancelled_waiters_leave_no_trace():
    """Who stops waiting neither holds a place nor loses another's turn."""

    async def scenario() -> None:
        limiter = Limiter(most=1)
        since = await limiter.acquire()
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        limiter.answered(since)
        await asyncio.sleep(0.01)
        assert waiting[1].done()
        assert not waiting[2].done()
        waiting[1].result()
        limiter.answered(since)
        await waiting[2]
        limiter.answered(since)
        assert limiter.flying == 0

    asyncio.run(scenario())


def test_caps_hold_after_a_pause():
    """Turns that came up while everybody paused are not all taken at its end."""

    async def scenario() -> list[float]:
        limiter = Limiter(most=64, requests_per_minute=600, clock=loop.time)
        since = await limiter.acquire()
        limiter.failed(since, FailureSignal(crowded=True, retry_after=5.0))
        moments = []

        async def one() -> None:
            await limiter.acquire()
            moments.append(loop.time())

        limiter.window.size = 64
        await asyncio.gather(*(one() for _ in range(60)))
        return moments

    with asyncio.Runner(loop_factory=Skipping) as runner:
        loop = runner.get_loop()
        moments = runner.run(scenario())
    assert moments[0] >= 5
    assert sum(moment < moments[0] + 1 for moment in moments) <= 21


def test_a_cap_on_tokens_is_used_though_answers_are_short():
    """What a request may use at most holds nobody up once one has told what it uses."""
    moments = sent(100, 8_000, 15, most=64, tokens_per_minute=60_000)
    assert moments[-1] - moments[0] < 3
    long = sent(40, 8_000, 2_000, most=64, tokens_per_minute=60_000)
    assert long[-1] - long[0] > 60


def test_a_quota_that_is_used_up_is_waited_for():
    """Flights refused in a row make all pause, longer each time, until an answer."""
    seen = 0

    async def serve(_flying: int) -> bool:
        nonlocal seen
        seen += 1
        await asyncio.sleep(0.01)
        now = asyncio.get_running_loop().time()
        return now < 1 or now > 31

    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(clock=runner.get_loop().time)
        moments = runner.run(load(limiter, serve, 12_000))
    assert sum(1 < moment < 31 for moment in moments) < 300
    assert moments[-1] < 45


def test_cancelled_waiters_give_back_what_they_took():
    """A Stop while a cap holds everybody up leaves no debt for the next run."""

    async def scenario() -> float:
        limiter = Limiter(most=64, requests_per_minute=60, clock=loop.time)
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(64)]
        await asyncio.sleep(0.05)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        began = loop.time()
        await limiter.acquire()
        return loop.time() - began

    with asyncio.Runner(loop_factory=Skipping) as runner:
        loop = runner.get_loop()
        assert runner.run(scenario()) < 4


def test_retry_after_adds_up_to_the_longest():
    """The pause is the longest that was asked for, not the sum."""
    clock = 0.0
    limiter = Limiter(clock=lambda: clock)
    limiter.flying = 2
    limiter.failed(clock, FailureSignal(crowded=True, retry_after=3.0))
    limiter.failed(clock, FailureSignal(crowded=True, retry_after=2.0))
    assert limiter.paused == 3.0
