"""``ddf.wcode``: what a DataFrame has, lazily, in two processes."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import dask
import dask.dataframe as dd
import pandas as pd
import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, prompt_of
from tests.tables.dask.conftest import KEY
from tests.tables.dask.tables import WAIT_S, settled, slow, table
from wcode_magics.errors import ClusterError, ReplayError, TemplateError, UsageError
from wcode_magics.protocol import models
from wcode_magics.session.session import Session
from wcode_magics.store import Store
from wcode_magics.tables import accessor as frames
from wcode_magics.tables import run

BEHIND_S = 1.0
"""Longer than any machine takes to commit an answer."""


@pytest.fixture
def arrivals() -> Iterator[list[float]]:
    """The moments at which requests came; ``clocked`` fills it."""
    return []


def clocked(moments: list[float], answer):
    """The same answers, each arrival noted."""

    def script(seen) -> Answer:
        moments.append(time.monotonic())
        return answer(seen)

    return script


STOPPED = """
import sys
import dask
import dask.dataframe as dd
import pandas as pd
from wcode_magics.tables import accessor as frame
from wcode_magics.session.session import Session

url, folder, scheduler = sys.argv[1:]
frame.register(Session(base_url=url, store=f"{folder}/answers.db", concurrency=8))
texts = pd.DataFrame({"text": [f"text {n}" for n in range(2000)]})
lazy = dd.from_pandas(texts, npartitions=4)
lazy = lazy.wcode.ask("Say {{ text }}", progress=False)
try:
    lazy.compute(scheduler=scheduler)
except KeyboardInterrupt:
    print("stopped", flush=True)
    sys.stdin.readline()
"""


def most_at_once(moments: list[float], span: float) -> int:
    """The most arrivals within any ``span`` of seconds."""
    return max(sum(t <= other < t + span for other in moments) for t in moments)


def _price(url: str) -> None:
    """Give a server a row in the catalogue of a worker's process."""
    models.MODELS += (replace(models.MODELS[0], place=url),)


class TestEqual:
    """What comes back equals what pandas gives."""

    def test_ask(self, cluster, lead):
        """Index, order and dtypes are those of pandas; each prompt is sent once."""
        cluster()
        server = lead(slow)
        lazy = table(60)
        asked = lazy.wcode.ask("Say {{ 评论 }}", into="said", details=True)
        assert not server.seen
        made = asked.compute()
        assert len(server.seen) == 59
        assert made.dtypes.to_dict() == asked.dtypes.to_dict()
        assert made["said_status"].tolist().count("ok") == 59
        whole = lazy.compute().wcode.ask(
            "Say {{ 评论 }}", into="said", details=True, **QUIET
        )
        assert len(server.seen) == 59
        same = {"ok": "replayed"}
        made["said_status"] = made["said_status"].replace(same)
        pd.testing.assert_frame_equal(made, whole)

    def test_classify_and_extract(self, cluster, lead):
        """Categories and typed fields are in the meta as in the result."""
        cluster()

        def answer(seen) -> Answer:
            extracts = "response_format" in seen.body
            return completion('{"stars": 4}' if extracts else "good")

        lead(answer)
        lazy = table(20, 3)
        sorted_ = lazy.wcode.classify("{{ 评论 }}?", ["good", "bad"], into="mood")
        both = sorted_.wcode.extract("{{ 评论 }}!", {"stars": "int"})
        made = both.compute()
        assert made.dtypes.to_dict() == both.dtypes.to_dict()
        assert list(made["mood"].cat.categories) == ["good", "bad"]
        assert made["stars"].sum() == 19 * 4
        assert [*both.columns] == [*made.columns]

    def test_votes(self, cluster, lead):
        """Votes are paid once, on whatever worker; what is announced is refused."""
        cluster()
        server = lead(lambda seen: completion(str(seen.body["seed"] % 2)))
        lazy = table(8, 2)
        with pytest.raises(UsageError, match="exact announces"):
            lazy.wcode.classify("{{ 评论 }}?", ["good", "bad"], exact=True)
        asked = lazy.wcode.ask("Say {{ 评论 }}", into="said", votes=3)
        made = asked.compute()
        assert made["said"].dropna().unique().tolist() == ["1"]
        assert made["said_agreement"].dropna().unique().tolist() == [2 / 3]
        sent = len(server.seen)
        assert sent == 3 * made["said"].count()
        asked.compute()
        assert len(server.seen) == sent

    def test_series(self, cluster, lead):
        """A Series has it too; what it returns are the new columns alone."""
        cluster()
        lead(slow)
        said = table(8, 2)["评论"].wcode.ask("Say {{ value }}", into="said")
        assert [*said.columns] == ["said", "said_status", "said_error"]
        assert said.compute()["said"].iloc[0] == "SAY TEXT 0"

    def test_empty_partition(self, cluster, lead):
        """A partition without rows is a partition without answers."""
        cluster()
        server = lead(slow)
        lazy = table(8, 2)
        some = lazy[lazy["n"] < 2].wcode.ask("Say {{ 评论 }}", into="said").compute()
        assert some["said"].tolist() == ["SAY TEXT 0", "SAY TEXT 1"]
        assert len(server.seen) == 2


