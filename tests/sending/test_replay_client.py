"""What was paid for is on record: cells, tables, history, and replay without a key."""

import asyncio
import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.kernel import kernel
from tests.loopback import Answer, Loopback, Seen, completion, either, event, streamed
from tests.telling import told
from wcode_magics.display.reply_bundles import footer
from wcode_magics.errors import OptionError, ReplayError, StoreError, StreamError
from wcode_magics.session.session import Session

ASK = """df = pd.DataFrame({"word": ["one", "two", "one", None]})
df.wcode.ask("Say {{ word }}.", progress=False)[["word", "answer"]]"""
CELLS = (
    "%load_ext wcode_magics\nimport pandas as pd",
    "%wcode --no-stream --format text say hello",
    ASK,
    "print(_wcode.text)",
)


@pytest.fixture
def store(tmp_path) -> Path:
    """A store of a project."""
    return tmp_path / "project.db"


def test_cells_are_on_record(loopback, store):
    """Every answer of a session is in its store, with its price."""
    server = loopback(either("Hello."))
    with Session(base_url=server.url, api_key="k", store=str(store)) as session:
        session.ask("hello")
        list(session.stream("hello again"))
        rows = session.store.history()
        assert [row["prompt"] for row in rows] == ["hello again", "hello"]
        assert all(row["text"] == "Hello." for row in rows)
        assert session.store.usage()[0]["answers"] == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_replayed_without_a_key(loopback, store, streamed):
    """With replay=only a recorded prompt is answered alike, free and marked."""
    server = loopback(either("Hello."))
    with Session(base_url=server.url, api_key="k", store=str(store)) as session:
        told = session.ask("hello")
    with Session(store=str(store), replay="only") as offline:
        if streamed:
            assert "".join(d.text for d in offline.stream("hello")) == told.text
        else:
            assert offline.ask("hello").text == told.text
        assert offline.last.source == "replayed"
        assert offline.budgets.of("CNY").spent == 0
        with pytest.raises(ReplayError) as caught:
            offline.ask("hello!")
    assert "“hello”" in str(caught.value)
    assert len(server.seen) == 1


@pytest.fixture
def counting(loopback) -> Loopback:
    """A server that answers the n-th request with «Answer n»."""

    def answer(seen: Seen) -> Answer:
        said = f"Answer {len(made.seen)}"
        return streamed(said) if seen.body.get("stream") else completion(said)

    made = loopback(answer)
    return made


@pytest.fixture
def session(counting, store) -> Iterator[Session]:
    """A session that asks it."""
    with Session(base_url=counting.url, api_key="k", store=str(store)) as made:
        yield made


REPLAYS = [
    ({"seed": 7}, {"seed": 7}, True),
    ({"seed": 7}, {"seed": 7, "fresh": True}, False),
    ({"seed": 7}, {"seed": 7, "replay": "off"}, False),
    ({"seed": 7}, {"seed": 8}, False),
    ({}, {}, False),
    ({}, {"replay": "read"}, True),
    ({}, {"replay": "only"}, True),
    ({"temperature": 0}, {"replay": "read"}, False),
]


@pytest.mark.parametrize(("first", "then", "replayed"), REPLAYS)
def test_an_answer_is_replayed(session, counting, first, then, replayed):
    """By a seed or by wish, whole or streamed, awaited or not; it costs nothing."""
    told = session.ask("hi", **first)
    spent = session.budgets.of("CNY").spent
    again = session.ask("hi", **then)
    assert (again.source == "replayed") == replayed
    assert (again.text == told.text) == replayed
    assert len(counting.seen) == 2 - replayed
    if not replayed:
        return
    with session.stream("hi", **then) as stream:
        assert "".join(delta.text for delta in stream) == told.text
    awaited = asyncio.run(session.aio.ask("hi", **then))
    assert [one.source for one in (stream.reply, awaited)] == ["replayed"] * 2
    assert [one.cost for one in (again, stream.reply, awaited)] == [0.0] * 3
    assert (again.usage, again.model) == (told.usage, told.model)
    assert again.base_url == counting.url
    assert session.budgets.of("CNY").spent == spent
    assert len(counting.seen) == len(session.store.history()) == 1


