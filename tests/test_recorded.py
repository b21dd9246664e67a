"""What was paid for is on record: cells, tables, history, and replay without a key."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.loopback import Loopback, completion, either
from wcode_magics.errors import ReplayError
from wcode_magics.session import Session

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
        assert offline.budget.spent == 0
        with pytest.raises(ReplayError) as caught:
            offline.ask("hello!")
    assert "“hello”" in str(caught.value)
    assert len(server.seen) == 1


def test_a_store_that_cannot_be_used_takes_no_answer_away(loopback, tmp_path):
    """The answer is there; that it could not be kept is told."""
    server = loopback(completion("Hello."))
    (tmp_path / "notes.txt").write_text("mine " * 100)
    place = str(tmp_path / "notes.txt")
    with Session(base_url=server.url, api_key="k", store=place) as session:
        with pytest.warns(UserWarning, match="is not a store"):
            assert session.ask("hello").text == "Hello."
        assert session.last.text == "Hello."
    assert Path(place).read_text() == "mine " * 100


def test_history_and_usage_commands(loopback, shell, run):
    """%wcode_history is a DataFrame, %wcode_usage a table of totals."""
    server = loopback(either("Hello."))
    shell.run_line_magic("wcode_config", f"base_url={server.url} budget=5")
    assert run("%wcode --no-stream hello").success
    assert run("h = %wcode_history 5").success
    found = shell.user_ns["h"]
    assert found["prompt"].tolist() == ["hello"]
    assert found["completion_tokens"].tolist() == [5]
    told = run("%wcode_usage").plain
    assert "qwen" in told or "stub" in told
    assert "This session has spent" in told
    assert "Its budget is ¥5" in told
    assert shell.user_ns["_wcode"].cost == pytest.approx(1.35e-5)
    assert told.count("¥0.000013") == 3  # by day, by cell, of the session
    assert not run("%wcode_history many").success


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
