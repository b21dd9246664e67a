"""Runs among faults: nothing swapped, nothing lost, nothing paid twice."""

import asyncio
import contextlib
import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from tests.loopback import Answer
from tests.tables.asking import QUIET, echo, prompt_of, prompts, texts
from wcode_magics.errors import CreditError, StoreError
from wcode_magics.store import Store
from wcode_magics.store.writer import BACKLOG

SAID = {
    "http_4xx": "too many",
    "http_5xx": "oops",
    "connection": "connection",
    "timeout": "2 s",
    "invalid": "not JSON",
}


class Faulty:
    """10 % 429, 5 % 500, 3 % resets, 2 % cut, 1 % broken JSON, 1 % too slow.

    ``met`` is the status of the fault that each prompt met last; ``always`` are rolls
    of prompts that meet the same one each time.
    """

    def __init__(self, seed: int, always: dict[str, float] | None = None) -> None:
        self.met: dict[str, str] = {}
        self._always = always or {}
        self._dice = random.Random(seed)

    def __call__(self, seen) -> Answer:
        """A fault, or the answer."""
        prompt = prompt_of(seen)
        roll = self._always.get(prompt, self._dice.random())
        told = json.dumps({"error": {"message": f"too many, oops: {prompt}!"}})
        if roll < 0.10:
            self.met[prompt] = "http_4xx"
            past = "Thu, 01 Jan 1970 00:00:00 GMT"
            when = {"Retry-After": self._dice.choice(["0", "0.01", past])}
            return Answer([told.encode()], status=429, headers=when)
        if roll < 0.15:
            self.met[prompt] = "http_5xx"
            return Answer([told.encode()], status=500)
        if roll < 0.18:
            self.met[prompt] = "connection"
            raise ConnectionResetError
        if roll < 0.20:
            self.met[prompt] = "connection"
            return Answer([b'{"choices": [{"mess'], cut=True)
        if roll < 0.21:
            self.met[prompt] = "invalid"
            return Answer([b'{"choices": [{"mess'])
        if roll < 0.22:
            self.met[prompt] = "timeout"
            return Answer(hang=True)
        return echo(seen)


def test_faults_of_every_kind(serve):
    """Under all faults at once every row is right or has its own error."""
    asked = texts(2_000)
    rolls = dict(zip(asked["text"], (0.12, 0.16, 0.205, 0.215), strict=False))
    faulty = Faulty(5, rolls)
    serve(faulty, timeout=2, retries=1)
    made = asked.wcode.ask("{{ text }}", **QUIET)
    good = made["answer_status"] == "ok"
    assert (made["answer"][good] == made["text"][good].str.upper()).all()
    assert made["answer"][~good].isna().all()
    assert good.mean() > 0.95
    last = {"http_5xx", "connection", "invalid", "timeout"}
    assert {*made["answer_status"][~good]} >= last
    assert {*faulty.met.values()} == {*SAID}
    for _, row in made[~good].iterrows():
        assert row["answer_status"] == faulty.met[row["text"]]
        assert SAID[row["answer_status"]] in row["answer_error"]
        if row["answer_status"].startswith("http"):
            assert f": {row['text']}!" in row["answer_error"]


ENRICH = """
import sys
import pandas as pd
from wcode_magics.tables import accessor as frame
from wcode_magics.session.session import Session
frame.register(Session(base_url=sys.argv[1], api_key="k", store=sys.argv[2]))
df = pd.DataFrame({"text": [f"row {n}" for n in range(2_000)]})
made = df.wcode.ask("{{ text }}", progress=False)
assert made["answer"].tolist() == [f"ROW {n}" for n in range(2_000)]
print(made["answer_status"].value_counts().to_dict())
"""


FLIGHT = 64


