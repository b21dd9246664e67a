"""The exchange of a leader and its workers, over a line that loses messages."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.sending.skipping import Skipping
from wcode_magics.errors import ClusterError, ReplayError
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.claims import Claims
from wcode_magics.sending.congestion_window import FailureSignal
from wcode_magics.sending.exchange import (
    GONE_S,
    LAPSE_S,
    BorrowedLimits,
    LeaderCall,
    LeaderMessage,
    Link,
    WorkerReport,
)
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.peer import Peer, RunRegistry

TOKEN = "a run"


class Run:
    """A run whose calls are counted."""

    def __init__(self, **caps) -> None:
        self.budget: Budget | None = None
        self.claims = Claims()
        self.counted: list[str] = []
        self.most = 8
        self._limiter = Limiter(clock=now, **caps)

    def limits(self) -> Limiter:
        """The limiter, with the caps of this run."""
        self._limiter.cap(most=self.most)
        return self._limiter

    async def count(self, name: str) -> int:
        """How many times this was called."""
        self.counted.append(name)
        return len(self.counted)

    async def fail(self) -> None:
        """Raise an error that travels."""
        raise ReplayError("store.empty", path="p", prompt="x", hash="h")

    async def claim(self, *hashes: str) -> tuple[set[str], list]:
        """Claim some hashes."""
        return await self.claims.take(hashes, wait=True), []


class Worker:
    """A worker, and the line to it, which ``fails`` where a message is to be lost."""

    def __init__(self, name: str, run: Run) -> None:
        self.link = Link(now)
        self.limits = BorrowedLimits(Limiter(clock=now), self.link, budget=None)
        self.limits.running = 1
        self.link.runs[TOKEN] = self.limits
        self.messages: list[LeaderMessage] = []
        self.fails: Callable[[int], str] = lambda _count: ""
        self.name, self.run = name, run
        self.gone = False

    def lead(self, leader: "Leader") -> None:
        """Let a leader lead it."""
        runs, numbers = leader.runs, leader.numbers
        self.peer = Peer(self.name, runs, numbers, leader.settled, now)
        self.led = asyncio.create_task(self.peer.lead(self.send))

    async def send(self, message: LeaderMessage) -> WorkerReport | None:
        """Carry a message there and the report back."""
        self.messages.append(message)
        fails = self.fails(len(self.messages))
        if self.gone:
            raise ConnectionError
        if fails == "there":
            return None
        report = await self.link.exchange(message)
        return None if fails == "back" else report

    async def call(self, name: str, *args: str) -> tuple[int, object]:
        """Call the leader."""
        return await self.link.call(LeaderCall(TOKEN, name, args))


class Leader:
    """A leader of one run."""

    def __init__(self, run: Run, *workers: Worker) -> None:
        self.runs = RunRegistry({TOKEN: run}.get, now)
        self.numbers = itertools.count()
        self.workers = {worker.name: worker for worker in workers}
        for worker in workers:
            worker.lead(self)

    def settled(self) -> None:
        """Renew shares where that is due."""
        for name in self.runs.due:
            self.workers[name].peer.wake()


def now() -> float:
    """The time of the loop, which skips."""
    return asyncio.get_running_loop().time()


def on(work: Callable[..., Awaitable[None]], *names: str, **caps) -> None:
    """Run a test on time that skips, with a run, its leader and workers."""

    async def all_of_it() -> None:
        run = Run(**caps)
        workers = [Worker(name, run) for name in names or ("w",)]
        leader = Leader(run, *workers)
        await work(run, *workers)
        for worker in leader.workers.values():
            worker.led.cancel()

    with asyncio.Runner(loop_factory=Skipping) as runner:
        runner.run(all_of_it())


def test_calls():
    """A result and an error come back; the next call does not wait for the renewal."""

    async def work(run, worker):
        call, counted = await worker.call("count", "one")
        worker.link.end(call)
        with pytest.raises(ReplayError):
            await worker.call("fail")
        assert (counted, run.counted) == (1, ["one"])
        assert now() < 0.4

    on(work)


@pytest.mark.parametrize("where", ["there", "back"])
def test_lost_messages(where):
    """Whichever is lost: each call is made once and has its result."""

    async def work(run, worker):
        worker.fails = lambda count: where if count % 2 else ""
        made = await asyncio.gather(*(worker.call("count", f"{n}") for n in range(9)))
        assert sorted(counted for _call, counted in made) == list(range(1, 10))
        assert sorted(run.counted) == [f"{n}" for n in range(9)]

    on(work)


def test_an_unknown_run():
    """A call of a run that the leader has forgotten fails, and says how to go on."""

    async def work(_run, worker):
        with pytest.raises(ClusterError, match="compute again"):
            await worker.link.call(LeaderCall("another run", "count", ("x",)))

    on(work)


def test_claims_are_held_until_the_call_ends():
    """And those of a worker that is gone are free again."""

    async def work(_run, one, other):
        call, _result = await one.call("claim", "a", "b")
        waiting = asyncio.create_task(other.call("claim", "b"))
        await asyncio.sleep(2)
        assert not waiting.done()
        one.link.end(call)
        held, (taken, _known) = await waiting
        assert taken == {"b"}
        other.gone = True
        assert held
        _call, (taken, _known) = await one.call("claim", "a", "b")
        assert taken == {"a", "b"}

    on(work, "one", "other")


def test_shares_over_the_line():
    """Requests in flight of both workers together stay within the limit."""

    async def work(run, one, other):
        most, flying = 0, 0

        async def send(limiter: Limiter) -> None:
            nonlocal most, flying
            for _ in range(20):
                since = await limiter.acquire()
                flying += 1
                most = max(most, flying)
                await asyncio.sleep(0.2)
                flying -= 1
                limiter.answered(since)

        began = now()
        await one.call("count", "x")
        await other.call("count", "x")
        limiters = [one.limits.limiter, other.limits.limiter]
        await asyncio.gather(*(send(limiters[n % 2]) for n in range(16)))
        assert most == run.most
        assert now() - began < 1.15 * 16 * 20 * 0.2 / run.most

    on(work, "one", "other")


def test_what_is_lent_in_advance_comes_back_with_its_answers():
    """Who asks later does not wait for the next renewal besides."""

    async def work(run, one, other):
        await one.call("count", "x")
        await other.call("count", "x")

        async def send() -> None:
            since = await one.limits.limiter.acquire()
            await asyncio.sleep(0.2)
            one.limits.limiter.answered(since)

        sending = [asyncio.create_task(send()) for _ in range(2 * run.most)]
        await asyncio.sleep(0.1)
        assert one.limits.limiter.flying == run.most
        began = now()
        await other.limits.limiter.acquire()
        assert now() - began < 0.2
        await asyncio.gather(*sending)

    on(work, "one", "other")


def test_a_pause_reaches_all_at_once():
    """Well within a second, and no request is sent meanwhile."""

    async def work(_run, one, other):
        await other.call("count", "x")
        since = await one.limits.limiter.acquire()
        theirs = await other.limits.limiter.acquire()
        signal = FailureSignal(crowded=True, retry_after=3.0)
        one.limits.limiter.failed(since, signal)
        began = now()
        await asyncio.sleep(0.2)
        assert other.limits.limiter.paused
        other.limits.limiter.answered(theirs)
        await other.limits.limiter.acquire()
        assert now() - began >= 3.0

    on(work, "one", "other")


def test_caps_of_the_run():
    """What another run sets on the endpoint's limiter does not hold for this one."""

    async def work(run, worker):
        run.most = 1
        await worker.limits.limiter.acquire()
        run._limiter.cap(most=64)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.limits.limiter.acquire(), 5)

    on(work)


