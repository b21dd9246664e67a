"""What is told of a run, and how it is stopped."""

import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from tests.kernel import kernel
from tests.loopback import Answer
from tests.tables.asking import echo, prompt_of, texts
from wcode_magics.sending.outcome import Tally
from wcode_magics.tables.progress import Bar


def test_told_in_a_line(serve, capsys):
    """Every run ends with a line, and nothing of it is on stderr."""
    serve()
    df = pd.DataFrame({"text": ["a", None]})
    texts(2).wcode.ask("{{ text }}")
    told = capsys.readouterr()
    assert told.err == ""
    assert re.fullmatch(r"2 rows · (≈0|[\d.]+) s · –\n", told.out)
    df.wcode.ask("{{ text }}")
    assert "skipped 1" in capsys.readouterr().out
    df.wcode.ask("{{ text }}")
    assert "1 answer replayed" in capsys.readouterr().out
    df.wcode.ask("{{ text }}", overwrite=True, progress=False)
    assert capsys.readouterr().out == ""


def test_told_what_failed_and_what_to_do(serve, capsys):
    """Failures are told by kind, with the call that sends those rows again."""
    broken = Answer([b'{"error": {"message": "no"}}'], status=400)
    serve(lambda seen: broken if "row 1" in prompt_of(seen) else echo(seen))
    texts(3).wcode.ask("{{ text }}")
    told = capsys.readouterr().out
    assert "http_4xx 1" in told
    assert "retry()" in told


def test_a_bar_of_text_is_written_rarely_into_a_file(serve, capsys):
    """A log of a slow run holds a line of it at its start, not three a second."""
    server = serve(lambda seen: Answer(echo(seen).pieces, delay=0.3))
    texts(8).wcode.ask("{{ text }}", concurrency=1)
    assert len(server.seen) == 8
    assert capsys.readouterr().err.count("row/s") <= 1


def test_a_bar_names_no_counts_of_zero():
    """So that it keeps its width where the page is narrow."""
    tally = Tally(total=5)
    bar = Bar(tally, 5, shown=True)
    bar._started -= 2
    bar.draw()
    assert bar._bar.postfix == "¥0"
    tally.replayed, tally.failed = 1_200, 1
    bar.draw()
    assert bar._bar.postfix == "failed 1, replayed 1,200, ¥0"
    bar.close()


def test_the_variable_of_tqdm_hides_the_bar(serve, capsys, monkeypatch):
    """TQDM_DISABLE does so, though the run takes long."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    serve(lambda seen: Answer(echo(seen).pieces, delay=0.3))
    texts(5).wcode.ask("{{ text }}", concurrency=1)
    assert capsys.readouterr().err == ""
    bar = Bar(Tally(), 5, shown=True)
    bar._started -= 2
    bar.draw()
    assert bar._bar is None


IN_BACKGROUND = """
import os, sys
import pandas as pd
import wcode_magics
for _ in range(2):
    df = pd.DataFrame({"t": [str(n) for n in range(24)]})
    made = df.wcode.ask("{{ t }}", replay="off")
print(len(made), "rows")
"""


@pytest.mark.skipif(os.name != "posix", reason="the shell is POSIX's")
@pytest.mark.parametrize(("end", "times"), [("& wait", 1), ("", 0)])
def test_ignored_interrupts_are_told_once(loopback, end, times):
    """Where a shell's job in the background hears no Ctrl-C, a long run says so."""
    server = loopback(lambda seen: Answer(echo(seen).pieces, delay=0.2))
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_API_KEY": "k"}
    env |= {"WCODE_CONCURRENCY": "2", "PYTHON": sys.executable}
    ran = subprocess.run(
        ["sh", "-c", f'"$PYTHON" -c "$0" {end}', IN_BACKGROUND],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr.count("signal.signal(signal.SIGINT") == times
    assert "24 rows" in ran.stdout


def test_nothing_is_left_of_the_bar(loopback):
    """In a notebook a bar of widgets is shown, and none is in what is saved."""
    server = loopback(lambda seen: Answer(echo(seen).pieces, delay=0.1))
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_API_KEY": "k"}
    env["WCODE_CONCURRENCY"] = "2"
    with kernel(env) as run:
        run.run("import pandas as pd")
        made = "pd.DataFrame({'t': range(50)}).wcode.ask('{{ t }}').shape"
        kinds: set[str] = set()

        def look(shown) -> None:
            kinds.update(kind for o in shown.outputs for kind in o.get("data", ()))

        ran = run.run(made, on_output=look)
    assert "application/vnd.jupyter.widget-view+json" in kinds
    bar, value = [shown for shown in ran.outputs if "data" in shown]
    assert [s["name"] for s in ran.outputs if "data" not in s] == ["stdout"]
    assert not any(bar["data"].values())
    assert value["data"]["text/plain"] == "(50, 4)"


def test_told_whose_end_is_not_confirmed(serve, capsys):
    """Rows of an endpoint that never tells how an answer ends are good, and counted."""
    bare = {"choices": [{"message": {"role": "assistant", "content": "yes"}}]}
    serve(lambda _seen: Answer([json.dumps(bare).encode()]))
    made = texts(3).wcode.ask("{{ text }}")
    assert made["answer_status"].tolist() == ["ok"] * 3
    assert "the end of 3 answers not confirmed" in capsys.readouterr().out