def test_a_setting_that_is_made_holds_for_cells(counting, store):
    """With replay=read every request looks first; with off not even one with a seed."""
    place = {"base_url": counting.url, "api_key": "k", "store": str(store)}
    with Session(**place, replay="read") as session:
        assert session.ask("hi").text == session.ask("hi").text == "Answer 1"
        assert session.ask("hi", fresh=True).text == "Answer 2"
        assert session.ask("hi").text == "Answer 2"
    with Session(**place, replay="off") as session:
        assert session.ask("hi", seed=1).text == "Answer 3"
        assert session.ask("hi", seed=1).text == "Answer 4"
        assert session.ask("hi", seed=1, replay="read").text == "Answer 4"


def test_a_session_that_changes_its_folder_keeps_its_store(
    counting, tmp_path, monkeypatch
):
    """What was asked before ``%cd`` is replayed after it, and nothing is made there."""
    monkeypatch.chdir(tmp_path)
    with Session(base_url=counting.url, api_key="k", store="answers.db") as session:
        session.ask("hi", seed=1)
        (tmp_path / "sub").mkdir()
        monkeypatch.chdir(tmp_path / "sub")
        assert session.ask("hi", seed=1).source == "replayed"
        session.ask("new")
        assert session.store.count() == 2
    assert not [*(tmp_path / "sub").iterdir()]


def test_another_endpoint_has_records_of_its_own(session, loopback):
    """What one endpoint said is no answer of another; ``only`` takes any."""
    session.ask("hi", seed=1)
    other = loopback(either("Other."))
    session.settings.set("base_url", other.url)
    assert session.ask("hi", seed=1, replay="only").text == "Answer 1"
    assert session.ask("hi", seed=1).text == "Other."


@pytest.mark.parametrize("replay", ["read", "only"])
def test_the_sandbox_has_records_too(store, replay):
    """They outlive its port, and are marked as the sandbox's."""
    with Session(store=str(store)) as session:
        told = session.ask("hi", seed=1, max_tokens=5)
        assert told.source == "sandbox"
    with Session(store=str(store)) as session:
        again = session.ask("hi", seed=1, max_tokens=5, replay=replay)
    assert (again.text, again.source) == (told.text, "replayed")
    told = f"replayed, from {again.answered.astimezone():%Y-%m-%d %H:%M} · sandbox"
    assert footer(again).endswith(told)


def test_what_was_cut_replays_and_what_broke_off_does_not(loopback, store):
    """A truncated answer is what was paid for; half a stream is none."""
    cut = Answer(completion("one", finish_reason="length").pieces)
    broken = Answer([event({"content": "x"})], kind="text/event-stream", cut=True)
    server = loopback(cut, broken, streamed("whole"))
    with Session(base_url=server.url, store=str(store), retries=0) as session:
        session.ask("count", seed=1)
        assert session.ask("count", seed=1).finish_reason == "length"
        with pytest.raises(StreamError):
            list(session.stream("hi", seed=1))
        assert "".join(d.text for d in session.stream("hi", seed=1)) == "whole"
    assert len(server.seen) == 3


def test_a_sweep_sends_what_is_new(session, counting):
    """Points that are recorded are replayed, also from async code."""
    session.sweep("hi", {"seed": [1, 2]})
    wider = session.sweep("hi", {"seed": [1, 2, 3]})
    assert [one.source for one in wider.replies] == ["replayed"] * 2 + ["endpoint"]
    assert wider.cost == wider.replies[2].cost
    awaited = asyncio.run(session.aio.sweep("hi", {"seed": [3, 4]}, fresh=True))
    assert {one.source for one in awaited.replies} == {"endpoint"}
    assert len(counting.seen) == 5


def test_runs_are_sent_unless_records_are_asked_for(session, counting):
    """A seed alone replays no run; asked for, each run has a record of its own."""
    told = session.repeat("hi", 3, seed=7)
    assert len({one.text for one in told}) == 3
    assert session.ask("hi", seed=7).text == "Answer 3"
    assert {one.source for one in session.repeat("hi", 2, seed=7)} == {"endpoint"}
    more = session.repeat("hi", 6, seed=7, replay="read")
    sources = ["replayed"] * 5 + ["endpoint"]
    assert [one.source for one in more] == sources
    assert sorted(one.text for one in more) == [f"Answer {n}" for n in range(1, 7)]
    offline = session.repeat("hi", 7, seed=7, replay="only")
    assert len(offline) == 6
    assert "not as often" in str(offline.failed[0].error)
    assert len(counting.seen) == 6


