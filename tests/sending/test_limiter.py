"""The limiter: what an endpoint bears, and never more than the caps."""

import asyncio
import math
import random

import pytest

from tests.sending.skipping import Skipping
from wcode_magics.sending.congestion_window import CALM, START, FailureSignal
from wcode_magics.sending.limiter import Limiter


def simulated(serve, number: int, **more) -> Limiter:
    """A limiter after a load of so many requests, on a time that skips."""
    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(clock=runner.get_loop().time, **more)
        runner.run(load(limiter, serve, number))
    return limiter


def sent(number: int, tokens: int, used: int, **caps) -> list[float]:
    """When each of so many requests was sent that are answered at once."""

    async def serve(_flying: int) -> bool:
        return True

    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(clock=runner.get_loop().time, **caps)
        return runner.run(load(limiter, serve, number, tokens=tokens, used=used))


async def load(
    limiter: Limiter, serve, number: int, tokens: int = 0, **more
) -> list[float]:
    """Send ``number`` requests as fast as it lets; the moments of sending.

    ``serve`` is told how many are at the endpoint.
    """
    moments: list[float] = []
    left = iter(range(number))
    there = 0

    async def work() -> None:
        nonlocal there
        for _ in left:
            since = await limiter.acquire(tokens)
            moments.append(asyncio.get_running_loop().time())
            there += 1
            answered = await serve(there)
            there -= 1
            if answered:
                limiter.answered(since, **more)
            else:
                limiter.failed(since, FailureSignal(crowded=True))

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

    limiter = simulated(serve, 1_000, most=2 * START)
    assert 1.8 * START < most <= 2 * START
    assert limiter.flying == 0


def test_doubles_with_each_window_of_answers():
    """Answers that come all at once open it as far as those that come one by one."""
    most = []

    async def serve(flying: int) -> bool:
        most.append(flying)
        await asyncio.sleep(0.5)
        return True

    simulated(serve, 3 * START, most=2 * START)
    assert max(most) == 2 * START


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


def test_finds_what_is_borne():
    """An endpoint that refuses more than ten settles near ten, most answered."""
    refused = 0

    async def serve(flying: int) -> bool:
        nonlocal refused
        await asyncio.sleep(0.002)
        refused += flying > 10
        return flying <= 10

    limiter = simulated(serve, 2_000)
    assert 4 <= limiter.window.size <= 14
    assert refused < 400


def test_one_flight_halves_once():
    """Failures of requests that were in flight together count once."""

    async def serve(_flying: int) -> bool:
        await asyncio.sleep(0.01)
        return False

    limiter = simulated(serve, START, most=START)
    assert limiter.window.size == START / 2


def queueing(slots: int, seconds: float):
    """Serves so many at once, each for so long; the others wait for their turn."""
    server = asyncio.Semaphore(slots)

    async def serve(_flying: int) -> bool:
        async with server:
            await asyncio.sleep(seconds)
        return True

    return serve


@pytest.mark.parametrize("slots", [2, 4, 8, 16])
def test_rising_latency_shrinks(slots):
    """Where more in flight only wait longer, fewer fly; enough to keep all slots."""
    limiter = simulated(queueing(slots, 0.4), 2_000)
    assert max(CALM, slots) <= limiter.window.size < 48


@pytest.mark.parametrize("slots", [32, 64, 500])
def test_what_is_borne_is_used(slots):
    """An endpoint that serves half of the most, or more, at once is not held back."""
    assert simulated(queueing(slots, 0.4), 2_000).window.size == 64


def test_slow_by_itself_is_not_blamed():
    """Where fewer at once are no faster they are not kept few."""
    windows = []

    async def serve(_flying: int) -> bool:
        windows.append(limiter.window.size)
        await asyncio.sleep(0.4 if len(windows) < 300 else 1.6)
        return True

    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(clock=runner.get_loop().time)
        runner.run(load(limiter, serve, 3_000))
    assert limiter.window.size == 64
    assert sum(window < 64 for window in windows) < 100


@pytest.mark.parametrize("spread", [0.3, 0.6, 0.9])
def test_uneven_times_are_no_sign(spread):
    """Answers whose times differ widely do not cost more than a tenth of the speed."""
    dice = random.Random(1)
    moments = []

    async def serve(_flying: int) -> bool:
        await asyncio.sleep(dice.lognormvariate(0.0, spread))
        return True

    with asyncio.Runner(loop_factory=Skipping) as runner:
        clock = runner.get_loop().time
        limiter = Limiter(clock=clock)
        runner.run(load(limiter, serve, 10_000))
        moments.append(clock())
    ideal = 10_000 / 64 * math.exp(spread**2 / 2)
    assert moments[0] < ideal / 0.9


@pytest.mark.parametrize(("answered", "window"), [(20, 14), (64, 64), (0, 32)])
def test_too_late(answered, window):
    """A timeout tells how many are answered in time, unless that is a whole window."""
    clock = 0.0
    limiter = Limiter(most=64, clock=lambda: clock)
    limiter.flying = 64 + answered
    clock = 5.0
    for _ in range(answered):
        limiter.answered(1.0)
    clock = 10.0
    for _ in range(44):
        limiter.failed(0.0, FailureSignal(late=True))
    assert limiter.window.size == pytest.approx(window)


def test_longer_answers_are_no_sign():
    """Answers that take longer because they are longer do not shrink it."""

    async def short(_flying: int) -> bool:
        await asyncio.sleep(0.4)
        return True

    async def long(_flying: int) -> bool:
        windows.append(limiter.window.size)
        await asyncio.sleep(4)
        return True

    windows: list[float] = []
    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(most=32, clock=runner.get_loop().time)
        runner.run(load(limiter, short, 200, length=10))
        runner.run(load(limiter, long, 500, length=600))
    assert set(windows) == {32}


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
