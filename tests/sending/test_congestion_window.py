"""The congestion window: as many in flight as the endpoint bears."""

import asyncio
import itertools
import math
import random

import pytest

from tests.sending.loads import load, queueing, simulated
from tests.sending.skipping import Skipping
from wcode_magics.sending.congestion_window import CALM, START, FailureSignal
from wcode_magics.sending.limiter import Limiter


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


LAGS = {
    "in each turn": lambda dice, _turn: dice.uniform(0, 0.3),
    "now and then": lambda dice, _turn: 0.3 * (dice.random() < 0.1),
    "more and more": lambda _dice, turn: min(0.3, turn / 1e3),
    "for seconds": lambda dice, _turn: 3.0 * (dice.random() < 0.02),
}


def lagging(lag) -> type[Skipping]:
    """A loop that is late by so many seconds in each of its turns."""
    dice, turns = random.Random(1), itertools.count()

    class Lagging(Skipping):
        def _run_once(self) -> None:
            self.now += lag(dice, next(turns))
            super()._run_once()

    return Lagging


@pytest.mark.parametrize("most", [64, 512])
@pytest.mark.parametrize("seconds", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("lag", LAGS)
def test_its_own_lag_is_not_the_endpoints(lag, seconds, most):
    """A client that is late, for lack of CPU, does not send fewer at once."""
    windows = set()

    async def serve(_flying: int) -> bool:
        windows.add(limiter.window.size)
        await asyncio.sleep(seconds)
        return True

    with asyncio.Runner(loop_factory=lagging(LAGS[lag])) as runner:
        limiter = Limiter(most=most, clock=runner.get_loop().time)
        runner.run(load(limiter, serve, 10 * most))
    assert min(windows) == min(START, most)
    assert limiter.window.size == most


@pytest.mark.parametrize("lag", LAGS)
def test_a_queue_is_seen_by_a_late_client(lag):
    """Where more in flight only wait longer, fewer fly, late though the client is."""
    limiter = simulated(queueing(4, 0.8), 2_000, lagging(LAGS[lag]))
    assert CALM <= limiter.window.size < 32


def test_a_higher_most_is_used_at_once():
    """What is allowed later counts as if it had been from the beginning."""
    limiter = Limiter(most=64)
    limiter.cap(512)
    assert limiter.window.size == START
    limiter.flying = 1
    limiter.failed(limiter.window.size, FailureSignal(crowded=True))
    limiter.cap(1_024)
    assert limiter.window.size == START / 2