def test_a_conversation_is_replayed_turn_by_turn(session, counting):
    """The same words in the same place are the same request, and become turns."""
    for name in ("first", "second"):
        chat = session.chat(name)
        texts = [chat.ask(word, seed=1).text for word in ("one", "two")]
        assert texts == ["Answer 1", "Answer 2"]
        assert len(chat.conversation.turns) == 2
    assert len(counting.seen) == 2


def test_typed_answers_and_continuations_are_replayed(loopback, store):
    """A record is read as the form that is asked for; a seam stays where it was."""
    cut = Answer(completion("one", finish_reason="length").pieces)
    server = loopback(completion('{"n": 1}'), cut, completion(" two"))
    with Session(base_url=server.url, store=str(store)) as session:
        for _ in "ab":
            assert session.ask("hi", seed=1, schema={"n": "int"}).parsed == {"n": 1}
        first = session.ask("count", seed=1)
        whole = [session.ask(session.go_on(first)) for _ in "ab"]
        assert [one.text for one in whole] == ["one two"] * 2
        assert [one.seam for one in whole] == [whole[0].seam] * 2
        assert whole[1].parent is first
    assert len(server.seen) == 3


def test_functions_run_again_on_recorded_calls(loopback, store):
    """The calls are replayed, the function is run, and its answer is looked up."""
    call = {"id": "1", "type": "function"}
    call["function"] = {"name": "time", "arguments": "{}"}
    asks = {"role": "assistant", "content": None, "tool_calls": [call]}
    calls = completion(message=asks, finish_reason="tool_calls")
    server = loopback(calls, completion("noon"))
    ran = []

    def time() -> str:
        """Tell the time."""
        ran.append(1)
        return "12"

    with Session(base_url=server.url, store=str(store)) as session:
        told = [session.run_tools("when?", [time], seed=1) for _ in "ab"]
    assert [one.text for one in told] == ["noon"] * 2
    assert (len(ran), len(server.seen)) == (2, 2)
    assert told[1].cost == 0


def test_replaying_needs_no_budget(session):
    """What costs nothing passes the smallest limit, of a cell or of the session."""
    told = session.ask("hi", seed=1)
    assert session.ask("hi", seed=1, budget=1e-9).text == told.text
    session.settings.set("budget", 1e-9)
    assert session.ask("hi", seed=1).text == told.text


@pytest.mark.parametrize("given", [{"replay": "read"}, {"replay": "only"}])
def test_fresh_and_replay_exclude_each_other(session, counting, given):
    """Both at once is told before anything is sent."""
    for ask in (session.ask, session.stream, session.chat().ask):
        with pytest.raises(OptionError, match="fresh and replay exclude"):
            ask("hi", fresh=True, **given)
    assert not counting.seen


def test_a_broken_store_matters_to_those_who_asked_for_it(counting, tmp_path):
    """With a seed alone the answer is sent for; a wish for a record is an error."""
    place = tmp_path / "notes.txt"
    place.write_text("mine " * 100)
    with Session(base_url=counting.url, store=str(place)) as session:
        with told("is not a store"):
            assert session.ask("hi", seed=1).text == "Answer 1"
        with pytest.raises(StoreError, match="is not a store"):
            session.ask("hi", replay="read")
    missing = str(tmp_path / "missing.db")
    with Session(base_url=counting.url, store=missing) as session:
        with pytest.raises(StoreError, match="does not exist"):
            session.ask("hi", replay="only")
        assert not Path(missing).exists()
        session.ask("hi")
        assert session.ask("hi", replay="only").source == "replayed"
    assert len(counting.seen) == 2


def test_every_answer_that_is_not_kept_is_told(counting, tmp_path):
    """Not the first alone, though the words are the same."""
    place = tmp_path / "notes.txt"
    place.write_text("mine " * 100)
    with (
        Session(base_url=counting.url, store=str(place)) as session,
        contextlib.redirect_stderr(io.StringIO()) as said,
    ):
        for _ in "abc":
            session.ask("hi")
    assert said.getvalue().splitlines() == 3 * [
        f"{place} is not a store of answers, and was left as it is. Name another file."
    ]


def test_answers_that_are_lost_at_the_end_are_told(session, store):
    """How many they were, where they were to be kept, and why they were not."""
    assert session.store.count() == 0
    store.unlink()
    store.write_text("mine " * 100)
    session.ask("hi")
    lost = r"1 paid answer could not .*project\.db .*\(file is not a database\)"
    with told(lost):
        session.close()


