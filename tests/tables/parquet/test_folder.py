"""The folder: finished parts stay, two runs never mix, a full disk loses nothing."""

import asyncio
import json
import os
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest

import wcode_magics
from tests.tables.asking import QUIET, texts
from wcode_magics import text
from wcode_magics.errors import StoreError, UsageError
from wcode_magics.tables.parquet.folder import Folder


def test_finished_parts_are_not_touched(serve, table):
    """A run that is whole sends, renders and writes nothing; a lost part is made."""
    server = serve()
    made = table(texts(25), rows=10)
    made.wcode.ask("{{ text }}", **QUIET)
    before = [part.stat().st_mtime_ns for part in made.parts]
    again = made.wcode.ask("{{ text }}", **QUIET)
    assert [part.stat().st_mtime_ns for part in made.parts] == before
    assert (again.rows, again.replayed, len(server.seen)) == (25, 0, 25)
    made.parts[1].unlink()
    again = made.wcode.ask("{{ text }}", **QUIET)
    assert (again.replayed, len(server.seen)) == (10, 25)
    assert made.read()["answer"].tolist() == [f"ROW {n}" for n in range(25)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"template": "{{ text }}!"},
            'prompt was "{{ text }}" and is now "{{ text }}!"',
        ),
        ({"into": "b"}, "columns was"),
        ({"system": "s"}, 'system prompt was – and is now "s"'),
        ({"model": "m"}, 'model was "qwen/qwen-2.5-7b-instruct" and is now "m"'),
        ({"temperature": 1}, "temperature was – and is now 1.0"),
        ({"labels": ["a", "b"]}, "prompt was"),
        ({"schema": {"a": "int"}}, "prompt was"),
        ({"details": True}, "columns was"),
        ({"names": {"text": 1}}, None),
    ],
)
def test_another_question_is_refused(serve, table, change, words):
    """What is asked otherwise into the same folder is told, and costs nothing."""
    server = serve()
    made = table(texts(2))
    made.wcode.ask("{{ text }}", **QUIET)
    options = {"template": "{{ text }}", "into": "answer", **change, **QUIET}
    ask = made.wcode._made
    if words is None:
        ask(options.pop("template"), options)
        return
    with pytest.raises(UsageError) as caught:
        ask(options.pop("template"), options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.seen) == 2


def test_another_source_or_size_is_refused(serve, table):
    """Other rows, another part size, another endpoint: each is named."""
    server = serve()
    made = table(texts(4), rows=2)
    made.wcode.ask("{{ text }}", **QUIET)

    def again(**options) -> str:
        options = {"rows": 2, **options}
        fresh = wcode_magics.parquet(made.source, to=made.folder, **options)
        with pytest.raises(UsageError) as caught:
            fresh.ask("{{ text }}", **QUIET)
        return str(caught.value)

    assert "rows was 2 and is now 3" in again(rows=3)
    texts(5).to_parquet(made.source)
    assert "source was" in again()
    fresh = wcode_magics.parquet(made.source, to=made.folder, rows=2, overwrite=True)
    first = asyncio.run(fresh.aio.ask("{{ text }}", **QUIET))
    assert first.statuses == {"replayed": 4, "ok": 1}
    assert fresh.ask("{{ text }}", **QUIET).replayed == 0
    serve()
    assert f'endpoint was "{server.url}"' in again()


def test_there_is_no_key_in_the_folder(serve, table):
    """The manifest tells the question, never the key."""
    server = serve(api_key="sk-very-secret")
    made = table(texts(1))
    made.wcode.ask("{{ text }}", **QUIET)
    assert server.seen[0].headers["authorization"] == "Bearer sk-very-secret"
    files = [path for path in made.folder.rglob("*") if path.is_file()]
    assert {*made.parts, made.folder / "_wcode.json"} <= {*files}
    assert not [path for path in files if b"very-secret" in path.read_bytes()]
    told = json.loads((made.folder / "_wcode.json").read_text())
    assert told["asked"]["prompt"] == "{{ text }}"
    assert "key" not in json.dumps(told)


def test_a_folder_of_others_is_left_alone(serve, table):
    """Files that no run has written are neither mixed with parts nor removed."""
    serve()
    made = table(texts(1), overwrite=True)
    made.folder.mkdir()
    (made.folder / "part-00000.parquet").write_text("mine")
    with pytest.raises(UsageError, match="are not parts of a run"):
        made.wcode.ask("{{ text }}", **QUIET)
    assert (made.folder / "part-00000.parquet").read_text() == "mine"


@pytest.mark.parametrize(
    "told",
    [
        *("{", "[]", "[" * 100_000, '{"format": 99}'),
        '{"format": 1, "asked": {}, "call": {}}',
        '{"format": 1, "asked": {}, "call": {"into": 5}}',
    ],
)
def test_a_manifest_that_cannot_be_read(serve, table, told):
    """It is said so, the parts stay; overwrite=True begins anew."""
    serve()
    made = table(texts(1))
    made.wcode.ask("{{ text }}", **QUIET)
    (made.folder / "_wcode.json").write_text(told)
    with pytest.raises(UsageError, match="_wcode"):
        made.wcode.ask("{{ text }}", **QUIET)
    assert len(made.parts) == 1
    anew = wcode_magics.parquet(made.source, to=made.folder, overwrite=True)
    assert anew.ask("{{ text }}", **QUIET).rows == 1


