"""Time limits of blocks: late ones end, others are left alone."""

import asyncio
import math

import pytest

from tests.sending.skipping import Skipping
from wcode_magics.runtime.deadline import Deadline


def run(work):
    """Run a coroutine on a loop that skips what is waited for."""
    with asyncio.Runner(loop_factory=Skipping) as runner:
        return runner.run(work)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 2.0])
def test_late_block_ends(seconds):
    """It raises TimeoutError, and the task goes on as if nobody had cancelled it."""

    async def work():
        loop = asyncio.get_running_loop()
        before = loop.time()
        with pytest.raises(TimeoutError), Deadline(seconds):
            await asyncio.sleep(10)
        waited = loop.time() - before
        await asyncio.sleep(1)
        return waited, asyncio.current_task().cancelling()

    assert run(work()) == (pytest.approx(max(seconds, 0.0)), 0)


@pytest.mark.parametrize("seconds", [20.0, math.inf])
def test_block_in_time_is_left_alone(seconds):
    """Nothing is left behind that would end what follows."""

    async def work():
        with Deadline(seconds):
            await asyncio.sleep(10)
        await asyncio.sleep(30)
        return True

    assert run(work())


def test_time_may_be_prolonged_and_lifted():
    """Whoever sets the limit is asked once it is over."""
    more = [3.0, 2.0, 0.0]

    async def work():
        loop = asyncio.get_running_loop()
        before = loop.time()
        with pytest.raises(TimeoutError), Deadline(1.0, lambda: more.pop(0)):
            await asyncio.sleep(10)
        waited = loop.time() - before
        with Deadline(1.0) as deadline:
            deadline.lift()
            await asyncio.sleep(10)
        return waited

    assert run(work()) == pytest.approx(6.0)


def test_own_errors_and_cancels_of_others_pass():
    """Only its own end is a TimeoutError."""

    async def inner():
        with Deadline(5.0):
            await asyncio.sleep(10)

    async def work():
        with pytest.raises(KeyError), Deadline(5.0):
            raise KeyError
        task = asyncio.create_task(inner())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError), Deadline(3.0), Deadline(9.0):
            await asyncio.sleep(10)
        return task.cancelled()

    assert run(work())


def test_error_while_it_ends_passes():
    """What a late block raises instead of ending is its error, and all it leaves."""

    async def fail():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise KeyError from None

    async def work():
        with pytest.raises(KeyError), Deadline(1.0):
            await fail()
        return asyncio.current_task().cancelling()

    assert run(work()) == 0
