"""Columns: the source's untouched, the answers' the same in every part."""

import datetime as dt
import decimal
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import wcode_magics
from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, prompt_of, texts
from wcode_magics.errors import UsageError

SOURCE = pa.table(
    {
        "text": ["a", "b", "c", "d"],
        "small": pa.array([1, None, 3, 4], pa.int16()),
        "mood": pa.array(["x", "y", None, "x"]).dictionary_encode(),
        "day": pa.array([dt.date(2024, 1, n) for n in range(1, 5)]),
        "time": pa.array([1, None, 3, 4], pa.timestamp("ns", "Asia/Shanghai")),
        "price": pa.array([decimal.Decimal("1.20")] * 4, pa.decimal128(9, 2)),
        "tags": [["a", "b"], [], None, ["c"]],
        "shop": [{"name": "tea", "no": [1]}, None, {"name": None, "no": []}, None],
        "blob": pa.array([b"\x00", None, b"", b"z"]),
    }
)
KINDS = {
    "stars": "int",
    "price": "float | None",
    "fair": "bool",
    "day": "date",
    "at": "datetime",
    "mood": ["glad", "sad"],
    "tags": "list[str]",
    "note": "str",
}
ANSWER = {
    "stars": 4,
    "price": None,
    "fair": True,
    "day": "2024-05-01",
    "at": "2024-05-01T10:00:00Z",
    "mood": "sad",
    "tags": ["甲", "b"],
    "note": "n",
}


def test_source_columns_go_through_untouched(serve, tmp_path):
    """Every type of the source stands in the parts as Arrow had it."""
    serve()
    pq.write_table(SOURCE, tmp_path / "in.parquet")
    made = wcode_magics.parquet(tmp_path / "in.parquet", to=tmp_path / "out", rows=3)
    made.ask("{{ text }} {{ small }} {{ day }}", **QUIET)
    read = pq.read_table(tmp_path / "out")
    names = SOURCE.column_names
    assert read.select(names).schema.equals(pq.read_schema(tmp_path / "in.parquet"))
    assert read.select(names).to_pylist() == SOURCE.to_pylist()
    assert read["answer_status"].to_pylist() == ["ok", "skipped", "ok", "ok"]
    assert str(pd.read_parquet(tmp_path / "out")["answer"].dtype) == "string"


def test_templates_see_what_pandas_rows_have(serve, table):
    """A value is written into the prompt as from the DataFrame."""
    server = serve()
    df = pd.DataFrame(
        {
            "n": pd.array([1, 2], dtype="Int64"),
            "f": [1.0, 2.5],
            "t": pd.to_datetime(["2024-01-01 00:00", "2024-01-02 03:00"]),
            "c": pd.Categorical(["x", "y"]),
            "l": [[1, 2], [3]],
        }
    )
    template = "{{ n }} {{ f }} {{ t }} {{ c }} {{ l }}"
    made = table(df)
    pd.read_parquet(made.source).wcode.ask(template, **QUIET)
    frame, server.seen[:] = {prompt_of(seen) for seen in server.seen}, []
    made.wcode.ask(template, fresh=True, **QUIET)
    assert {prompt_of(seen) for seen in server.seen} == frame


def test_parts_have_one_schema(serve, table):
    """A part without one answer has the types of the others; objects are JSON."""

    def script(seen) -> Answer:
        if "row 0" in prompt_of(seen) or "row 1" in prompt_of(seen):
            return Answer([b"no"], status=400)
        return completion(json.dumps(ANSWER))

    serve(script)
    made = table(texts(4), rows=2)
    made.wcode.extract("{{ text }}", KINDS, details=True, **QUIET)
    none, some = (pq.read_schema(part) for part in made.parts)
    assert none.equals(some, check_metadata=True)
    read = made.read()
    assert read["stars"].tolist() == [pd.NA, pd.NA, 4, 4]
    assert read["extract_status"].tolist() == ["http_4xx"] * 2 + ["ok"] * 2
    assert read["tags"].tolist()[2:] == ['["甲", "b"]'] * 2
    frame = texts(4)[2:].wcode.extract("{{ text }}", KINDS, details=True, **QUIET)
    for name in set(frame.columns) - {"tags", "extract_status"}:
        kept = read[name][2:]
        pd.testing.assert_series_equal(kept, frame[name], check_index_type=False)


def test_columns_of_numbers_for_names(serve, table):
    """Names that pandas holds as numbers are texts in the parts."""
    serve()
    made = table(pd.DataFrame({0: ["a"], 1: [2]}))
    made.wcode.ask('{{ row["0"] }}', **QUIET)
    assert list(made.read().columns)[:3] == ["0", "1", "answer"]


def test_a_column_may_be_overwritten(serve, table):
    """overwrite=True puts the answers in the place of a column of the source."""
    serve()
    made = table(pd.DataFrame({"text": [1, 2], "n": ["a", "b"]}))
    made.wcode.ask("{{ n }}", into="text", overwrite=True, **QUIET)
    assert made.read()["text"].tolist() == ["A", "B"]
    assert list(made.read().columns) == ["text", "n", "text_status", "text_error"]


