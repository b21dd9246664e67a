"""Whichever Dask client computes, its workers are led."""

import asyncio
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
from distributed import Client

from tests.loopback import completion
from tests.tables.dask.tables import slow, table
from wcode_magics.errors import ClusterError
from wcode_magics.tables.dask.coordinator import Coordinator


def test_made_anew(cluster, lead):
    """A table that was computed is computed by the next client as well."""
    first = cluster()
    server = lead(slow)
    asked = table(30).wcode.ask("Say {{ 评论 }}", into="said")
    asked.compute()
    first.close()
    with Client(first.cluster):
        made = asked.compute()
    assert Counter(made["said_status"]) == {"replayed": 29, "skipped": 1}
    assert len(server.seen) == 29


def test_two(cluster, lead):
    """Two clients compute at once, and no call of one goes to the other."""
    one = cluster()
    server = lead(slow, concurrency=8)
    with Client(one.cluster, set_as_default=False) as other:
        tables = [table(60).wcode.ask(f"Say {{{{ 评论 }}}}{n}") for n in (1, 2)]
        futures = [one.compute(tables[0]), other.compute(tables[1])]
        for future in futures:
            assert Counter(future.result(30)["answer_status"])["ok"] == 59
    assert len(server.seen) == 118


def test_not_the_default(cluster, lead):
    """A client that is not the default one leads its workers, too."""
    held = cluster()
    lead(slow)
    held.close()
    with Client(held.cluster, set_as_default=False) as client:
        asked = table(8, 2).wcode.ask("Say {{ 评论 }}")
        made = client.compute(asked).result(20)
    assert Counter(made["answer_status"]) == {"ok": 7, "skipped": 1}


def test_many_calls(cluster, lead):
    """Each further call opens nothing that stays open here."""
    cluster()
    lead(slow)
    own = psutil.Process()
    for round_ in range(2):
        held = own.num_fds()
        for n in range(4):
            table(2, 1).wcode.ask(f"{round_}{n} {{{{ 评论 }}}}").compute()
    assert own.num_fds() - held < 8


def queues(dask_scheduler) -> int:
    """The queues that the scheduler keeps."""
    return len(dask_scheduler.extensions["queues"].queues)


def kept(dask_scheduler) -> dict[str, set[str]]:
    """What the scheduler keeps for clients: queues, variables, topics, plugins."""
    extensions = dask_scheduler.extensions
    return {
        "queues": {*extensions["queues"].queues},
        "variables": {*extensions["variables"].variables},
        "topics": {name for name in dask_scheduler.get_events() if "wcode" in name},
        "plugins": {*dask_scheduler.plugins, *dask_scheduler.worker_plugins},
    }


def test_one_partition_more(cluster, lead):
    """A worker begins the next partition while it awaits the last answers of one."""
    cluster()
    server = lead(lambda _seen: replace(completion(), until=lambda: server.most == 39))
    made = table(40).wcode.ask("Say {{ 评论 }}").compute()
    assert server.most == 39
    assert Counter(made["answer_status"]) == {"ok": 39, "skipped": 1}


def test_nothing_stays_at_the_scheduler(cluster, lead):
    """Neither while a client is connected that led a run, nor once it has left."""
    client = cluster()
    lead(slow)
    before = client.run_on_scheduler(kept)
    with Client(client.cluster, set_as_default=False) as other:
        asked = table(12, 4).wcode.ask("Say {{ n }}")
        other.compute(asked).result(30)
        assert client.run_on_scheduler(kept) == before
    assert client.run_on_scheduler(kept) == before


def test_chained_calls(cluster, lead):
    """A worker stays connected from one partition of a call to the next."""
    client = cluster()
    lead(slow)
    before = client.run_on_scheduler(queues)
    asked = table(12, 12).wcode.ask("Say {{ n }}", into="said")
    asked.wcode.ask("Then {{ said }}", into="then").compute()
    assert client.run_on_scheduler(queues) <= before + 1 + 2 * 2


def test_no_key(cluster, lead):
    """A worker that has no key is not connected, partition by partition."""
    client = cluster(WCODE_API_KEY=None)
    lead(slow)
    before = client.run_on_scheduler(queues)
    asked = table(12, 12).wcode.ask("Say {{ n }}")
    with pytest.raises(ClusterError):
        asked.compute()
    assert client.run_on_scheduler(queues) <= before + 1


def test_closed_while_its_workers_are_asked_for(cluster):
    """A client that has just been closed knows no workers, and nothing is raised."""
    closed = cluster()
    closed.close()

    async def known():
        loop = SimpleNamespace(asyncio_loop=asyncio.get_running_loop())
        client = SimpleNamespace(scheduler=closed.scheduler, loop=loop)
        return await Coordinator(lambda _run: None)._addresses(client, ["tcp://one"])

    assert asyncio.run(known()) == ["tcp://one"]
