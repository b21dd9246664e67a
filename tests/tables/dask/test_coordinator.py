"""What a worker has been lent comes back, whatever becomes of the worker."""

import asyncio
import pickle
from dataclasses import astuple, replace

import pytest

from tests.loopback import completion
from wcode_magics.errors import BudgetError, ReplayError
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.limiter import FailureSignal, Limiter
from wcode_magics.session.session import Session
from wcode_magics.store import Store
from wcode_magics.store.row import replayed
from wcode_magics.tables.dask.coordinator import CoordinatedRun, WorkerLoans
from wcode_magics.tables.dask.in_flight import Claims


@pytest.fixture
def run(tmp_path) -> CoordinatedRun:
    """A run of at most two requests at once, with ¥1."""
    store = Store(tmp_path / "home.db")
    limiter = Limiter(most=2)
    yield CoordinatedRun(store, lambda: limiter, Budget(1.0), Claims())
    store.close()


def test_permits_are_shared(run):
    """A worker waits for what another one holds, and has it when that is back."""

    async def work():
        one, other = WorkerLoans(run), WorkerLoans(run)
        first, _alone = await one.enter(0)
        await one.enter(0)
        waiting = asyncio.create_task(other.enter(0))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        one.leave(first, used=0, length=0)
        await asyncio.wait_for(waiting, 1)
        assert run.limiter.flying == 2

    asyncio.run(work())


def test_own_caps(run):
    """What another run sets on the endpoint's limiter does not hold for this one."""
    shared = run.limiter

    def mine() -> Limiter:
        shared.cap(most=1)
        return shared

    async def work():
        shared.cap(most=64)
        desk = WorkerLoans(replace(run, limits=mine))
        await desk.enter(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(desk.enter(0), 0.05)

    asyncio.run(work())


def test_lost_worker(run):
    """What a lost worker held is free again; its money counts as spent."""

    async def work():
        lost, other = WorkerLoans(run), WorkerLoans(run)
        await lost.enter(0)
        await lost.enter(0)
        await lost.reserve(0.75)
        lost.close()
        await asyncio.wait_for(other.enter(0), 1)
        assert run.budget.spent == 0.75
        with pytest.raises(BudgetError):
            await other.reserve(0.5)

    asyncio.run(work())


def test_late_return(run):
    """A permit that was taken back and then returned is not counted twice."""

    async def work():
        desk = WorkerLoans(run)
        number, _alone = await desk.enter(0)
        desk.close()
        desk.leave(number, used=0, length=0)
        assert run.limiter.flying == 0

    asyncio.run(work())


def test_pause(run):
    """A Retry-After that one worker tells keeps the others waiting."""

    async def work():
        one, other = WorkerLoans(run), WorkerLoans(run)
        number, _alone = await one.enter(0)
        one.fail(number, *astuple(FailureSignal(crowded=True, retry_after=0.2)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.enter(0), 0.1)
        await asyncio.wait_for(other.enter(0), 1)

    asyncio.run(work())


def test_merge_and_recall(run, tmp_path, loopback):
    """Rows of a journal are kept once, however often they come, and are found."""
    with Session(base_url=loopback(completion("Hi.")).url, api_key="k") as session:
        reply = session.ask("Hello")
    journal = Store(tmp_path / "journal.db")
    journal.put(reply, "http://there")
    journal.flush()
    rows = [row[1:] for row in journal.since(0, 10)]
    journal.close()
    desk = WorkerLoans(run)
    for _ in range(2):
        asyncio.run(desk.merge(rows))
    (found,) = asyncio.run(desk.recall([reply.request.hash, "0" * 64], "http://there"))
    assert replayed(reply.request, found[1]).text == "Hi."
    assert len(run.store.history()) == 1


def test_refuse(run):
    """What was not recorded is refused by name, in an error that travels."""
    request = Request("m", (Message("user", "Who?"),))
    with pytest.raises(ReplayError, match=request.hash[:12]) as refused:
        asyncio.run(WorkerLoans(run).refuse(request.to_dict()))
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)