@pytest.mark.parametrize("rows", [0, 3])
def test_a_frame_enriched_before(serve, table, rows):
    """What was asked of a frame before it became Parquet is still known of it."""
    serve()
    made = table(texts(rows).wcode.ask("{{ text }}", into="one", **QUIET), rows=2)
    made.wcode.ask("{{ one }}", into="two", **QUIET)
    read = made.read()
    assert len(read) == rows
    assert list(read.attrs["wcode"]) == ["one", "two"]
    assert str(read["two"].dtype) == "string"
    assert len(read.wcode.retry(["ok"], into="two", **QUIET)) == rows


def test_categories_of_many_files(serve, tmp_path):
    """Files with categories of their own fit one part, however many there are."""
    serve()
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    frames = [
        pd.DataFrame({"kind": pd.Categorical([f"{file.stem}{n}" for n in range(100)])})
        for file in files
    ]
    for frame, file in zip(frames, files, strict=True):
        frame.to_parquet(file)
    made = wcode_magics.parquet(files, to=tmp_path / "out", rows=150)
    assert made.ask("{{ kind }}", **QUIET).statuses == {"ok": 200}
    read = pd.read_parquet(tmp_path / "out")
    assert str(read["kind"].dtype) == "category"
    assert read["kind"].tolist() == [one for f in frames for one in f["kind"]]
    assert read["answer"].tolist() == [one.upper() for one in read["kind"]]


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5, 12, name="text"),
        pd.RangeIndex(5, 12),
        pd.RangeIndex(12, -2, -2, name="k"),
        pd.RangeIndex(7, name="k"),
        pd.RangeIndex(7),
        pd.MultiIndex.from_arrays([range(7), list("abcdefg")], names=["n", "s"]),
        pd.MultiIndex.from_arrays([list("abcdefg"), range(7)]),
    ],
)
def test_an_index_of_numbers_is_kept(serve, table, index):
    """A range that pandas keeps beside the columns is the index of the parts."""
    serve()
    df = texts(7).set_index(index)
    made = table(df, rows=3)
    made.wcode.ask("{{ text }}", **QUIET)
    wanted = pd.read_parquet(made.source).wcode.ask("{{ text }}", fresh=True, **QUIET)
    pd.testing.assert_frame_equal(made.read(), wanted, check_index_type="equiv")


def test_a_lost_part_has_its_index(serve, table):
    """A part that is made alone has the index of its own rows."""
    serve()
    made = table(texts(7).set_index(pd.RangeIndex(0, 70, 10, name="k")), rows=3)
    made.wcode.ask("{{ text }}", **QUIET)
    made.parts[1].unlink()
    made.wcode.ask("{{ text }}", **QUIET)
    assert made.read().index.tolist() == list(range(0, 70, 10))


def test_a_range_of_other_rows_is_none(serve, table):
    """A range that does not fit the rows any more is left, as pandas leaves it."""
    serve()
    made = table(texts(7).set_index(pd.RangeIndex(3, 10, name="k")))
    pq.write_table(pq.read_table(made.source)[:4], made.source)
    wcode_magics.parquet(made.source, to=made.folder).ask("{{ text }}", **QUIET)
    wanted = pd.read_parquet(made.source)
    pd.testing.assert_frame_equal(made.read()[["text"]], wanted)


@pytest.mark.parametrize("index", [pd.Index(["x", "y"]), pd.RangeIndex(2)])
@pytest.mark.parametrize("name", ["answer", "answer_status"])
def test_answers_never_take_the_place_of_the_index(serve, table, index, name):
    """An index that has the name of a column of answers is told, with the remedy."""
    server = serve()
    made = table(texts(2).set_index(index.rename(name)))
    for ask in (made.wcode.ask, made.wcode.preview):
        for overwrite in (False, True):
            with pytest.raises(UsageError, match="into="):
                ask("{{ text }}", overwrite=overwrite, **QUIET)
    assert not server.seen
    assert not made.folder.exists()
    made.wcode.ask("{{ text }}", into="said", **QUIET)
    assert made.read().index.name == name


WORDS = pa.array(["a", "b"])
LONG = WORDS.cast(pa.large_string())
NUMBERS = pa.array([1, 2], pa.int16())
MOMENTS = pa.array([1_000, None], pa.timestamp("us"))


