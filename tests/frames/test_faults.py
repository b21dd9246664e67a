"""Runs among faults: nothing swapped, nothing lost, nothing paid twice."""

import random
import subprocess
import sys
import time
from collections import Counter

from tests.frames.asking import QUIET, echo, prompt_of, texts
from tests.loopback import Answer


def faulty(dice: random.Random):
    """10 % 429, 5 % 500, 3 % resets, 2 % cut, 1 % broken JSON, 1 % too slow."""

    def script(seen) -> Answer:
        roll = dice.random()
        if roll < 0.10:
            when = dice.choice(["0", "0.01", "Thu, 01 Jan 1970 00:00:00 GMT"])
            return Answer([b"{}"], status=429, headers={"Retry-After": when})
        if roll < 0.15:
            return Answer([b"oops"], status=500)
        if roll < 0.18:
            raise ConnectionResetError
        if roll < 0.20:
            return Answer([b'{"choices": [{"mess'], cut=True)
        if roll < 0.21:
            return Answer([b'{"choices": [{"mess'])
        if roll < 0.22:
            return Answer(hang=True)
        return echo(seen)

    return script


def test_faults_of_every_kind(serve):
    """Under all faults at once every row is right or has its own error."""
    serve(faulty(random.Random(5)), timeout=0.5, retries=2)
    made = texts(600).wcode.ask("{{ text }}", **QUIET)
    good = made["answer_status"] == "ok"
    assert (made["answer"][good] == made["text"][good].str.upper()).all()
    assert made["answer_error"][~good].notna().all()
    assert made["answer"][~good].isna().all()
    assert good.mean() > 0.9
    assert set(made["answer_status"]) <= {
        "ok",
        "http_4xx",
        "http_5xx",
        "connection",
        "timeout",
        "invalid",
    }


ENRICH = """
import sys
import pandas as pd
from wcode_magics.frames import frame
from wcode_magics.session import Session
frame.register(Session(base_url=sys.argv[1], api_key="k", store=sys.argv[2]))
df = pd.DataFrame({"text": [f"row {n}" for n in range(2_000)]})
made = df.wcode.ask("{{ text }}", progress=False)
assert made["answer"].tolist() == [f"ROW {n}" for n in range(2_000)]
print(made["answer_status"].value_counts().to_dict())
"""


def test_killed_at_any_moment(loopback, tmp_path):
    """Killed (-9) at ten random moments: a last run is right and sends little again."""

    def slow(seen) -> Answer:
        return Answer(echo(seen).pieces, delay=0.02)

    server = loopback(slow)
    store = tmp_path / "answers.db"
    argv = [sys.executable, "-c", ENRICH, server.url, str(store)]
    dice = random.Random()
    for _ in range(10):
        before = len(server.seen)
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while len(server.seen) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.15))
        process.kill()
        process.wait()
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "ok" in done.stdout or "replayed" in done.stdout
    times = Counter(prompt_of(seen) for seen in server.seen)
    assert len(times) == 2_000
    flight = 64 * 2  # what is in flight, and what was answered in the last 50 ms
    assert sum(times.values()) - 2_000 <= 10 * flight