def test_a_plain_request_opens_no_store(session, store):
    """Without a seed or a wish nothing is looked up before it is sent."""
    session.clients([session.prepare("hi")])
    assert not store.exists()
    session.clients([session.prepare("hi", seed=1)])
    assert store.exists()


CELL_LINES = (
    "%%wcode --replay\n{}",
    "%%wcode --replay=only\n{}",
    "%%wcode --no-stream --replay\n{}",
    "%wcode --replay {}",
)


@pytest.mark.priced
def test_usage_counts_the_answers_of_a_table(counting, shell, run):
    """A cell over a table counts what was sent: neither repeated nor replayed rows."""
    shell.run_line_magic("wcode_config", f"base_url={counting.url}")
    assert run("import pandas as pd").success
    for table in ("['a', 'b', None, 'a']", "['a', 'c']"):
        assert run(f"df = pd.DataFrame({{'n': {table}}})").success
        assert run("%%wcode --frame $df\nrow {{ n }}").success
    counts = re.findall(r"\] +(\S+) +¥", run("%wcode_usage").plain)
    assert counts == ["2", "1"]


@pytest.mark.priced
def test_cells_replay(counting, shell, run):
    """--replay on cells and lines re-displays; the footer and the totals say so."""
    shell.run_line_magic("wcode_config", f"base_url={counting.url}")
    assert run("%%wcode\nhi").success
    for line in CELL_LINES:
        ran = run(line.format("hi"))
        assert ran.success
        assert "Answer 1" in ran.plain
        assert "¥0 · " in ran.plain
        assert "replayed" in ran.plain
    assert len(counting.seen) == 1
    told = run("%wcode_usage").plain
    assert told.count("¥0.000013") == 3  # by day, by its one cell, of the session
    assert "Answer 2" in run("%%wcode --fresh\nhi").plain
    assert "Answer 2" in run("%%wcode --replay --repeat 1\nhi").plain
    swept = run("%%wcode --replay --sweep seed=1,2 -o table\nhi")
    assert swept.success
    assert run("%%wcode --replay --sweep seed=1,2 -o table\nhi").success
    assert shell.user_ns["table"]["cost"].tolist() == [0, 0]
    assert len(counting.seen) == 4


MISTAKES = {
    "%%wcode --fresh --replay\nhi": "--fresh and --replay exclude each other",
    "%%wcode --replay only\nhi": "Write --replay=only",
    "%%wcode --replay=onyl\nhi": "it must be off · read · only",
    "%%wcode --sweep seed=1 --fresh --replay\nhi": "exclude each other",
    "%%wcode --replay=only\nnever asked": "“never asked” .* was not recorded",
}


@pytest.mark.parametrize("cell", MISTAKES)
def test_mistakes_about_replay_are_one_line(counting, shell, run, cell):
    """What was given, what is allowed; nothing is sent."""
    shell.run_line_magic("wcode_config", f"base_url={counting.url}")
    run("%wcode hi")
    ran = run(cell)
    assert not ran.success
    assert len(ran.error_lines) == 1
    assert re.search(MISTAKES[cell], ran.error_lines[0])
    assert len(counting.seen) == 1


def test_a_cell_is_mended_afresh(loopback, shell, run):
    """%wcode_repair with the same words replays, with --fresh it sends."""
    server = loopback(completion("no"), completion("nor"), completion('{"n": 1}'))
    shell.run_line_magic("wcode_config", f"base_url={server.url} stream=no")
    assert not run("%%wcode --json --seed 1 -o v\nJSON, please").success
    first = shell.user_ns["_wcode"]
    for line in ("", "", "--fresh"):
        shell.user_ns["_wcode"] = first
        last = run(f"%wcode_repair {line}")
    assert last.success
    assert shell.user_ns["v"] == {"n": 1}
    assert len(server.seen) == 3


def test_a_notebook_replays_at_no_cost(counting, store):
    """Streamed in a kernel: the same answer, marked, also in the metadata."""
    env = {"WCODE_BASE_URL": counting.url, "WCODE_STORE": str(store)}
    with kernel({**os.environ, **env, "WCODE_LANGUAGE": "en"}) as made:
        shown = [made.run("%%wcode --seed 7\nhi").outputs for _ in "abc"]
        assert made.run("%%wcode --seed 7 --fresh\nhi").status == "ok"
    assert [len(one) for one in shown] == [1, 1, 1]
    told = [one[0]["metadata"]["wcode"] for one in shown]
    assert [one["source"] for one in told] == ["endpoint", "replayed", "replayed"]
    assert [one["cost"] for one in told[1:]] == [0, 0]
    assert all("Answer 1" in one[0]["data"]["text/html"] for one in shown)
    assert "replayed" in shown[1][0]["data"]["text/html"]
    assert len(counting.seen) == 2


