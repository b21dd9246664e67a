"""What the partitions of a run share: claims, the store, and lines that are printed."""

import asyncio
import pickle

import pytest

from tests.loopback import completion
from wcode_magics.errors import ReplayError, StoreError
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.claims import Claims
from wcode_magics.sending.limiter import Limiter
from wcode_magics.session.session import Session
from wcode_magics.store import Store
from wcode_magics.store.row import replayed
from wcode_magics.tables.coordinated_run import CoordinatedRun


@pytest.fixture
def run(tmp_path) -> CoordinatedRun:
    """A run with a store of its own."""
    store = Store(tmp_path / "home.db")
    limiter = Limiter(most=2)
    yield CoordinatedRun(store, lambda: limiter, Budget(1.0), Claims(), {"lazy": "Go"})
    store.close()


@pytest.fixture
def rows(tmp_path, loopback) -> tuple[list, Request]:
    """The rows of a worker's journal with one answer, and its request."""
    with Session(base_url=loopback(completion("Hi.")).url, api_key="k") as session:
        reply = session.ask("Hello")
    journal = Store(tmp_path / "journal.db")
    journal.put(reply, "http://there")
    journal.flush()
    rows = [row[1:] for row in journal.since(0, 10)]
    journal.close()
    return rows, reply.request


def test_merge_and_recall(run, rows):
    """Rows of a journal are kept once, however often they come, and are found."""
    merged, request = rows
    for _ in range(2):
        asyncio.run(run.merge(merged))
    (found,) = asyncio.run(run.recall([request.hash, "0" * 64], "http://there"))
    assert replayed(request, found[1]).text == "Hi."
    assert len(run.store.history()) == 1


def test_claim_tells_what_is_recorded(run, rows):
    """What is claimed comes with its recorded reply; what another has, without."""
    merged, request = rows

    async def work():
        await run.merge(merged)
        asked = [request.hash, "0" * 64]
        taken, known = await run.claim(asked, False, "http://there", 0.0)
        assert taken == {*asked}
        assert [name for name, _data in known] == [request.hash]
        assert await run.claim(asked, False, "http://there", 0.0) == (set(), [])

    asyncio.run(work())


def test_a_claim_that_fails_claims_nothing(run):
    """Where the store cannot be read, the requests stay free."""

    async def work():
        with pytest.raises(StoreError):
            await run.claim(["a"], False, "http://there", 0.0)
        assert await run.claims.take(["a"], wait=False) == {"a"}

    run.store.close()
    asyncio.run(work())


def test_refuse(run):
    """What was not recorded is refused by name, in an error that travels."""
    request = Request("m", (Message("user", "Who?"),))
    with pytest.raises(ReplayError, match=request.hash[:12]) as refused:
        asyncio.run(run.refuse(request))
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_a_line_is_printed_once(run, capsys):
    """Whoever asks for it, and how often."""
    for name in ("lazy", "lazy", "lazy_unconfirmed"):
        asyncio.run(run.announce(name))
    assert capsys.readouterr().out == "Go\n"
