"""``%wcode_history``: list, copy, take in and forget what was paid for."""

import datetime as dt
import re
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

from tests.loopback import completion
from wcode_magics import text
from wcode_magics.store import Store


def day(later: int = 0) -> dt.date:
    """Today, or so many days later."""
    return dt.datetime.now().astimezone().date() + dt.timedelta(days=later)


@pytest.fixture
def asked(loopback, shell, run, tmp_path, monkeypatch) -> Path:
    """A store of three answers, in the folder where the shell works."""
    monkeypatch.chdir(tmp_path)
    server = loopback(completion())
    store = tmp_path / "mine.db"
    shell.run_line_magic("wcode_config", f"base_url={server.url} store={store}")
    for word in ("one", "two", "three"):
        assert run(f"%wcode --no-stream {word}").success
    return store


def prompts(shell, run, line: str) -> list[str]:
    """What a line lists."""
    assert run(f"h = %wcode_history {line}").success
    listed = shell.user_ns["h"]
    return listed["prompt"].tolist() if len(listed) else []


@pytest.mark.usefixtures("asked")
def test_listing(shell, run):
    """The newest so many, also of a span of days, options before or after them."""
    assert prompts(shell, run, "") == ["three", "two", "one"]
    assert prompts(shell, run, "2") == ["three", "two"]
    assert prompts(shell, run, f"--since {day()}") == ["three", "two", "one"]
    assert prompts(shell, run, f"--since {day()} --before={day(1)} 1") == ["three"]
    assert prompts(shell, run, f"1 --before {day(1)}") == ["three"]
    assert prompts(shell, run, f"--since {day(1)}") == []
    assert prompts(shell, run, f"--before {day(-1)}") == []


@pytest.mark.usefixtures("asked")
def test_it_fits_a_screen(shell, run):
    """Five columns of short texts in local seconds; all else is there on demand."""
    run(f"%wcode --no-stream {'many words ' * 40}")
    run("h = %wcode_history")
    listed = shell.user_ns["h"]
    assert [*listed.columns] == ["time", "model", "prompt", "tokens", "cost"]
    told = listed.to_string().splitlines()
    assert max(map(len, told)) <= 120
    newest = dt.datetime.fromisoformat(listed["time"][0]).astimezone()
    assert abs(dt.datetime.now().astimezone() - newest) < dt.timedelta(minutes=5)
    run("h = %wcode_history --full 1")
    full = shell.user_ns["h"].iloc[0]
    assert full["time"].microsecond == 0
    assert {"hash", "text", "elapsed", "base_url"} <= {*full.index}
    assert full["prompt"].count("words") == 40


@pytest.mark.usefixtures("asked")
def test_a_span_is_not_cut_short(shell, run):
    """With a day and no number all of its answers are listed."""
    store = shell.run_line_magic("wcode_history", "1")
    assert len(store) == 1
    for number in range(20):
        run(f"%wcode --no-stream again {number}")
    assert len(prompts(shell, run, "")) == 20
    assert len(prompts(shell, run, f"--since {day()}")) == 23


@pytest.mark.usefixtures("asked")
def test_copying_and_taking_in(shell, run, tmp_path):
    """A copy is a store in one file, which another one takes in once."""
    told = run("%wcode_history --export copy.db").plain
    assert re.search(r"3 answers copied; \S+/copy\.db now holds 3 \(\d+ kB\)", told)
    assert "0 answers copied" in run("%wcode_history --export copy.db").plain
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.db"}
    shell.run_line_magic("wcode_config", "store=other.db")
    told = run("%wcode_history --import copy.db").plain
    assert re.search(r"3 new answers from copy\.db; \S+/other\.db now holds 3", told)
    assert "0 new answers" in run("%wcode_history --import copy.db").plain
    run("from pathlib import Path; copy = Path('copy.db')")
    assert "0 new answers" in run("%wcode_history --import $copy").plain
    assert "¥0 · " in run("%wcode --replay=only one").plain


@pytest.mark.usefixtures("asked")
def test_forgetting(shell, run):
    """It says how many went, how many are left, and how big the file is."""
    told = run("%wcode_history --prune --keep 1").plain
    assert re.search(r"2 answers deleted; .*mine\.db now holds 1 \(\d+ kB\)", told)
    assert (
        "0 answers deleted" in run(f"%wcode_history --prune --before {day(-1)}").plain
    )
    assert prompts(shell, run, "") == ["three"]