def test_one_run_at_a_time(serve, table):
    """While a run writes to a folder, another one there is refused."""
    serve()
    made = table(texts(2))
    with made.wcode._folder.locked(), pytest.raises(UsageError, match="Another run"):
        made.wcode.ask("{{ text }}", **QUIET)
    assert made.wcode.ask("{{ text }}", **QUIET).rows == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(serve, table):
    """A folder without the right to write is told before anything is sent."""
    server = serve()
    made = table(texts(2))
    made.folder.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        made.wcode.ask("{{ text }}", **QUIET)
    assert not server.seen


def test_a_folder_that_cannot_be(serve, table):
    """A file in the folder's place, or above it, is told before anything is sent."""
    server = serve()
    made = table(texts(2))
    made.folder.write_text("a file")
    source = made.folder.with_name("rows.parquet")
    texts(2).to_parquet(source)
    with pytest.raises(UsageError, match=r"is a file, but .* Name a new folder"):
        made.wcode.ask("{{ text }}", **QUIET)
    with pytest.raises(UsageError, match=r"is a file, but .* Name a new folder"):
        wcode_magics.parquet(source, to=source)
    below = wcode_magics.parquet(source, to=made.folder / "parts")
    with pytest.raises(StoreError, match="cannot be written"):
        below.ask("{{ text }}", **QUIET)
    assert not server.seen


LIMITED = """
import resource, signal, sys
import pandas as pd
import wcode_magics
from wcode_magics.errors import StoreError
from wcode_magics.tables import accessor as frame
url, store = sys.argv[1:3]
frame.register(wcode_magics.Session(base_url=url, api_key="k", store=store))
made = wcode_magics.parquet(sys.argv[3], to=sys.argv[4], rows=20)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
try:
    made.ask("{{ text }}", progress=False)
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
print(made.ask("{{ text }}", progress=False))
"""


def test_a_full_disk(serve, table, tmp_path):
    """A part that cannot be written is told; its answers are not paid twice."""
    server = serve()
    df = texts(60).assign(pad=[os.urandom(n * 2_000) for n in range(60)])
    made = table(df, rows=20)
    argv = [server.url, str(tmp_path / "s.db"), str(made.source), str(made.folder)]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *argv],
        capture_output=True,
        text=True,
        check=True,
    )
    first, last = done.stdout.strip().splitlines()
    assert "cannot be written: File too large. What was answered is in" in first
    assert "60 of 60 rows" in last
    assert len(server.seen) == 60
    pd.testing.assert_series_equal(made.read()["pad"], df["pad"])
    assert not list(made.folder.glob(".*"))


def test_a_part_that_arrow_cannot_write(tmp_path):
    """What Arrow cannot write is told as any part that cannot be written is."""
    odd = pa.array([(1, 1, 1)], pa.month_day_nano_interval())
    folder = Folder(tmp_path)
    with pytest.raises(StoreError, match=r"part-00000.parquet cannot be written"):
        folder.write(0, pa.table({"odd": odd}))
    assert list(tmp_path.iterdir()) == []


def test_more_than_100_000_parts_are_in_order(tmp_path):
    """Names of so many parts are in the order of rows for who sorts by name."""
    assert Folder(tmp_path).of_many(100_000).part(7).name == "part-00007.parquet"
    folder = Folder(tmp_path).of_many(100_001)
    names = [folder.part(number).name for number in (0, 9, 99_999, 100_000)]
    assert names == sorted(names)
    for number in (0, 99_999):
        folder.part(number).touch()
    assert Folder(tmp_path).of_many(1).part(99_999) == folder.part(99_999)
    assert folder.numbers() == [0, 99_999]


def test_parts_keep_the_names_they_have(serve, table):
    """A run goes on, is retried and begins anew whatever the width of its names."""
    server = serve()
    made = table(texts(6), rows=2)
    made.wcode.ask("{{ text }}", **QUIET)
    for part in made.parts:
        part.rename(part.with_name(part.name.replace("-", "-00")))
    made.parts[1].unlink()
    names = [f"part-000000{number}.parquet" for number in range(3)]
    assert made.wcode.ask("{{ text }}", **QUIET).rows == 6
    assert [part.name for part in made.parts] == names
    made.wcode.retry(["ok"], fresh=True, **QUIET)
    assert [part.name for part in made.parts] == names
    anew = wcode_magics.parquet(made.source, to=made.folder, rows=2, overwrite=True)
    assert anew.ask("{{ text }}", **QUIET).rows == 6
    assert [part.name for part in made.parts] == [name[:5] + name[7:] for name in names]
    assert len(server.seen) == 6 + 4


def test_what_differs_is_named_in_the_language(serve, table):
    """A prompt is one in Chinese too; an argument keeps its name."""
    serve()
    made = table(texts(2))
    made.wcode.ask("{{ text }}", **QUIET)
    text.use("zh")
    with pytest.raises(UsageError, match=r'提示原为 "\{\{ text \}\}"'):
        made.wcode.ask("{{ text }}!", **QUIET)
    with pytest.raises(UsageError, match=r"top_p 原为 –"):
        made.wcode.ask("{{ text }}", top_p=0.5, **QUIET)
