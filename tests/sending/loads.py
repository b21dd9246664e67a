"""Requests sent as fast as a limiter lets, and endpoints that answer them."""

import asyncio

from tests.sending.skipping import Skipping
from wcode_magics.sending.congestion_window import FailureSignal
from wcode_magics.sending.limiter import Limiter


def simulated(serve, number: int, loop=Skipping, **more) -> Limiter:
    """A limiter after a load of so many requests, on a time that skips."""
    with asyncio.Runner(loop_factory=loop) as runner:
        limiter = Limiter(clock=runner.get_loop().time, **more)
        runner.run(load(limiter, serve, number))
    return limiter


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


def queueing(slots: int, seconds: float):
    """Serves so many at once, each for so long; the others wait for their turn."""
    server = asyncio.Semaphore(slots)

    async def serve(_flying: int) -> bool:
        async with server:
            await asyncio.sleep(seconds)
        return True

    return serve
