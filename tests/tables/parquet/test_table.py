"""``wcode_magics.parquet``: what ``df.wcode`` gives, for a table of any length."""

import asyncio
import subprocess
import sys

import pandas as pd
import pytest

import wcode_magics
from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, echo, prompt_of, texts
from wcode_magics.errors import TemplateError, UsageError


def test_parts_are_the_pandas_result(serve, table):
    """Read as a folder, the parts equal the frame: order, index, dtypes, attrs."""
    serve()
    df = texts(25).set_index(pd.Index([f"k{n}" for n in range(25)], name="key"))
    made = table(df, rows=10)
    written = made.wcode.ask("{{ text }}", into="said", temperature=0, **QUIET)
    assert [part.name for part in made.parts] == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    wanted = df.wcode.ask("{{ text }}", into="said", temperature=0, fresh=True, **QUIET)
    pd.testing.assert_frame_equal(made.read(), wanted)
    assert made.read().attrs == wanted.attrs
    assert (written.rows, written.total, written.statuses) == (25, 25, {"ok": 25})


def test_classify_and_extract(serve, table):
    """The other questions give their typed columns, over all parts."""
    serve(completion("glad"), completion("glad"), completion('{"n": 3, "at": null}'))
    made = table(texts(2), rows=1)
    made.wcode.classify("{{ text }}", ["glad", "sad"], into="mood", **QUIET)
    assert made.read()["mood"].cat.categories.tolist() == ["glad", "sad"]
    assert made.read()["mood"].tolist() == ["glad", "glad"]
    other = wcode_magics.parquet(made.source, to=made.folder / "x" / "y", rows=1)
    other.extract("{{ text }}", {"n": "int", "at": "date | None"}, **QUIET)
    read = pd.read_parquet(made.folder / "x" / "y")
    assert read["n"].tolist() == [3, 3]
    assert str(read["at"].dtype) == "datetime64[us]"


def test_votes_and_what_needs_all_rows(serve, table):
    """Votes are paid once over all parts; what is announced first is refused."""
    server = serve(lambda seen: completion(str(seen.body["seed"] % 2)))
    made = table(texts(5), rows=2)
    for options in ({"exact": True}, {"then": "big", "threshold": 0.5}):
        with pytest.raises(UsageError, match="part by part"):
            made.wcode.classify("{{ text }}", ["a", "b"], **options, **QUIET)
    assert not server.seen
    made.wcode.ask("{{ text }}", votes=3, **QUIET)
    assert made.read()["answer"].tolist() == ["1"] * 5
    assert made.read()["answer_agreement"].tolist() == [2 / 3] * 5
    assert len(server.seen) == 15


def test_retry_rewrites_the_parts_that_hold_such_rows(serve, table):
    """Rows of a status are sent again, alone; parts without them stay untouched."""
    broken = {"row 3", "row 4"}

    def script(seen) -> Answer:
        return Answer([b"no"], status=400) if prompt_of(seen) in broken else echo(seen)

    server = serve(script)
    made = table(texts(9), rows=2)
    written = made.wcode.ask("{{ text }}", **QUIET)
    assert written.statuses == {"ok": 7, "http_4xx": 2}
    before = {part.name: part.stat().st_mtime_ns for part in made.parts}
    asked = len(server.seen)
    broken.clear()
    written = made.wcode.retry(["http_4xx"], **QUIET)
    assert len(server.seen) == asked + 2
    assert written.statuses == {"ok": 9}
    touched = [p.name for p in made.parts if p.stat().st_mtime_ns != before[p.name]]
    assert touched == ["part-00001.parquet", "part-00002.parquet"]
    assert made.read()["answer"].tolist() == [f"ROW {n}" for n in range(9)]
    assert made.read()["answer_error"].isna().all()


def test_a_row_that_was_refused_is_finished(serve, table):
    """It has the model's words, and is not sent again."""
    said = {"role": "assistant", "content": None, "refusal": "I can't."}
    server = serve(completion(message=said))
    made = table(texts(4), rows=2)
    written = made.wcode.ask("{{ text }}", **QUIET)
    assert written.statuses == {"refused": 4}
    told = ["The model refused: “I can't.”."] * 4
    assert made.read()["answer_error"].tolist() == told
    made.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 4