class TestLimits:
    """A limit holds over all workers."""

    def test_concurrency(self, cluster, lead, arrivals):
        """Requests in flight of both workers together stay within the setting."""
        cluster()
        lead(clocked(arrivals, slow), concurrency=3)
        table(60).wcode.ask("Say {{ 评论 }}").compute()
        assert most_at_once(arrivals, 0.9 * WAIT_S) <= 3

    def test_kept_caps(self, cluster, lead, arrivals):
        """A table that is made later with other caps does not take them away."""
        cluster()
        lead(clocked(arrivals, slow))
        capped = table(40).wcode.ask("Say {{ 评论 }}", concurrency=3)
        table(40).wcode.ask("Say {{ 评论 }}!", concurrency=50)
        capped.compute()
        assert most_at_once(arrivals, 0.9 * WAIT_S) <= 3

    def test_requests_per_minute(self, cluster, lead, arrivals):
        """Neither worker has a rate of its own."""
        cluster()
        lead(clocked(arrivals, slow), requests_per_minute=1200)
        table(4, 2).wcode.ask("Begin {{ 评论 }}").compute()
        arrivals.clear()
        began = time.monotonic()
        table(60).wcode.ask("Say {{ 评论 }}").compute()
        assert len(arrivals) == 59
        late = [moment - began for moment in arrivals]
        assert not [n for n, t in enumerate(late, 1) if n > 20 + 20 * t + 2]
        assert late[-1] > (59 - 20) / 20 * 0.9

    def test_retry_after(self, cluster, lead, arrivals):
        """A Retry-After that one worker saw stops the other as well."""
        cluster()
        busy = Answer([b"{}"], status=429, headers={"Retry-After": "1.5"})
        refused: list[float] = []

        def once(seen) -> Answer:
            if len(arrivals) == 20:
                refused.append(time.monotonic())
                return busy
            last = 17 <= len(arrivals) < 20  # in flight until the refusal is told
            return replace(slow(seen), delay=1.0 if last else WAIT_S)

        lead(clocked(arrivals, once), concurrency=4)
        made = table(60).wcode.ask("Say {{ 评论 }}", into="said").compute()
        assert set(made["said_status"]) == {"ok", "skipped"}
        pause = [t - refused[0] for t in arrivals if t > refused[0]]
        assert len([t for t in pause if t < 1.4]) <= 3

    @pytest.mark.priced
    @pytest.mark.own_workers
    def test_budget(self, cluster, lead):
        """Workers together never spend more; what was left out is data."""
        workers = cluster()
        session_cost = 15 * 0.6e-6
        server = lead(slow)
        workers.run(_price, server.url)
        asked = table(40).wcode.ask(
            "Say {{ 评论 }}", into="said", max_tokens=10, budget=10 * 4e-5
        )
        made = asked.compute()
        counts = Counter(made["said_status"])
        assert counts["ok"] == len(server.seen)
        assert counts["budget"] == 39 - counts["ok"] > 0
        spent = run.session().budgets.of("CNY").spent
        assert session_cost < spent <= 10 * 4e-5
        assert isinstance(made["said_error"].dropna().iloc[0], str)


