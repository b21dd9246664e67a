"""Conversations in cells: re-run, edit, reorder, restart."""

import io
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.kernel import kernel
from tests.loopback import Answer, Loopback, Seen, completion
from tests.terminal import Ran, Runner, run_in


def echo(seen: Seen) -> Answer:
    """Says what was said last."""
    return completion(f"re {seen.body['messages'][-1]['content']}")


@pytest.fixture
def server(
    loopback: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> Loopback:
    """A server that echoes, as the endpoint."""
    made = loopback(echo)
    monkeypatch.setenv("WCODE_BASE_URL", made.url)
    monkeypatch.setenv("WCODE_RETRIES", "0")
    monkeypatch.setenv("WCODE_STREAM", "0")
    return made


@pytest.fixture
def cell(shell: InteractiveShell) -> Callable[[str, str], Ran]:
    """Run a prompt in the conversation t, in the cell of a name."""

    def run(name: str, prompt: str) -> Ran:
        asked = partial(shell.run_cell, cell_id=name)
        return run_in(shell, f"%%wcode --chat t\n{prompt}", asked)

    return run


Cell = Callable[[str, str], Ran]


def said(server: Loopback, place: int = -1) -> list[str]:
    """What a request said."""
    return [one["content"] for one in server.seen[place].body["messages"]]


@pytest.mark.priced
def test_cells_follow_each_other(cell: Cell, server: Loopback) -> None:
    """Each turn is sent with all before it; the meter tells how full it is."""
    cell("a", "one")
    ran = cell("b", "two")
    assert said(server) == ["one", "re one", "two"]
    assert "t: turn 2 · context 0.02% (15 of 65,536 tokens)" in ran.stdout


def test_run_again_a_cell_replaces_its_turn(cell: Cell, server: Loopback) -> None:
    """It finds the conversation as before, and says that its turn is replaced."""
    cell("a", "one")
    cell("b", "two")
    ran = cell("b", "two")
    assert said(server) == ["one", "re one", "two"]
    assert "An answer replaces this cell's turn in the conversation t." in ran.stderr


@pytest.mark.parametrize("option", ["--dry-run", "--as curl"])
def test_what_is_not_sent_replaces_no_turn(
    shell: InteractiveShell, cell: Cell, server: Loopback, option: str
) -> None:
    """Where there will be no answer, it is not told that a turn is replaced."""
    cell("a", "one")
    cell("b", "two")
    asked = partial(shell.run_cell, cell_id="a")
    ran = run_in(shell, f"%%wcode --chat t {option}\nuno", asked)
    assert "An answer replaces" in ran.plain
    assert len(server.seen) == 2
    cell("c", "three")
    assert said(server) == ["one", "re one", "two", "re two", "three"]


def test_an_edited_cell_drops_what_came_after(cell: Cell, server: Loopback) -> None:
    """The later turns are gone, and how many is told."""
    for name, prompt in (("a", "one"), ("b", "two"), ("c", "three")):
        cell(name, prompt)
    ran = cell("a", "uno")
    assert said(server) == ["uno"]
    assert "drops the turns after it: 2" in ran.stderr
    cell("b", "two")
    assert said(server) == ["uno", "re uno", "two"]


def test_moved_cells_follow_the_order_they_run_in(cell: Cell, server: Loopback) -> None:
    """Moving a cell does nothing; running it takes its turn where it stands now."""
    for name, prompt in (("a", "one"), ("b", "two"), ("c", "three")):
        cell(name, prompt)
    cell("a", "one")
    cell("c", "three")
    assert said(server) == ["one", "re one", "three"]
    cell("b", "two")
    assert said(server) == ["one", "re one", "three", "re three", "two"]


def test_without_names_each_run_is_a_cell(run: Runner, server: Loopback) -> None:
    """In a terminal a prompt said twice is said twice."""
    for _ in range(2):
        assert run("%wcode --chat t yes").success
    assert said(server) == ["yes", "re yes", "yes"]


def test_two_lines_of_a_cell_are_two_turns(
    shell: InteractiveShell, server: Loopback
) -> None:
    """And run again they are the same two."""
    asked = partial(shell.run_cell, cell_id="a")
    for _ in range(2):
        ran = run_in(shell, "%wcode --chat t one\n%wcode --chat t two", asked)
        assert ran.success
        assert said(server) == ["one", "re one", "two"]
    assert "drops" not in ran.stderr


def test_a_failed_cell_leaves_the_conversation(cell: Cell, server: Loopback) -> None:
    """An error neither adds nor drops a turn."""
    cell("a", "one")
    cell("b", "two")
    server.script[:] = [Answer([b"oops"], 500)]
    assert not cell("a", "uno").success
    server.script[:] = [echo]
    cell("c", "three")
    assert said(server) == ["one", "re one", "two", "re two", "three"]


def test_chats_and_reset(
    cell: Cell,
    run: Runner,
    server: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Listed, shown, saved, loaded, forgotten; unknown names get the nearest."""
    assert "no conversations" in run("%wcode_chats").plain
    cell("a", "one")
    assert "re one" in run("%wcode_chats").plain
    assert "assistant" in run("%wcode_chats t").plain
    path = tmp_path / "t.json"
    assert run(f"%wcode_chats t --save {path}").success
    assert len(json.loads(path.read_text("utf-8"))) == 2
    assert "1 turn." in run(f"%wcode_chats u --load {path}").plain
    assert "Known: t, u" in run("%wcode_reset nobody").error_lines[0]
    assert "t" in run("%wcode_reset t").plain
    cell("b", "two")
    assert said(server) == ["two"]
    assert "Name the conversations" in run("%wcode_reset").error_lines[-1]
    assert "two" in run("%wcode_chats").plain
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run("%wcode_reset").success
    assert "no conversations" in run("%wcode_chats").plain
    cell("c", "three")
    assert run("%wcode_reset --yes").success
    assert "no conversations" in run("%wcode_chats").plain


@pytest.mark.parametrize(
    "code",
    [
        "%wcode_chats nobody",
        "%wcode_chats nobody --save x.json",
        "%wcode_chats t --seve x.json",
        "%wcode_chats t --load",
        "%wcode_chats t --load nowhere.json",
        "%wcode_chats 't",
        "%%wcode --chat t --trim newest\nhi",
    ],
)
def test_mistakes_are_one_line(code: str, run: Runner, server: Loopback) -> None:
    """And nothing is sent."""
    ran = run(code)
    assert not ran.success
    assert len(ran.error_lines) == 1
    assert not server.seen


def test_show_tells_the_whole_request(
    cell: Cell, run: Runner, server: Loopback
) -> None:
    """%wcode_show has the turns before, and --dry-run adds none."""
    cell("a", "one")
    assert "re one" in run("%wcode_show --chat t two").plain
    assert "re one" in run("%wcode --chat t --dry-run two").plain
    cell("b", "three")
    assert said(server) == ["one", "re one", "three"]


@pytest.fixture
def notebook(tmp_path: Path) -> dict[str, str]:
    """The environment of a notebook's kernel."""
    data = {"XDG_DATA_HOME": str(tmp_path / "data"), "WCODE_LANGUAGE": "en"}
    return {**os.environ, **data, "JPY_SESSION_NAME": str(tmp_path / "my book.ipynb")}


def test_a_restarted_kernel_goes_on(
    server: Loopback, notebook: dict[str, str], tmp_path: Path
) -> None:
    """The conversation of a notebook is there again, and of no other one."""
    with kernel(notebook) as first:
        first.run("%%wcode --chat t\none", cell="a")
        first.run("%%wcode --chat t\ntwo", cell="b")
    with kernel(notebook) as second:
        second.run("%%wcode --chat t\nthree", cell="c")
        assert said(server) == ["one", "re one", "two", "re two", "three"]
        again = second.run("%%wcode --chat t\nzwei", cell="b")
        assert said(server) == ["one", "re one", "zwei"]
        assert "turns after it: 1" in again.outputs[-1]["data"]["text/plain"]
    other: dict[str, Any] = {**notebook, "JPY_SESSION_NAME": str(tmp_path / "o.ipynb")}
    with kernel(other) as third:
        third.run("%%wcode --chat t\nthree")
        assert said(server) == ["three"]


def test_an_empty_answer_says_that_its_turn_is_not_kept(
    cell: Cell, loopback: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next request goes without it, and the person knows."""
    made = loopback(completion(""), completion("Six."))
    monkeypatch.setenv("WCODE_BASE_URL", made.url)
    assert "not kept in the conversation t" in cell("a", "2 + 2?").stdout
    assert "turn 1" in cell("b", "3 + 3?").stdout
    assert said(made) == ["3 + 3?"]


@pytest.mark.usefixtures("server")
def test_a_chat_that_cannot_be_written_costs_no_answer(
    cell: Cell, shell: InteractiveShell
) -> None:
    """The reply is bound and shown; the trouble is told in one line."""
    from wcode_magics.notebook import load_ext
    from wcode_magics.session.conversations import Chats

    assert run_in(shell, "%wcode_chats").success
    load_ext.session(shell).chats = Chats(Path("/proc"))  # nobody can write there
    ran = cell("a", "one")
    assert not ran.success
    assert "re one" in ran.stdout
    assert "cannot be written" in ran.error_lines[-1]
    assert shell.user_ns["_wcode"].text == "re one"


@pytest.mark.usefixtures("server")
def test_damaged_chats_are_listed_and_forgotten(
    cell: Cell, shell: InteractiveShell, tmp_path: Path
) -> None:
    """Neither the list nor another chat suffers from one."""
    from wcode_magics.notebook import load_ext
    from wcode_magics.session.conversations import Chats

    (tmp_path / "bad.json").write_text("{", "utf-8")
    assert run_in(shell, "%wcode_chats").success
    load_ext.session(shell).chats = Chats(tmp_path)
    assert cell("a", "one").success
    shown = run_in(shell, "%wcode_chats").plain
    assert "bad" in shown
    assert "re one" in shown
    assert run_in(shell, "%wcode_reset bad").success
    assert not (tmp_path / "bad.json").exists()
