"""The delay: when what is processed late had arrived."""

import asyncio

import pytest

from tests.sending.skipping import Skipping
from wcode_magics.runtime.loop_delay import BEAT_S, LoopDelay


@pytest.mark.parametrize("lag", [0.0, 0.1, 0.3, 3.0])
def test_lag_of_the_loop_is_known(lag):
    """What a loop reads late had arrived within two beats of when it did."""

    async def scenario() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        delay = LoopDelay(loop.time, lambda: True)
        delay.start()
        arrived = loop.create_future()
        loop.call_later(1.0, arrived.set_result, True)
        loop.call_later(1.0 - 1e-6, setattr, loop, "now", 1.0 + lag)
        await arrived
        return delay.arrived(loop.time()), loop.time()

    with asyncio.Runner(loop_factory=Skipping) as runner:
        arrived, now = runner.run(scenario())
    assert now == pytest.approx(1.0 + lag)
    assert arrived == pytest.approx(1.0, abs=2 * BEAT_S)


def test_beats_while_needed():
    """It leaves no timer behind, and begins anew."""
    needed = [1, 1, 0, 1, 0]

    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        delay = LoopDelay(loop.time, lambda: needed.pop(0))
        moments = []
        for _ in range(2):
            delay.start()
            delay.start()
            await asyncio.sleep(10)
            moments.append(len(needed))
        return moments

    with asyncio.Runner(loop_factory=Skipping) as runner:
        assert runner.run(scenario()) == [2, 0]


def test_a_new_loop_beats_anew():
    """A loop that ended, or was left behind by a fork, does not keep it from that."""
    beats = []
    delay = LoopDelay(lambda: 0.0, lambda: beats.append(1) or True)

    async def scenario() -> int:
        delay.start()
        before = len(beats)
        await asyncio.sleep(10 * BEAT_S)
        return len(beats) - before

    for _ in range(2):
        with asyncio.Runner(loop_factory=Skipping) as runner:
            assert runner.run(scenario()) >= 9