class TestNothingLost:
    """What was answered is home, and is not asked again."""

    @pytest.mark.own_workers
    def test_store(self, cluster, lead, scratch):
        """Every answer is in the client's store when compute returns; none is left."""
        client = cluster()
        server = lead(slow)
        asked = table(60).wcode.ask("Say {{ 评论 }}", into="said")
        first = asked.compute()
        assert len(run.session().store.history()) == 59
        again = table(60).wcode.ask("Say {{ 评论 }}", into="said").compute()
        assert len(server.seen) == run.session().pool.kept == 59
        assert Counter(again["said_status"]) == {"replayed": 59, "skipped": 1}
        assert again["said"].tolist() == first["said"].tolist()
        client.cluster.close()
        assert not [*scratch.rglob("answers.db")]

    @pytest.mark.parametrize("scheduler", ["cluster", "threads"])
    def test_identical_prompts(self, cluster, lead, scheduler):
        """A prompt that stands in several partitions is sent once, all have it."""
        counts: Counter[str] = Counter()

        def answer(seen) -> Answer:
            counts[prompt_of(seen)] += 1
            return slow(seen)

        if scheduler == "cluster":
            cluster()
        lead(answer, concurrency=4)
        held = pd.DataFrame({"text": [f"say {i % 9}" for i in range(120)]})
        lazy = dd.from_pandas(held, npartitions=6)
        made = lazy.wcode.ask("{{ text }}", into="said").compute()
        assert made["said"].tolist() == [text.upper() for text in held["text"]]
        assert set(counts.values()) == {1}

    @pytest.mark.parametrize("scheduler", ["cluster", "threads"])
    def test_two_calls(self, cluster, lead, scheduler):
        """What two calls ask that are computed together is sent once."""
        if scheduler == "cluster":
            cluster()
        server = lead(slow, concurrency=4)
        asked = [table(20).wcode.ask("{{ 评论 }}", into=into) for into in "ab"]
        for made in dask.compute(*asked):
            assert made.iloc[:, 2].count() == 19
        assert len(server.seen) == 19

    def test_mended_rows(self, cluster, lead):
        """An answer that was asked for again is recorded, too, and replays."""
        cluster(WCODE_API_KEY=None)

        def answer(seen) -> Answer:
            mended = len(seen.body["messages"]) > 1
            return completion('{"stars": 4}' if mended else "four")

        server = lead(answer)
        held = table(6, 2)
        held.compute().wcode.extract("{{ 评论 }}", {"stars": "int"}, **QUIET)
        sent = len(server.seen)
        assert sent == 10
        run.session().settings.set("replay", "only")
        made = held.wcode.extract("{{ 评论 }}", {"stars": "int"}).compute()
        assert made["stars"].sum() == 5 * 4
        assert len(server.seen) == sent

    @pytest.mark.own_workers
    def test_killed_worker(self, cluster, lead):
        """A partition whose worker was killed sends only what is missing."""
        client = cluster()
        counts: Counter[str] = Counter()
        due: dict[str, float] = {}

        def answer(seen) -> Answer:
            counts[prompt_of(seen)] += 1
            due.setdefault(prompt_of(seen), time.monotonic() + WAIT_S)
            return slow(seen)

        lead(answer, concurrency=8)
        lazy = table(700, 2).wcode.ask("Say {{ 评论 }}", into="said")
        future = client.compute(lazy)
        victim = next(iter(client.run(os.getpid).values()))
        while sum(counts.values()) < 400:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        end = time.monotonic()
        made = future.result(60)
        assert set(made["said_status"]) <= {"ok", "replayed", "skipped"}
        rows = zip(made["said"], made["评论"], strict=True)
        for said, text in rows:
            assert pd.isna(text) or said == f"SAY {text.upper()}"
        assert max(counts.values()) <= 2
        again = [due[prompt] for prompt, count in counts.items() if count == 2]
        assert sum(moment > end for moment in again) <= 8
        assert not [moment for moment in again if moment < end - BEHIND_S]
        stored = {row["hash"] for row in run.session().store.history()}
        assert len(stored) == 699

    def test_cancelled(self, cluster, lead):
        """A computation that was cancelled sends nothing more; its answers are home."""
        client = cluster()
        server = lead(slow, concurrency=8)
        future = client.compute(table(2000, 2).wcode.ask("Say {{ 评论 }}"))
        while len(server.seen) < 50:
            time.sleep(0.01)
        future.cancel()
        sent = settled(server)
        assert sent < 1999
        deadline = time.monotonic() + 30
        while len(run.session().store.history()) < sent:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert len(run.session().store.history()) == len(server.seen) == sent

    def test_preview_is_paid_once(self, cluster, lead, capsys):
        """Rows of a preview are not sent by the run; the estimate counts them."""
        cluster()
        server = lead(slow)
        lazy = table(40)
        some = lazy.wcode.preview("Say {{ 评论 }}", 5, into="said", progress=False)
        assert len(some) == len(server.seen) == 5
        assert "40 rows · 34 to send · 5 recorded" in capsys.readouterr().out
        lazy.wcode.ask("Say {{ 评论 }}", into="said").compute()
        assert len(server.seen) == 39
        anew = lazy.wcode.estimate("Say {{ 评论 }}", into="said", fresh=True)
        assert (anew.recorded, anew.sends) == (0, 39)

    def test_retry(self, cluster, lead):
        """Rows of a status are sent again, those alone."""
        cluster()
        failed: set[str] = set()

        def answer(seen) -> Answer:
            if prompt_of(seen).endswith("5") and prompt_of(seen) not in failed:
                failed.add(prompt_of(seen))
                return Answer([b'{"error": {"message": "no"}}'], status=400)
            return slow(seen)

        server = lead(answer)
        asked = table(30).wcode.ask("Say {{ 评论 }}", into="said")
        assert Counter(asked.compute()["said_status"])["http_4xx"] == 3
        made = asked.wcode.retry(["http_4xx"]).compute()
        assert "http_4xx" not in set(made["said_status"])
        assert len(server.seen) == 29 + 3