def test_a_template_without_a_column_is_told(serve, table, capsys):
    """As for a frame: in the estimate, and in the line of the run."""
    serve()
    made = table(texts(4), rows=2)
    assert "no column" in str(made.wcode.estimate("Say hello"))
    assert "no column" in str(made.wcode.ask("Say hello"))
    assert "no column" in capsys.readouterr().out


def test_estimate_and_preview(serve, table, capsys):
    """All rows are counted, with nothing sent; previewed rows are paid once."""
    server = serve()
    made = table(texts(30), rows=10)
    told = made.wcode.estimate("{{ text }}", max_tokens=9)
    assert (told.rows, told.sends, len(server.seen)) == (30, 30, 0)
    some = made.wcode.preview("{{ text }}", 4, progress=False)
    assert some["answer"].tolist() == some["text"].str.upper().tolist()
    assert "26 to send · 4 recorded" in capsys.readouterr().out
    made.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 30


def test_await(serve, table):
    """The same methods for await, inside a running loop."""
    serve()
    made = table(texts(5), rows=2)

    async def both() -> None:
        assert len(await made.wcode.aio.preview("{{ text }}", 2, **QUIET)) == 2
        assert (await made.wcode.aio.ask("{{ text }}", **QUIET)).rows == 5
        assert (await made.wcode.aio.retry(["ok"], fresh=True, **QUIET)).rows == 5

    asyncio.run(both())
    assert made.read()["answer"].tolist() == [f"ROW {n}" for n in range(5)]


@pytest.mark.priced
def test_told_in_a_line(serve, table, capsys):
    """What the folder holds is told at the end, and is the text of the result."""
    serve()
    made = table(pd.DataFrame({"text": ["a", None]}))
    written = made.wcode.ask("{{ text }}")
    line = capsys.readouterr().out.strip()
    assert line == str(written)
    assert "2 of 2 rows" in line
    assert "ok 1 · skipped 1 · ¥0.0" in line


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda w: w.ask("{{ txet }}"), TemplateError, "text"),
        (lambda w: w.ask("x", into="text"), UsageError, "overwrite=True"),
        (lambda w: w.ask("{{ text }}", missing="error"), UsageError, "2 rows"),
        (lambda w: w.ask("x", temperature=9), UsageError, "0 … 2"),
        (lambda w: w.retry(), UsageError, "Ask first"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(serve, table, call, error, words):
    """A mistake is one line with the remedy; nothing is sent or written."""
    server = serve()
    made = table(pd.DataFrame({"text": ["a", None, "c", None]}), rows=2)
    with pytest.raises(error) as caught:
        call(made.wcode)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not server.seen
    assert not made.folder.exists()


def test_retry_keeps_to_the_columns_of_the_parts(serve, table):
    """An option that would make other columns than the parts have is refused."""
    serve(Answer([b"no"], status=400))
    made = table(texts(2))
    made.wcode.ask("{{ text }}", **QUIET)
    with pytest.raises(UsageError, match="answer_prompt_tokens"):
        made.wcode.retry(details=True, **QUIET)


def test_without_pyarrow():
    """Where pyarrow is not installed one line names what to install."""
    script = "import sys; sys.modules['pyarrow'] = None; import wcode_magics\n"
    script += "wcode_magics.parquet('x', to='y')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert 'pip install "wcode-magics[parquet]"' in done.stderr.splitlines()[-1]


def test_the_notebook_and_frames_share_a_session(loopback, shell, run):
    """In a notebook the requests go where those of its cells go."""
    server = loopback(echo)
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    done = run(
        "import pandas as pd, tempfile, wcode_magics\n"
        "folder = tempfile.mkdtemp()\n"
        "pd.DataFrame({'text': ['a']}).to_parquet(folder + '/in.parquet')\n"
        "table = wcode_magics.parquet(folder + '/in.parquet', to=folder + '/out')\n"
        "table.ask('{{ text }}')"
    )
    assert done.success, done.plain
    assert len(server.seen) == 1