@pytest.mark.slow
def test_killed_at_any_moment(loopback, tmp_path):
    """Killed (-9) at ten random moments: the store's answers are never sent again.

    A kill costs what was in flight, and what was answered and not yet committed.
    """
    dice = random.Random(random.random())
    due: dict[str, float] = {}

    def slow(seen) -> Answer:
        delay = dice.uniform(0.05, 0.15)
        due.update(dict.fromkeys(prompts([seen]), time.monotonic() + delay))
        return replace(echo(seen), delay=delay)

    server = loopback(slow)
    path = tmp_path / "answers.db"
    argv = [sys.executable, "-c", ENRICH, server.url, str(path)]
    kept: set[str] = set()
    lost = 0
    for _ in range(10):
        before = len(server.seen)
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(server.seen) == before:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.4))
        process.kill()
        end = time.monotonic()
        process.wait()
        settle(server)
        sent = Counter(prompts(server.seen[before:]))
        assert max(sent.values()) == 1
        assert not kept & set(sent)
        kept |= stored(path)
        gone = [due[prompt] for prompt in set(sent) - kept]
        assert sum(moment > end for moment in gone) <= FLIGHT
        assert len(gone) <= 2 * FLIGHT
        lost += len(gone)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert eval(done.stdout) == {"ok": 2_000 - len(kept), "replayed": len(kept)}
    assert len(prompts(server.seen)) == 2_000 + lost
    assert lost <= 10 * 1.5 * FLIGHT


FULL = """
import resource, signal, sys
import pandas as pd
from wcode_magics.errors import StoreError
from wcode_magics.tables import accessor as frame
from wcode_magics.session.session import Session
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
session = Session(base_url=sys.argv[1], api_key="k", store=sys.argv[2], concurrency=8)
frame.register(session)
df = pd.DataFrame({"text": [f"row {n} " + "x" * 500 for n in range(600)]})
session.store
room = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, room[1]))
try:
    df.wcode.ask("{{ text }}")
except StoreError as error:
    print(error, file=sys.stderr)
    made = error.value
done = made["answer"].notna()
assert (made["answer"][done] == df["text"][done].str.upper()).all()
assert set(made["answer_status"]) == {"ok", "stopped"}
session.store.flush()
assert session.store.count() == done.sum()
try:
    df.wcode.ask("{{ text }}")
except StoreError as error:
    print(done.sum(), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, room)
made = df.wcode.ask("{{ text }}")
assert (made["answer"] == df["text"].str.upper()).all()
"""