class TestKey:
    """The key is the workers' own."""

    def test_never_in_the_graph(self, cluster, lead):
        """Neither key is in what is sent to the scheduler; the workers' is used."""
        cluster()
        server = lead(slow)
        asked = table(8).wcode.ask("Say {{ 评论 }}")
        sent = pickle.dumps(asked.expr) + pickle.dumps(dict(asked.dask))
        assert b"sk-of-the" not in sent
        asked.compute()
        keys = {seen.headers["authorization"] for seen in server.seen}
        assert keys == {f"Bearer {KEY}"}

    def test_from_a_file(self, cluster, lead, tmp_path):
        """A secret that is mounted as a file is read."""
        (tmp_path / "secret").write_text("sk-from-a-file\n")
        cluster(WCODE_API_KEY=None, WCODE_API_KEY_FILE=str(tmp_path / "secret"))
        server = lead(slow)
        table(8).wcode.ask("Say {{ 评论 }}").compute()
        keys = {seen.headers["authorization"] for seen in server.seen}
        assert keys == {"Bearer sk-from-a-file"}

    def test_none(self, cluster, lead):
        """Workers without a key say what to set, and send nothing."""
        cluster(WCODE_API_KEY=None)
        server = lead(slow)
        with pytest.raises(ClusterError, match="WCODE_API_KEY_FILE"):
            table(8).wcode.ask("Say {{ 评论 }}").compute()
        assert not server.seen

    def test_sandbox(self, cluster, loopback):
        """With no key at the client the workers' sandboxes answer."""
        cluster()
        with Session() as session:
            frames.register(session)
            asked = table(6, 2).wcode.ask("Say {{ 评论 }}", into="said", max_tokens=4)
            statuses = set(asked.compute()["said_status"])
            assert statuses <= {"ok", "truncated", "skipped"}
            places = {row["base_url"] for row in session.store.history()}
            assert places == {"sandbox"}


