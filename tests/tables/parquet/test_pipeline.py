"""Runs over many parts: killed, stopped, out of money, and yet nothing paid twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from tests.loopback import Answer, completion
from tests.stopping import interrupted
from tests.tables.asking import QUIET, echo, prompt_of, prompts, texts
from wcode_magics.errors import (
    AuthenticationError,
    BudgetError,
    CreditError,
    ReplayError,
    Stopped,
)
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor as frames

ENRICH = """
import sys
import wcode_magics
from wcode_magics.tables import accessor as frame
url, store = sys.argv[1:3]
frame.register(wcode_magics.Session(base_url=url, api_key="k", store=store))
made = wcode_magics.parquet(sys.argv[3], to=sys.argv[4], rows=150)
print(made.ask("{{ text }}", into="said", progress=False))
"""


def slow(seen) -> Answer:
    """An echo after 20 ms."""
    return replace(echo(seen), delay=0.02)


@pytest.mark.slow
def test_killed_at_any_moment(serve, table, tmp_path):
    """Killed (-9) at random moments: finished parts stay, and a last run is right."""
    server = serve(slow)
    df = texts(1_000)
    made = table(df)
    argv = [server.url, str(tmp_path / "s.db"), str(made.source), str(made.folder)]
    argv = [sys.executable, "-c", ENRICH, *argv]
    dice, stood = random.Random(random.random()), {}
    for _ in range(6):
        before = len(server.seen)
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(server.seen) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.2))
        process.kill()
        process.wait()
        now = {part.name: part.stat().st_mtime_ns for part in made.parts}
        assert {name: now[name] for name in stood} == stood
        assert all(len(pd.read_parquet(p)) in {150, 100} for p in made.parts)
        stood = now
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "1,000 of 1,000 rows" in done.stdout
    now = {part.name: part.stat().st_mtime_ns for part in made.parts}
    assert {name: now[name] for name in stood} == stood
    times = Counter(prompts(server.seen))
    assert len(times) == 1_000
    flight = 64 * 2  # what is in flight, and what was answered in the last 50 ms
    assert sum(times.values()) - 1_000 <= 6 * flight
    wanted = df.wcode.ask("{{ text }}", into="said", **QUIET)
    read = made.read()
    assert set(read.pop("said_status")) <= {"ok", "replayed"}
    pd.testing.assert_frame_equal(read, wanted.drop(columns="said_status"))


def test_stop_is_a_pause(serve, table):
    """Stopped, whole parts alone are there; running again sends the rest alone."""
    server = serve(slow, concurrency=4)
    made = table(texts(200), rows=30)
    with pytest.raises(Stopped) as stopped, interrupted(lambda: bool(made.parts)):
        made.wcode.ask("{{ text }}", **QUIET)
    written = stopped.value.value
    assert written.stopped
    assert 0 < written.rows < 200
    assert written.rows % 30 == 0
    assert set(made.read()["answer_status"]) == {"ok"}
    assert "run it again" in str(written)
    again = made.wcode.ask("{{ text }}", **QUIET)
    assert (again.rows, again.stopped, len(server.seen)) == (200, False, 200)
    assert made.read()["answer"].tolist() == [f"ROW {n}" for n in range(200)]


@pytest.mark.priced
def test_budget_is_of_the_whole_run(serve, table):
    """All parts together cost no more than the budget; another one goes on."""
    server = serve(concurrency=2)
    made = table(texts(90), rows=20)
    options = {"max_tokens": 5, **QUIET}
    written = made.wcode.ask("{{ text }}", budget=0.0006, **options)
    assert written.cost <= 0.0006
    assert isinstance(written.reason, BudgetError)
    assert 0 < written.rows < 90
    assert set(made.read()["answer_status"]) == {"ok"}
    sent = len(server.seen)
    assert made.wcode.ask("{{ text }}", budget=1, **options).rows == 90
    assert len(server.seen) == 90 > sent


@pytest.mark.parametrize(
    ("answer", "options", "error"),
    [
        (Answer([b"no"], status=401), {}, AuthenticationError),
        (echo, {"budget": 1e-9, "max_tokens": 5}, BudgetError),
    ],
)
def test_what_befalls_all_rows_is_raised(serve, table, answer, options, error):
    """Where nothing was answered the reason is the error, and no part is written."""
    serve(answer)
    made = table(texts(200), rows=20)
    with pytest.raises(error):
        made.wcode.ask("{{ text }}", **options, **QUIET)
    assert made.parts == []


def test_no_more_credit_on_the_way(serve, table):
    """It is an error that tells what is written; with credit again the rest is."""
    left = [45]

    def answer(seen) -> Answer:
        left[0] -= 1
        return echo(seen) if left[0] >= 0 else Answer([b"{}"], status=402)

    serve(answer, concurrency=2)
    made = table(texts(90), rows=20)
    with pytest.raises(CreditError, match="40 of 90 rows") as caught:
        made.wcode.ask("{{ text }}", **QUIET)
    assert caught.value.value.rows == 40
    left[0] = 90
    assert made.wcode.ask("{{ text }}", **QUIET).rows == 90
    assert made.read()["answer"].tolist() == [f"ROW {n}" for n in range(90)]


def test_replay_only(serve, table, tmp_path):
    """Recorded parts are made without a server; what is not recorded is an error."""
    store = tmp_path / "project.db"
    serve(store=str(store))
    texts(30).wcode.ask("{{ text }}", **QUIET)
    with Session(store=str(store), replay="only") as offline:
        frames.register(offline)
        made = table(texts(40), rows=10)
        with pytest.raises(ReplayError, match="row 3"):
            made.wcode.ask("{{ text }}", **QUIET)
    assert len(made.parts) == 3
    assert set(made.read()["answer_status"]) == {"replayed"}


def test_the_next_part_begins_while_the_last_answers_come(serve, table):
    """One slow answer in a part does not leave the network idle; order is kept."""
    came: set[int] = set()
    alone: set[int] = set()

    def tail(seen) -> Answer:
        """Holds the last row of a part back until the first of the next is there."""
        row = int(prompt_of(seen).removeprefix("row "))
        came.add(row)
        if row % 40 != 39 or row == 239:
            return replace(echo(seen), delay=0.02)
        alone.add(row)
        return Answer(echo(seen).pieces, until=lambda: followed(row))

    def followed(row: int) -> bool:
        if row + 1 in came:
            alone.discard(row)
        return row + 1 in came

    serve(tail, concurrency=8)
    made = table(texts(240), rows=40)
    made.wcode.ask("{{ text }}", **QUIET)
    assert came >= {39, 79, 119, 159, 199}
    assert not alone
    assert made.read()["answer"].tolist() == [f"ROW {n}" for n in range(240)]
    written = [part.stat().st_mtime_ns for part in made.parts]
    assert written == sorted(written)


def cut(seen) -> Answer:
    """An answer that does not come to its end."""
    return completion(prompt_of(seen), finish_reason="length")


@pytest.mark.parametrize("how", ["stop", "budget", "credit"])
@pytest.mark.priced
def test_retry_keeps_what_was_answered(serve, table, how):
    """A retry that ends early writes its answers; other rows stay as they were."""
    left = [30]

    def answer(seen) -> Answer:
        left[0] -= 1
        if how == "credit" and left[0] < 0:
            return Answer([b"{}"], status=402)
        hang = how == "stop" and left[0] < 0
        return Answer(hang=True) if hang else slow(seen)

    server = serve(cut, concurrency=2)
    made = table(texts(90), rows=80)
    options = {"max_tokens": 5, **QUIET}
    made.wcode.ask("{{ text }}", **options)
    assert set(made.read()["answer_status"]) == {"truncated"}
    server.script[:] = [answer]
    if how == "stop":
        enough = interrupted(lambda: left[0] < 0, presses=2)
        with pytest.raises(Stopped), enough:
            made.wcode.retry(["truncated"], **QUIET)
    elif how == "credit":
        with pytest.raises(CreditError):
            made.wcode.retry(["truncated"], **QUIET)
    else:
        written = made.wcode.retry(["truncated"], budget=0.0004, **QUIET)
        assert isinstance(written.reason, BudgetError)
    counts = Counter(made.read()["answer_status"])
    assert set(counts) == {"ok", "truncated"}
    rows = zip(made.read()["answer_status"], made.read()["answer"], strict=True)
    for number, (status, said) in enumerate(rows):
        assert said == (f"ROW {number}" if status == "ok" else f"row {number}")
    if how != "budget":
        assert counts["ok"] >= 28


@pytest.mark.parametrize("fresh", [False, True])
def test_neighbours_share_what_is_asked(serve, table, fresh):
    """A prompt that the part before has in flight is paid once, also with fresh."""
    server = serve(slow, concurrency=64)
    made = table(pd.DataFrame({"text": [*"abccddbd"]}), rows=2)
    written = made.wcode.ask("{{ text }}", fresh=fresh, **QUIET)
    times = Counter(prompt_of(seen) for seen in server.seen)
    assert times == {"a": 1, "b": 1 + fresh, "c": 1, "d": 1}
    assert made.read()["answer"].tolist() == [*"ABCCDDBD"]
    assert written.statuses.get("ok") == 8 - (not fresh)
    assert written.replayed == (not fresh)


def test_what_a_neighbour_was_not_answered_is_asked(serve, table):
    """A prompt that failed in the part before has its own try in the next."""
    broken = ["b"]

    def answer(seen) -> Answer:
        if prompt_of(seen) in broken:
            broken.remove(prompt_of(seen))
            return Answer([b"no"], status=400, delay=0.02)
        return slow(seen)

    server = serve(answer, concurrency=64)
    made = table(pd.DataFrame({"text": [*"abbcbb"]}), rows=2)
    written = made.wcode.ask("{{ text }}", **QUIET)
    assert made.read()["answer"].tolist()[2:] == [*"BCBB"]
    assert Counter(prompt_of(seen) for seen in server.seen) == {"a": 1, "b": 2, "c": 1}
    assert written.statuses == {"ok": 5, "http_4xx": 1}


def test_a_retry_shares_what_is_asked(serve, table):
    """Rows of neighbouring parts that are asked again alike are paid once."""
    server = serve(cut)
    made = table(pd.DataFrame({"text": ["a"] * 6}), rows=2)
    made.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 1
    server.script[:] = [slow]
    assert made.wcode.retry(["truncated"], **QUIET).statuses == {"ok": 6}
    assert len(server.seen) == 2
