"""``%%wcode --frame``: a cell as a question to each row."""

import pandas as pd
import pytest

from tests.loopback import Answer
from tests.tables.asking import echo, prompt_of
from wcode_magics.errors import CreditError


def test_cell_over_a_frame(loopback, shell, run):
    """%%wcode --frame fills the cell from each row and binds a new frame."""
    server = loopback(echo)
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    shell.user_ns["df"] = pd.DataFrame({"评论": ["a", "b"], "n": [1, 2]})
    shell.user_ns["word"] = "hello"
    done = run("%%wcode --frame $df --into said -t 0 --out out\n{{ word }} {{ 评论 }}")
    assert done.success
    assert shell.user_ns["out"]["said"].tolist() == ["HELLO A", "HELLO B"]
    assert "said" not in shell.user_ns["df"].columns
    assert all(seen.body["temperature"] == 0 for seen in server.seen)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--frame $word", "DataFrame"),
        ("--frame $df --code", "--code"),
        ("--into x", "--frame"),
        ("--frame $df --into n", "overwrite"),
        ("--frame $df --fresh --replay", "exclude"),
        ("--frame $df --chat tutor", "--chat"),
        ("--frame $df --rounds 2", "--rounds"),
    ],
)
def test_cell_over_a_frame_that_cannot_be(shell, run, line, words):
    """A frame that is none, or options that make no sense with it, are told."""
    shell.user_ns["df"] = pd.DataFrame({"n": [1]})
    shell.user_ns["word"] = 3
    done = run(f"%%wcode {line}\n{{{{ n }}}}")
    assert not done.success
    assert words in str(done.error)


def test_cell_over_a_frame_that_ends_early(loopback, shell, run):
    """The cell fails in a line, with the frame so far bound and shown."""
    server = loopback(echo, Answer([b"{}"], status=402))
    shell.run_line_magic("wcode_config", f"base_url={server.url} concurrency=1")
    shell.user_ns["df"] = pd.DataFrame({"n": [1, 2, 3]})
    done = run("%%wcode --frame $df --out out\n{{ n }} a")
    assert isinstance(done.error, CreditError)
    assert "kept in _wcode. 3 rows" in done.plain
    assert "stopped 1" in done.plain
    out = shell.user_ns["out"]
    assert out is shell.user_ns["_wcode"]
    assert out["answer_status"].tolist() == ["ok", "http_4xx", "stopped"]


def test_cell_over_a_frame_that_is_run_again(loopback, shell, run):
    """It may bind its result to the name of the table; its own column is made anew."""
    server = loopback(echo)
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    shell.user_ns["df"] = pd.DataFrame({"n": ["a", "b"]})
    for _ in range(2):
        assert run("%%wcode --frame $df --out df\n{{ n }}").success
    assert shell.user_ns["df"]["answer_status"].tolist() == ["replayed"] * 2
    done = run("%%wcode --frame $df --out df\n{{ n }}, another question")
    assert "answer exists already" in str(done.error)
    assert len(server.seen) == 2


@pytest.mark.parametrize("where", ["template", "variable", "column"])
def test_cell_over_a_frame_keeps_the_key(
    loopback, shell, run, *, where, tmp_path, monkeypatch
):
    """A key among the values is sent to nobody and stored nowhere."""
    key, server, store = "sk-1234567890abcdef", loopback(echo), tmp_path / "answers.db"
    monkeypatch.setenv("WCODE_API_KEY", key)
    run(f"%wcode_config base_url={server.url} store={store}")
    shell.user_ns |= {"key": key, "df": pd.DataFrame({"n": ["a", key, "b"]})}
    said = {"template": key, "variable": "{{ key }}", "column": "{{ n }}"}[where]
    done = run(f"%%wcode --frame $df\n{said} {{{{ n }}}}")
    seen = sorted(map(prompt_of, server.seen))
    if where == "template":
        assert "contains your API key" in done.plain
    if where == "column":
        assert seen == ["a a", "b b"]
        status = shell.user_ns["_wcode"]["answer_status"]
        assert status.tolist() == ["ok", "invalid", "ok"]
    assert not any(key in prompt for prompt in seen)
    files = [path.read_bytes() for path in tmp_path.glob("answers.db*")]
    assert not any(key.encode() in held for held in files)


def test_cell_over_a_frame_replays_and_sends_afresh(loopback, shell, run):
    """Rows look for records unless told otherwise; --fresh sends, --replay=only not."""
    server = loopback(echo)
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    shell.user_ns["df"] = pd.DataFrame({"n": [1, 2]})
    sent = {"": 2, "--replay": 2, "--replay=off": 4, "--fresh": 6, "--replay=only": 6}
    for line, number in sent.items():
        assert run(f"%%wcode --frame $df {line}\nrow {{{{ n }}}}").success
        assert shell.user_ns["_wcode"]["answer"].tolist() == ["ROW 1", "ROW 2"]
        assert len(server.seen) == number, line
    done = run("%%wcode --frame $df --replay=only\nline {{ n }}")
    assert "“line 1”" in str(done.error)
    assert len(server.seen) == 6