class TestOther:
    """Other schedulers, other modes, bad input."""

    def test_threads(self, lead, arrivals):
        """Without a cluster the session itself sends, under its one limit."""
        lead(clocked(arrivals, slow), concurrency=3)
        asked = table(30).wcode.ask("Say {{ 评论 }}", into="said")
        made = asked.compute(scheduler="threads")
        assert Counter(made["said_status"]) == {"ok": 29, "skipped": 1}
        assert most_at_once(arrivals, 0.9 * WAIT_S) <= 3

    @pytest.mark.parametrize("scheduler", ["threads", "sync"])
    def test_stop(self, loopback, tmp_path, scheduler):
        """Stop ends it for threads of this process as well; nothing is lost."""
        server = loopback(slow)
        argv = [sys.executable, "-c", STOPPED, server.url, str(tmp_path), scheduler]
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True)
        while len(server.seen) < 30:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopped\n"
        sent = settled(server)
        assert sent < 2000
        process.communicate("\n", timeout=60)
        assert len(server.seen) == sent
        with closing(Store(tmp_path / "answers.db")) as store:
            assert len(store.history()) == sent

    def test_processes(self, lead):
        """A scheduler over which no limit can hold is refused in one line."""
        server = lead(slow)
        with pytest.raises(ClusterError, match="processes"):
            table(8).wcode.ask("Say {{ 评论 }}").compute(scheduler="processes")
        assert not server.seen

    def test_replay_only(self, cluster, lead):
        """Recorded answers need no key; what was not recorded names the nearest."""
        cluster(WCODE_API_KEY=None)
        server = lead(slow)
        lazy = table(12)
        lazy.compute().wcode.ask("Say {{ 评论 }}", into="said", **QUIET)
        sent = len(server.seen)
        run.session().settings.set("replay", "only")
        made = lazy.wcode.ask("Say {{ 评论 }}", into="said").compute()
        assert Counter(made["said_status"]) == {"replayed": 11, "skipped": 1}
        with pytest.raises(ReplayError, match="Say text"):
            lazy.wcode.ask("Say {{ 评论 }}.", into="said").compute()
        assert len(server.seen) == sent

    def test_replay_hosted(self, cluster, lead):
        """Workers without a key replay what the hosted service would be asked."""
        cluster(WCODE_API_KEY=None)
        lead(slow)
        lazy = table(12)
        lazy.compute().wcode.ask("Say {{ 评论 }}", into="said", **QUIET)
        path = str(run.session().store.path)
        with Session(api_key=KEY, store=path, replay="only") as session:
            frames.register(session)
            made = lazy.wcode.ask("Say {{ 评论 }}", into="said").compute()
            assert lazy.wcode.estimate("Say {{ 评论 }}").recorded == 11
        assert Counter(made["said_status"]) == {"replayed": 11, "skipped": 1}

    def test_bad_input(self, lead):
        """What pandas refuses is refused before anything is computed."""
        lead(slow)
        lazy = table(8)
        with pytest.raises(TemplateError, match="评论"):
            lazy.wcode.ask("{{ 评伦 }}")
        with pytest.raises(UsageError, match="overwrite"):
            lazy.wcode.ask("{{ 评论 }}", into="n")
        with pytest.raises(UsageError):
            lazy.wcode.ask("{{ 评论 }}", missing="error").compute(scheduler="sync")

    def test_refused_key(self, cluster, lead):
        """What befalls every request fails the computation with its own line."""
        cluster()
        lead(Answer([b'{"error": {"message": "no"}}'], status=401))
        with pytest.raises(Exception, match="refuses the key"):
            table(8).wcode.ask("Say {{ 评论 }}").compute()

    def test_accessor_arrives(self):
        """Dask tables have it whenever Dask is imported; it is not loaded before."""
        code = (
            "import sys, wcode_magics.tables.accessor; "
            "assert 'dask' not in sys.modules; "
            "import dask.dataframe as dd; assert hasattr(dd.DataFrame, 'wcode'); "
            "assert hasattr(dd.Series, 'wcode')"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
