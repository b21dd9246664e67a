"""Sources: files, folders, patterns, and what is none."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import wcode_magics
from tests.tables.asking import QUIET, texts
from wcode_magics.errors import UsageError
from wcode_magics.tables.parquet.reader import ParquetSource


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three files of 30 rows in row groups of 4, and one that is hidden."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for number, name in enumerate(["a", "b", "sub/c"]):
        held = pa.table({"n": range(30 * number, 30 * number + 30)})
        pq.write_table(held, tmp_path / "in" / f"{name}.parquet", row_group_size=4)
    (tmp_path / "in" / "_notes.parquet").write_text("no")
    return tmp_path / "in"


@pytest.mark.parametrize("size", [1, 7, 30, 64, 1000])
@pytest.mark.parametrize("step", [1, 3])
def test_chunks_are_the_rows_in_order(folder, size, step):
    """Chunks of any size, all or some, hold the rows of all files in their order."""
    source = ParquetSource.of(folder)
    wanted = range(0, -(-90 // size), step)
    found = {number: t["n"].to_pylist() for number, t in source.chunks(size, wanted)}
    every = list(range(90))
    assert found == {n: every[n * size : (n + 1) * size] for n in wanted}


def test_folder_pattern_and_list(folder, monkeypatch):
    """A folder, a pattern and a list name the same files; names give the order."""
    files = [folder / "a.parquet", folder / "b.parquet", folder / "sub" / "c.parquet"]
    assert list(ParquetSource.of(folder).files) == files
    assert list(ParquetSource.of(folder / "*.parquet").files) == files[:2]
    assert list(ParquetSource.of([str(file) for file in files]).files) == files
    monkeypatch.chdir(folder)
    assert ParquetSource.of("a.parquet").rows == 30


def test_what_is_no_source(folder, tmp_path):
    """No file, no Parquet, other columns, the target: each is told."""
    (tmp_path / "year=2024").mkdir()
    pq.write_table(pa.table({"m": [1]}), tmp_path / "year=2024" / "x.parquet")
    (tmp_path / "text.parquet").write_text("hello\n" * 9)
    (tmp_path / "empty").mkdir()
    pq.write_table(
        pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a"]), tmp_path / "2"
    )
    told = {
        "There is no Parquet": [tmp_path / "none.parquet", tmp_path / "empty"],
        "cannot be read as Parquet": [tmp_path / "text.parquet"],
        "do not have the same columns: m": [
            [folder / "a.parquet", tmp_path / "year=2024" / "x.parquet"]
        ],
        "The column a exists twice": [tmp_path / "2"],
        "is no local path": ["~no-such-user/a.parquet", None, 5, [b"a.parquet"]],
    }
    for words, givens in told.items():
        for given in givens:
            with pytest.raises(UsageError, match=words) as caught:
                wcode_magics.parquet(given, to=tmp_path / "out")
            assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="~no-such-user/out is no local path"):
        wcode_magics.parquet(folder, to="~no-such-user/out")
    for to in (folder, folder / "out", tmp_path / "in"):
        with pytest.raises(UsageError, match="Name another folder"):
            wcode_magics.parquet(folder, to=to)
    with pytest.raises(UsageError, match="at least 1"):
        wcode_magics.parquet(folder, to=tmp_path / "out", rows=0)


def test_a_file_damaged_in_the_middle(serve, table):
    """The parts before the damage are written, and it is told in a line."""
    server = serve()
    made = table(texts(3_000), rows=512)
    pq.write_table(pq.read_table(made.source), made.source, row_group_size=1_024)
    whole = made.source.read_bytes()
    middle = pq.ParquetFile(made.source).metadata.row_group(1).column(0)
    start = middle.dictionary_page_offset or middle.data_page_offset
    made.source.write_bytes(whole[:start] + b"\xff" * 400 + whole[start + 400 :])
    fresh = wcode_magics.parquet(made.source, to=made.folder, rows=512)
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        fresh.ask("{{ text }}", **QUIET)
    assert len(made.parts) == 2
    assert len(server.seen) == 1_024


def test_no_rows(serve, table):
    """A table without rows makes one part, with all columns and their types."""
    serve()
    made = table(texts(0))
    written = made.wcode.ask("{{ text }}", **QUIET)
    assert (written.rows, len(made.parts)) == (0, 1)
    expected = texts(0).wcode.ask("{{ text }}", **QUIET)
    pd.testing.assert_frame_equal(made.read(), expected, check_index_type=False)


def test_a_folder_with_signs_of_patterns(folder, tmp_path):
    """A folder is read whatever its name is made of."""
    odd = folder.rename(tmp_path / "data [1] *?")
    assert ParquetSource.of(odd).rows == 90


@pytest.mark.parametrize("given", ["in", "in/**/*.parquet", "in/*/*/*.parquet"])
def test_what_others_note_in_a_folder_is_left_out(folder, tmp_path, given):
    """Folders below that are called _… or .… are no part of a table."""
    for name in ("_temporary/0", "_delta_log/x", ".spark/x", "sub/deep"):
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.table({"n": [1]}), folder / name / "d.parquet")
    whole = "*/*/" not in given
    assert ParquetSource.of(tmp_path / given).rows == (91 if whole else 1)
    assert ParquetSource.of(folder / "_temporary" / "0").rows == 1
    named = folder.parent / "i?" / "_temporary" / "*" / "d.parquet"
    assert ParquetSource.of(named).rows == 1


@pytest.mark.parametrize(
    ("given", "to", "fits"),
    [
        ("in/**/*.parquet", "in/out", False),
        ("in/**/*.parquet", "in/out/deep", False),
        ("in/*/*.parquet", "in/out", False),
        ("*/*.parquet", "out", False),
        ("in/*.parquet", "in/out", True),
        ("in/**/?.parquet", "in/out", True),
        ("in/**/*.parquet", "in/_out", True),
        ("in/**/*.parquet", "out", True),
        ("in/s*/*.parquet", "in/out", True),
    ],
)
def test_parts_never_become_the_source(folder, monkeypatch, given, to, fits):
    """A folder whose parts a pattern would find is refused."""
    monkeypatch.chdir(folder.parent)
    if fits:
        wcode_magics.parquet(given, to=to)
        return
    with pytest.raises(UsageError, match="Name another folder"):
        wcode_magics.parquet(given, to=to)
