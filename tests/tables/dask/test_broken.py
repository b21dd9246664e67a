"""Computations that break off: what was answered is kept, and why is told."""

import subprocess
import sys
import time
from collections import Counter

import pytest
from distributed import Client, LocalCluster

from tests.loopback import Answer
from tests.tables.asking import prompt_of
from tests.tables.dask.tables import settled, slow, table
from wcode_magics.errors import CreditError
from wcode_magics.tables import run


def counted(counts: Counter[str]):
    """The usual answers, each prompt counted."""

    def answer(seen) -> Answer:
        counts[prompt_of(seen)] += 1
        return slow(seen)

    return answer


def test_begun_again(cluster, lead):
    """What is computed again right after it was cancelled sends nothing twice."""
    counts: Counter[str] = Counter()
    client = cluster()
    lead(counted(counts), concurrency=8)
    asked = table(400, 2).wcode.ask("Say {{ 评论 }}")
    for pause in (0.0, 0.3):
        before = counts.total()
        future = client.compute(asked)
        while counts.total() < before + 100:
            time.sleep(0.01)
        future.cancel()
        time.sleep(pause)
    made = client.compute(asked).result(60)
    assert set(made["answer_status"]) == {"ok", "replayed", "skipped"}
    assert (len(counts), counts.total()) == (399, 399)


def test_threads_of_a_cluster(lead, tmp_path):
    """A worker in the process that leads stops sending for what was cancelled."""
    server = lead(slow, concurrency=8)
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=str(tmp_path),
        ) as cluster,
        Client(cluster) as client,
    ):
        future = client.compute(table(2000, 2).wcode.ask("Say {{ 评论 }}"))
        while len(server.seen) < 50:
            time.sleep(0.01)
        future.cancel()
        time.sleep(1.5)
        sent = len(server.seen)
        time.sleep(1.0)
        assert len(server.seen) == sent < 1999


LEADER = """
import sys
import dask.dataframe as dd
import pandas as pd
from distributed import Client
from wcode_magics.tables import accessor
from wcode_magics.session.session import Session

if __name__ == "__main__":
    url, folder, scheduler = sys.argv[1:]
    with Client(scheduler):
        accessor.register(Session(base_url=url, store=f"{folder}/a.db", concurrency=8))
        texts = pd.DataFrame({"text": [f"text {n}" for n in range(2000)]})
        lazy = dd.from_pandas(texts, npartitions=4)
        lazy.wcode.ask("Say {{ text }}", progress=False).compute()
"""


def test_killed_leader(cluster, loopback, tmp_path):
    """Workers stop, and what they were answered is in no way lost."""
    client = cluster()
    server = loopback(slow)
    argv = [sys.executable, "-c", LEADER, server.url, str(tmp_path)]
    leader = subprocess.Popen([*argv, client.scheduler.address])
    while len(server.seen) < 50:
        time.sleep(0.01)
    leader.kill()
    leader.wait()
    sent = settled(server)
    assert sent < 1999
    assert len(server.seen) == sent
    assert client.submit(sum, [1, 1]).result(30) == 2


@pytest.mark.parametrize("scheduler", ["cluster", "threads"])
def test_no_credit(cluster, lead, scheduler):
    """Credit that ends midway fails the computation; what was answered is home."""
    good: list = []

    def answer(seen) -> Answer:
        if len(good) == 30:
            return Answer([b'{"error": {"message": "no"}}'], status=402)
        good.append(seen)
        return slow(seen)

    if scheduler == "cluster":
        cluster()
    lead(answer, concurrency=4)
    with pytest.raises(CreditError):
        table(200, 2).wcode.ask("Say {{ 评论 }}").compute()
    deadline = time.monotonic() + 10
    while len(run.session().store.history()) < 30:
        assert time.monotonic() < deadline
        time.sleep(0.1)