def test_a_notebook_does_not_take_a_record_for_the_sandbox(loopback, store):
    """Where a record answers, nobody is told that the sandbox did."""
    env = {**os.environ, "WCODE_STORE": str(store), "WCODE_LANGUAGE": "en"}
    server = loopback(either("Hello."))
    with Session(base_url=server.url, store=str(store)) as session:
        session.ask("hi")
    with kernel({**env, "WCODE_REPLAY": "only"}) as made:
        (shown,) = made.run("%%wcode\nhi").outputs
    assert "Hello." in shown["data"]["text/plain"]
    assert "sandbox" not in shown["data"]["text/plain"]


def test_a_store_that_cannot_be_used_takes_no_answer_away(loopback, tmp_path):
    """The answer is there; that it could not be kept is told."""
    server = loopback(completion("Hello."))
    (tmp_path / "notes.txt").write_text("mine " * 100)
    place = str(tmp_path / "notes.txt")
    with Session(base_url=server.url, api_key="k", store=place) as session:
        with told("is not a store"):
            assert session.ask("hello").text == "Hello."
        assert session.last.text == "Hello."
    assert Path(place).read_text() == "mine " * 100


@pytest.mark.priced
def test_history_and_usage_commands(loopback, shell, run):
    """%wcode_history is a DataFrame, %wcode_usage a table of totals."""
    server = loopback(either("Hello."))
    shell.run_line_magic("wcode_config", f"base_url={server.url} budget=5")
    assert run("%wcode --no-stream hello").success
    assert run("h = %wcode_history 5").success
    found = shell.user_ns["h"]
    assert found["prompt"].tolist() == ["hello"]
    assert found["tokens"].tolist() == ["10 → 5"]
    told = run("%wcode_usage").plain
    assert "qwen" in told or "stub" in told
    assert "This session has spent" in told
    assert "Its budget is ¥5" in told
    assert shell.user_ns["_wcode"].cost == pytest.approx(1.35e-5)
    assert told.count("¥0.000013") == 3  # by day, by cell, of the session


def test_usage_says_nothing_of_prices_that_nobody_knows(loopback, shell, run):
    """By day, by cell and of the session stands a dash, and never ¥0."""
    server = loopback(either("Hello."))
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    assert run("%wcode --no-stream hello").success
    told = run("%wcode_usage").plain
    assert "¥0" not in told
    assert "This session has spent –." in told
    assert re.search(r"\] +1 +–", told)


def test_a_notebook_is_held_by_nbval_without_key_or_server(store, tmp_path):
    """Recorded once, a notebook passes nbval from the store alone."""
    path = tmp_path / "paper.ipynb"
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WCODE_API")}
    env = {**clean, "WCODE_STORE": str(store), "PYTHONPATH": str(Path.cwd())}

    def answer(seen):
        asked = seen.body["messages"][-1]["content"]
        return completion(f"You said: {asked}")

    with Loopback(answer) as server:
        recording = {**env, "WCODE_BASE_URL": server.url}
        NotebookClient(notebook, timeout=60).execute(env=recording)
        sent = len(server.seen)
    assert sent == 3
    nbformat.write(notebook, path)

    argv = [sys.executable, "-m", "pytest", "--nbval", str(path), "-q"]
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", "-c", os.devnull]
    ignored = tmp_path / "seconds.cfg"
    ignored.write_text("[s]\nregex: \\d+\\.\\d+ s|replayed · |· .*\nreplace: S\n")
    replay = {**env, "WCODE_REPLAY": "only"}
    done = subprocess.run(
        [*argv, *options, "--nbval-sanitize-with", str(ignored), "--nbval-lax"],
        env=replay,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    assert f"{len(CELLS)} passed" in done.stdout

    notebook.cells[1].source += " then"
    nbformat.write(notebook, path)
    missed = subprocess.run(
        [*argv, *options, "--nbval-lax"],
        env=replay,
        capture_output=True,
        text=True,
        check=False,
    )
    assert missed.returncode != 0
    assert "ReplayError" in missed.stdout
    assert "say hello then" in missed.stdout