def test_a_silent_leader():
    """Its shares lapse, and later on its calls fail; nothing is sent from then on."""

    async def work(_run, worker):
        await worker.call("count", "x")
        since = await worker.limits.limiter.acquire()
        worker.limits.limiter.answered(since)
        worker.led.cancel()
        waiting = asyncio.create_task(worker.call("count", "y"))
        await asyncio.sleep(LAPSE_S + 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.limits.limiter.acquire(), 1)
        assert worker.link.error is None
        with pytest.raises(ClusterError, match="has not answered"):
            await waiting
        assert now() < GONE_S + 2
        assert worker.link.error is not None

    on(work)


def test_a_lapsed_budget():
    """What was lent before is no more than what may be spent, lapsed or not."""

    async def work(run, worker):
        worker.limits = BorrowedLimits(Limiter(clock=now), worker.link, budget=True)
        worker.limits.running = 1
        worker.link.runs[TOKEN] = worker.limits
        run.budget = Budget(1.0)
        assert await worker.limits.budget.set_aside(0.5) == 0.5
        worker.limits.expire()
        assert worker.limits.budget.limit == 0.5

    on(work)


def test_a_lost_worker():
    """Its permits go to the others once it is known to be gone, or silent for long."""

    async def work(run, one, other):
        for _ in range(8):
            await one.limits.limiter.acquire()
        one.fails = lambda _count: "there"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.limits.limiter.acquire(), GONE_S / 2)
        one.gone = True
        await asyncio.wait_for(other.limits.limiter.acquire(), 1)
        assert one.led.done()
        assert run.limits().flying == 8

    on(work, "one", "other")


def test_a_worker_that_closes():
    """It says so, and leaves without a trace."""

    async def work(run, worker):
        await worker.limits.limiter.acquire()
        worker.link.close()
        await worker.led
        assert run.limits().flying == 0

    on(work)


def test_a_run_that_is_over():
    """What it was lent is returned."""

    async def work(run, worker):
        worker.limits.limiter.answered(await worker.limits.limiter.acquire())
        del worker.link.runs[TOKEN]
        worker.link.wake()
        await asyncio.sleep(1)
        assert run.limits().flying == 0

    on(work)


def test_old_messages_are_not_applied():
    """A share that comes late does not replace a newer one."""

    async def work(_run, worker):
        await worker.limits.limiter.acquire()
        worker.led.cancel()
        last = worker.messages[-1]
        limiter = worker.limits.limiter
        (share,) = last.shares.values()
        old = replace(last, number=0, shares={TOKEN: replace(share, permits=0)})
        late = asyncio.create_task(worker.link.exchange(old))
        await asyncio.wait_for(limiter.acquire(), 1)
        late.cancel()

    on(work)


def test_an_idle_worker_is_asked_rarely():
    """Some ten messages a minute, a busy one has one a second, with a cap two."""

    async def work(run, worker):
        worker.limits.running = 0
        await asyncio.sleep(60)
        assert len(worker.messages) <= 14
        worker.limits.running = 1
        await worker.call("count", "x")
        before = len(worker.messages)
        await asyncio.sleep(60)
        assert 55 <= len(worker.messages) - before <= 65
        capped = Limiter(clock=now, requests_per_minute=600)
        run.limits = lambda: capped
        before = len(worker.messages)
        await asyncio.sleep(60)
        assert 110 <= len(worker.messages) - before <= 130

    on(work)