@pytest.mark.parametrize(
    ("pair", "dtype"),
    [
        ((WORDS, LONG), "str"),
        ((WORDS.dictionary_encode(), WORDS), "str"),
        ((WORDS.dictionary_encode(), LONG), "str"),
        ((pa.nulls(2), WORDS), "str"),
        ((pa.nulls(2), WORDS.dictionary_encode()), "category"),
        ((LONG.dictionary_encode(), WORDS.dictionary_encode()), "category"),
        ((pa.nulls(2), pa.nulls(2)), "object"),
        ((NUMBERS, NUMBERS.cast(pa.int64())), "int64"),
        ((pa.array([b"a"]), pa.array([None], pa.large_binary())), "object"),
        ((NUMBERS, NUMBERS.cast(pa.float64())), "float64"),
        ((NUMBERS, NUMBERS.cast(pa.uint16())), "int32"),
        ((NUMBERS.cast(pa.float32()), NUMBERS.cast(pa.float64())), "float64"),
        ((MOMENTS.cast(pa.timestamp("ms")), MOMENTS), "datetime64[us]"),
        ((MOMENTS, MOMENTS.cast(pa.timestamp("ns"))), "datetime64[ns]"),
        ((pa.array([[1]], pa.list_(pa.int8())), pa.array([[2]])), "object"),
        ((pa.array([{"a": 1}]), pa.array([{"a": 1.5}])), "object"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_files_that_fit_without_loss(serve, tmp_path, pair, dtype, turned):
    """Columns that differ in their Arrow type alone are one, in any order of files."""
    serve()
    held = pair[::-1] if turned else pair
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file, values in zip(files, held, strict=True):
        made = pa.table({"text": ["x", "y"][: len(values)], "c": values})
        schema = pa.Schema.from_pandas(made.to_pandas(), preserve_index=False)
        pq.write_table(made.replace_schema_metadata(schema.metadata), file)
    made = wcode_magics.parquet(files, to=tmp_path / "out", rows=1)
    assert made.ask("{{ text }}", **QUIET).rows == sum(map(len, held))
    read = pd.read_parquet(tmp_path / "out")
    assert pq.read_table(tmp_path / "out")["c"].to_pylist() == [
        value for values in held for value in values.to_pylist()
    ]
    assert str(read["c"].dtype) in {dtype, "object" if dtype == "str" else dtype}
    parts = sorted((tmp_path / "out").glob("*.parquet"))
    assert pq.read_schema(parts[0]).equals(pq.read_schema(parts[-1]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WORDS, NUMBERS),
        (MOMENTS.cast(pa.timestamp("us", "UTC")), MOMENTS),
        (
            MOMENTS.cast(pa.timestamp("us", "UTC")),
            MOMENTS.cast(pa.timestamp("us", "Asia/Shanghai")),
        ),
        (WORDS.dictionary_encode(), NUMBERS),
        (
            pa.DictionaryArray.from_arrays([0, 1], ["a", "b"], ordered=True),
            WORDS.dictionary_encode(),
        ),
    ],
)
def test_files_that_would_lose_are_refused(tmp_path, one, other):
    """Columns whose values one type cannot hold are told, and no others."""
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    words = [WORDS, WORDS.cast(pa.large_string())]
    for file, word, values in zip(files, words, (one, other), strict=True):
        pq.write_table(pa.table({"a": word, "c": values}), file)
    with pytest.raises(UsageError, match="do not have the same columns: c"):
        wcode_magics.parquet(files, to=tmp_path / "out")


def test_files_with_columns_in_another_order(serve, tmp_path):
    """The order is that of the first file; each value stands under its name."""
    serve(lambda seen: completion(prompt_of(seen)))
    pq.write_table(pa.table({"a": ["1"], "b": [2]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": [3.5], "a": ["4"]}), tmp_path / "2.parquet")
    made = wcode_magics.parquet(tmp_path / "*.parquet", to=tmp_path / "out")
    made.ask("{{ a }} {{ b }}", **QUIET)
    read = pd.read_parquet(tmp_path / "out")
    assert read["answer"].tolist() == ["1 2.0", "4 3.5"]
    assert list(read)[:2] == ["a", "b"]


def test_a_value_that_would_change_is_told(serve, tmp_path):
    """An id beyond 2**53 beside floats is a line, and never another number."""
    server = serve()
    pq.write_table(pa.table({"id": [0.5]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"id": [2**53 + 1]}), tmp_path / "2.parquet")
    made = wcode_magics.parquet(tmp_path / "*.parquet", to=tmp_path / "out")
    with pytest.raises(UsageError, match="one value does not fit"):
        made.ask("{{ id }}", **QUIET)
    assert not server.seen


def test_folders_that_are_values(serve, tmp_path):
    """Hive's folders are columns, for templates, parts and readers of these."""
    serve(lambda seen: completion(prompt_of(seen)))
    for year, city in ((2023, "x y"), (2024, "z")):
        folder = tmp_path / "in" / f"year={year}" / f"city={city.replace(' ', '%20')}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"text": ["a", "b"]}), folder / "0.parquet")
    made = wcode_magics.parquet(tmp_path / "in", to=tmp_path / "out", rows=3)
    made.ask("{{ text }} {{ year }} {{ city }}", **QUIET)
    read = pd.read_parquet(tmp_path / "out")
    told = ["a 2023 x y", "b 2023 x y", "a 2024 z", "b 2024 z"]
    assert read["answer"].tolist() == told
    assert read["year"].tolist() == [2023, 2023, 2024, 2024]
    only = wcode_magics.parquet(tmp_path / "in", to=tmp_path / "only", rows=3)
    only.ask("{{ year }}", **QUIET)
    assert pd.read_parquet(tmp_path / "only")["answer"].tolist() == [
        *["2023"] * 2,
        *["2024"] * 2,
    ]
