"""A call ends, with its answer or in an error."""

import asyncio
from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster, Queue

from wcode_magics.errors import ClusterError
from wcode_magics.runtime import loop
from wcode_magics.tables.dask.messages import Wire, queue_name

SOON_S = 10.0


@pytest.fixture
def client() -> Iterator[Client]:
    """Of a scheduler that has no workers."""
    address = "127.0.0.1:0"
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=address) as made,
        Client(made, set_as_default=False) as client,
    ):
        yield client


async def asked(wire: Wire) -> None:
    """A call that is answered soon or never."""
    await asyncio.wait_for(wire.call("enter", 0), SOON_S)


def test_lost(client):
    """A call that the office does not know of fails as soon as it says so."""
    wire = Wire("there", "token", client, "worker", lambda: True)
    waiting = loop.LoopTask(asked, wire).future
    calls = Queue(queue_name("there"), client=client)
    token, me, (enter, *_) = calls.get(timeout=SOON_S)
    assert (token, *enter[1:]) == ("token", "enter", 0)
    answers = Queue(queue_name("there", me), client=client)
    beat: list = []
    while not beat:
        said = calls.get(timeout=SOON_S)[2]
        beat = [call for call in said if call[1] == "beat" and call[2]]
    assert [*beat[0][2]] == [enter[0]]
    answers.put([[0, True, [enter[0]]]])
    with pytest.raises(ClusterError, match="lost"):
        waiting.result(SOON_S)
    wire.close()


def test_broken(client):
    """Once the scheduler is not reached any more, all calls fail, later ones too."""
    wire = Wire("there", "token", client, "worker", lambda: True)
    waiting = loop.LoopTask(asked, wire).future
    client.close()
    for future in (waiting, loop.LoopTask(asked, wire).future):
        with pytest.raises(ClusterError, match="scheduler"):
            future.result(SOON_S)