@pytest.mark.usefixtures("asked")
def test_older_ones_are_put_away(run):
    """With --export they are copied first, and then forgotten."""
    line = f"%wcode_history --before {day(1)} --export old.db --prune"
    told = run(line).plain
    assert told.index("3 answers copied") < told.index("3 answers deleted")
    with Store("old.db", readonly=True) as old:
        assert old.count() == 3


MISTAKES = {
    "many": "is many, but it must be a whole number, 1 or more",
    "0": "is 0, but it must be a whole number, 1 or more",
    "9" * 20: "is 9{20}, but it must be 1 … 1,000,000,000,000,000,000",
    "9" * 5_000: "but it must be 1 …",
    f"--prune --keep {'9' * 20}": "--keep is 9{20}, but it must be 1 … 1,000",
    "--sinse 2026-01-31": r"no option --sinse; did you mean --since \(2026-01-31\)",
    "--xyzzy": "no option --xyzzy. Options: --since · --before · --export",
    "--since yesterday": "is yesterday, but it must be a day such as 2026-01-31",
    "--before 2026-02-30": "--before is 2026-02-30",
    "--since": "--since needs a value: 2026-01-31",
    "--prune": "deletes answers permanently.*--before 2026-01-31.*--keep 1000",
    "--prune --keep 0": "--keep is 0, but it must be a whole number, 1 or more",
    "--prune --keep 1 --keep 2": "given twice",
    "--prune --since 2026-01-31 --keep 5": "--prune and --since exclude",
    "--keep 5": "--keep goes with --prune",
    "--import a.db --since 2026-01-31": "--import and --since exclude",
    "5 --prune --keep 1": "5 and --prune exclude",
    "--import missing.db": "missing.db does not exist .* nothing is imported",
    "--import notes.txt": "notes.txt is not a store",
    "--export notes.txt": "notes.txt is not a store",
    "--export mine.db": "the store itself",
    "--import ~nobody-here/x": "~nobody-here/x begins with the home folder",
    "--export 'mine": "quotation mark",
}


@pytest.mark.parametrize("line", MISTAKES)
@pytest.mark.usefixtures("asked")
def test_mistakes_are_one_line_and_forget_nothing(shell, run, line):
    """What was given, what is allowed; the answers stay."""
    Path("notes.txt").write_text("mine " * 100)
    ran = run(f"%wcode_history {line}")
    assert not ran.success
    assert len(ran.error_lines) == 1, ran.stdout
    assert re.search(MISTAKES[line], ran.error_lines[0])
    assert len(prompts(shell, run, "")) == 3
    assert Path("notes.txt").read_text() == "mine " * 100


def test_tab_completes_the_options(shell):
    """Each of them, and no option of another command."""
    line = "%wcode_history --"
    shell.Completer.use_jedi = False  # IPython 7 adds its guesses to any line
    with provisionalcompleter():
        found = {one.text for one in shell.Completer.completions(line, len(line))}
    options = ("since", "before", "export", "import", "prune", "keep", "full")
    assert found == {f"--{name}" for name in options}


@pytest.mark.usefixtures("asked")
def test_it_speaks_chinese(shell, run):
    """News and headings in the person's language; the value's columns stay."""
    text.use("zh")
    assert prompts(shell, run, "1") == ["three"]
    shown, _more = shell.display_formatter.format(shell.user_ns["h"])
    for kind in ("text/html", "text/plain"):
        assert re.search("时间.*模型.*提示.*费用", shown[kind], re.DOTALL)
    run("h['mine'] = 1")
    assert "mine" in run("h").plain
    assert "没有可列出的回答" in run(f"%wcode_history --since {day(1)}").plain
    assert "删除了 2 个回答" in run("%wcode_history --prune --keep 1").plain


def test_a_listing_in_a_terminal_holds_no_control_codes(loopback, shell, run):
    """What a server says of its model reaches a terminal through a listing as well."""
    server = loopback(completion())
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    shell.user_ns["evil"] = "a\x1b[2Jb"
    assert run("%wcode --no-stream {{ evil }}").success
    assert run("h = %wcode_history").success
    assert "a␛[2Jb" in repr(shell.user_ns["h"])
    assert "\x1b" not in repr(shell.user_ns["h"])