def test_a_disk_that_is_full(loopback, tmp_path):
    """Sending stops while what is paid for fits; with room again all go on."""
    server = loopback(lambda seen: Answer(echo(seen).pieces, delay=0.02))
    argv = [sys.executable, "-c", FULL, server.url, str(tmp_path / "answers.db")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 8 <= int(done.stdout.split()[0]) < 500
    assert str(tmp_path) in done.stderr
    assert len(server.seen) == 600


UNWRITTEN = """
import resource, signal, sys
import pandas as pd
from wcode_magics.errors import StoreError
from wcode_magics.tables import accessor as frame
from wcode_magics.session.session import Session
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
session = Session(base_url=sys.argv[1], api_key="k", store=sys.argv[2], concurrency=8)
frame.register(session)
df = pd.DataFrame({"text": [f"row {n} " + "x" * 20_000 for n in range(100)]})
session.store
room = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, room[1]))
try:
    df.wcode.ask("{{ text }}")
except StoreError as error:
    made, left = error.value, session.pool.waiting
    done = made["answer"].notna()
    assert 0 < left <= done.sum() < 100, (left, done.sum())
    assert f" {left} paid answers could not be written" in str(error), str(error)
    assert (made["answer"][done] == df["text"][done].str.upper()).all()
resource.setrlimit(resource.RLIMIT_FSIZE, room)
session.close()
"""


def test_paid_answers_in_memory_only_are_counted(loopback, tmp_path):
    """The error of a full disk tells how many there are; the table has them."""

    def answer(seen) -> Answer:
        asks = b'"messages"' in seen.content
        return echo(seen) if asks else Answer([b"{}"], status=404)

    server = loopback(answer)
    path = str(tmp_path / "answers.db")
    argv = [sys.executable, "-c", UNWRITTEN, server.url, path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Store(path, readonly=True) as store:
        assert store.count() == sum(
            b'"messages"' in seen.content for seen in server.seen
        )


def test_a_store_that_is_held_up_bounds_what_is_in_memory(serve, tmp_path):
    """While another program holds the file, sending waits; then all is written."""
    path = tmp_path / "answers.db"
    server = serve(echo, store=str(path))
    sent = []

    def hold() -> None:
        while len(server.seen) < 50:
            time.sleep(0.01)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            sent.append(len(server.seen))
            while len(sent) < 3 or sent[-1] != sent[-2]:
                time.sleep(0.5)
                sent.append(len(server.seen))

    holder = threading.Thread(target=hold)
    holder.start()
    made = texts(5_000).wcode.ask("{{ text }}", **QUIET)
    holder.join()
    assert sent[-1] - sent[0] <= BACKLOG + 2 * 64
    assert (made["answer"] == made["text"].str.upper()).all()


def out_of_credit(after: int):
    """An endpoint that answers so many and then wants money."""

    def answer(seen) -> Answer:
        answer.seen += 1
        poor = answer.seen > after and not answer.paid
        told = json.dumps({"error": {"message": "pay"}}).encode()
        return Answer([told], status=402) if poor else echo(seen)

    answer.seen, answer.paid = 0, False
    return answer


def test_no_more_credit_on_the_way(serve):
    """It is an error that has the frame so far; with credit again the rest is sent."""
    endpoint = out_of_credit(12)
    server = serve(endpoint, concurrency=4)
    with pytest.raises(CreditError, match=r"100 rows .* run it again") as caught:
        texts(100).wcode.ask("{{ text }}", **QUIET)
    statuses = Counter(caught.value.value["answer_status"])
    assert statuses["ok"] == 12
    assert 1 <= statuses["http_4xx"] <= 4
    assert statuses.total() == 12 + statuses["http_4xx"] + statuses["stopped"] == 100
    assert str(caught.value).count("credit") == 1
    refused = len(server.seen) - 12
    assert refused <= 4 + 2  # those in flight, and then one alone, and one in its wake
    endpoint.paid = True
    made = caught.value.value.wcode.retry(**QUIET)
    assert made["answer"].tolist() == [f"ROW {n}" for n in range(100)]
    sent = Counter(prompt_of(seen) for seen in server.seen)
    assert sent.total() == 100 + refused


def test_no_more_credit_on_the_way_of_a_wait(serve):
    """Awaited, it is the same error."""
    serve(out_of_credit(3), concurrency=1)
    with pytest.raises(CreditError) as caught:
        asyncio.run(texts(9).wcode.aio.ask("{{ text }}", **QUIET))
    assert caught.value.value["answer"][:3].tolist() == ["ROW 0", "ROW 1", "ROW 2"]


def test_a_store_that_is_held_by_another(serve, tmp_path):
    """Where no answer could be kept none is paid for, and the error names the file."""
    path = tmp_path / "answers.db"
    server = serve(store=str(path))
    texts(1).wcode.ask("{{ text }}", **QUIET)
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"answers\.db is locked by another"):
            texts(3).wcode.ask("{{ text }}!", **QUIET)
    assert len(server.seen) == 1
    assert len(texts(3).wcode.ask("{{ text }}!", **QUIET)) == 3


def settle(server) -> None:
    """Wait until a server has read what was on its way."""
    seen = -1
    while len(server.seen) != seen:
        seen = len(server.seen)
        time.sleep(0.1)


def stored(path) -> set[str]:
    """The prompts whose answers a store has."""
    with contextlib.closing(Store(path, readonly=True)) as store:
        return {request.prompt for request in store.recorded(limit=9_999)}
