"""What each row sends: the plain Python value of its cell, by every way of asking."""

import datetime as dt
import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import wcode_magics
from tests.loopback import completion
from tests.tables.asking import QUIET, prompt_of

ROWS = 4
LETTERS = string.ascii_letters + "0123456789 ,'\"{}%|中文é"
TEXTS = st.text(LETTERS, min_size=1)
WHOLE = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-128, 127)
FLOATS = st.floats(allow_nan=False)
SHORT = st.floats(allow_nan=False, width=32)
DAYS = st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))
TIMES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001
SPANS = st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999))
MONEY = st.decimals(-10_000, 10_000, places=2)
ROOM = st.recursive(
    st.none() | WHOLE | FLOATS | TEXTS | st.booleans() | MONEY | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2)
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Column:
    """A dtype, its plain Python values, and how a prompt shows one."""

    name: str
    make: Callable[[list[Any]], Any]
    values: st.SearchStrategy[Any]
    shown: Callable[[Any], str] = str
    gaps: bool = True


def _dtype(dtype: Any) -> Callable[[list[Any]], Any]:
    return lambda values: pd.array(values, dtype=dtype)


def _arrow(kind: pa.DataType) -> Callable[[list[Any]], Any]:
    return lambda values: pd.arrays.ArrowExtensionArray(pa.array(values, kind))


def _short(value: float) -> str:
    return str(float(str(np.float32(value))))


def _objects(values: list[Any]) -> Any:
    held = np.empty(len(values), dtype=object)
    held[:] = values
    return held


def _arrays(values: list[Any]) -> Any:
    return _objects([None if v is None else np.array(v, dtype="i8") for v in values])


def _pandas_moment(value: Any) -> str:
    return str(pd.Timestamp(value))


FRAMES = [
    Column("int64", lambda v: np.array(v, "int64"), WHOLE, gaps=False),
    Column(
        "uint64", lambda v: np.array(v, "uint64"), st.integers(0, 2**64 - 1), gaps=False
    ),
    Column("bool", lambda v: np.array(v, bool), st.booleans(), gaps=False),
    Column("float64", lambda v: np.array(v, "float64"), FLOATS, gaps=False),
    Column("float32", lambda v: np.array(v, "float32"), SHORT, _short, gaps=False),
    Column("Int64", _dtype("Int64"), WHOLE),
    Column("Float64", _dtype("Float64"), FLOATS),
    Column("boolean", _dtype("boolean"), st.booleans()),
    Column("string", _dtype("string"), TEXTS),
    Column("object", _objects, ROOM.filter(lambda v: v is not None)),
    Column("arrays", _arrays, st.lists(WHOLE)),
    Column("category", pd.Categorical, TEXTS),
    Column("numbers", pd.Categorical, SMALL),
    Column("moments", pd.to_datetime, TIMES, _pandas_moment),
    Column(
        "zoned",
        lambda v: pd.to_datetime(v).tz_localize("UTC").tz_convert("Asia/Shanghai"),
        TIMES,
        lambda v: str(pd.Timestamp(v, tz="UTC").tz_convert("Asia/Shanghai")),
    ),
    Column("spans", pd.to_timedelta, SPANS, lambda v: str(pd.Timedelta(v))),
    Column(
        "period", lambda v: pd.PeriodIndex(v, freq="D"), DAYS, lambda v: v.isoformat()
    ),
    Column("sparse", pd.arrays.SparseArray, SMALL, gaps=False),
    Column(
        "interval",
        lambda v: pd.arrays.IntervalArray.from_tuples([(n, n + 1) for n in v]),
        SMALL,
        lambda n: f"({n}, {n + 1}]",
        gaps=False,
    ),
]
LISTED = pa.list_(pa.struct({"id": pa.int64(), "tags": pa.list_(pa.string())}))
ARROW = [
    (pa.int64(), WHOLE),
    (pa.uint8(), st.integers(0, 255)),
    (pa.float64(), FLOATS),
    (pa.bool_(), st.booleans()),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.dictionary(pa.int32(), pa.string()), TEXTS),
    (pa.date32(), DAYS),
    (pa.decimal128(12, 2), MONEY),
    (pa.binary(), st.binary(max_size=4)),
    (pa.list_(pa.int64()), st.lists(st.none() | WHOLE, max_size=3)),
    (pa.large_list(pa.string()), st.lists(TEXTS, max_size=3)),
    (pa.map_(pa.string(), pa.int64()), st.lists(st.tuples(TEXTS, WHOLE), max_size=2)),
    (
        LISTED,
        st.lists(
            st.builds(
                lambda number, tags: {"id": number, "tags": tags},
                st.none() | WHOLE,
                st.none() | st.lists(TEXTS, max_size=2),
            ),
            max_size=2,
        ),
    ),
]
ARROWS = [Column(f"arrow {kind}", _arrow(kind), values) for kind, values in ARROW] + [
    Column("float", _arrow(pa.float32()), SHORT, _short),
    Column(
        "list<float>",
        _arrow(pa.list_(pa.float32())),
        st.lists(SHORT, max_size=3),
        lambda v: f"[{', '.join(map(_short, v))}]",
    ),
    Column("timestamp", _arrow(pa.timestamp("us")), TIMES, _pandas_moment),
    Column(
        "duration", _arrow(pa.duration("us")), SPANS, lambda v: str(pd.Timedelta(v))
    ),
]


FOUND = settings(max_examples=6, deadline=None, database=None, phases=[Phase.generate])
TEMPLATE = "\n".join(f"{{{{ row['{one.name}'] }}}}" for one in [*FRAMES, *ARROWS])
FILES = "\n".join(f"{{{{ row['{one.name}'] }}}}" for one in ARROWS)


def _drawn(columns: Sequence[Column]) -> st.SearchStrategy[list[list[Any]]]:
    """For each column values of all rows; the last row has none where it can."""
    return st.tuples(
        *(
            st.lists(one.values, min_size=ROWS, max_size=ROWS).map(
                lambda made, gaps=one.gaps: [*made, None] if gaps else [*made, made[0]]
            )
            for one in columns
        )
    ).map(list)


def _table(columns: Sequence[Column], drawn: list[list[Any]]) -> pd.DataFrame:
    pairs = zip(columns, drawn, strict=True)
    return pd.DataFrame({one.name: one.make(values) for one, values in pairs})


def _told(columns: Sequence[Column], drawn: list[list[Any]]) -> list[str]:
    """What the rows without a gap send."""
    shown = [
        [one.shown(value) for value in values[:ROWS]]
        for one, values in zip(columns, drawn, strict=True)
    ]
    return ["\n".join(row) for row in zip(*shown, strict=True)]


def _said(seen: Any) -> Any:
    """The prompt, spelled so that nothing of it is lost on the way back."""
    return completion(json.dumps(prompt_of(seen)))


def _sent(made: pd.DataFrame) -> list[str]:
    assert made["answer_status"].tolist()[:ROWS] == ["ok"] * ROWS
    return [json.loads(one) for one in made["answer"][:ROWS]]


def test_rows_of_frames(serve):
    """Each prompt has what Python would write of the value, whatever the dtype."""
    serve(_said)
    columns = [*FRAMES, *ARROWS]

    @FOUND
    @given(_drawn(columns))
    def check(drawn: list[list[Any]]) -> None:
        made = _table(columns, drawn).wcode.ask(TEMPLATE, fresh=True, **QUIET)
        assert _sent(made) == _told(columns, drawn)

    check()


def test_rows_of_series(serve):
    """So has that of a series."""
    serve(_said)

    @FOUND
    @given(st.sampled_from([*FRAMES, *ARROWS]).flatmap(_one))
    def check(drawn: tuple[Column, list[list[Any]]]) -> None:
        column, values = drawn
        series = _table([column], values)[column.name]
        made = series.wcode.ask("{{ value }}", fresh=True, **QUIET)
        told = _told([column], values)
        sent = [json.loads(one) for one in made["answer"].dropna()]
        assert sent[:ROWS] == [one for one in told if one]

    check()


def _one(column: Column) -> st.SearchStrategy[tuple[Column, list[list[Any]]]]:
    return st.tuples(st.just(column), _drawn([column]))


def test_rows_of_partitions(serve):
    """So have those of a Dask table."""
    serve(_said)
    columns = [*FRAMES, *ARROWS]

    @FOUND
    @given(_drawn(columns))
    def check(drawn: list[list[Any]]) -> None:
        with dask.config.set({"dataframe.convert-string": False}):
            table = dd.from_pandas(_table(columns, drawn), npartitions=2)
        made = table.wcode.ask(TEMPLATE, fresh=True, **QUIET)
        assert _sent(made.compute(scheduler="synchronous")) == _told(columns, drawn)

    check()


def test_rows_of_files(serve):
    """So have those of Parquet, with nothing of numpy or pandas on the way."""
    serve(_said)

    @FOUND
    @given(_drawn(ARROWS))
    def check(drawn: list[list[Any]]) -> None:
        folder = Path(mkdtemp())
        held = _table(ARROWS, drawn)
        table = pa.table({name: held[name].array.__arrow_array__() for name in held})
        pq.write_table(table, folder / "in.parquet")
        made = wcode_magics.parquet(folder / "in.parquet", to=folder / "out", rows=3)
        made.ask(FILES, fresh=True, **QUIET)
        assert _sent(pd.read_parquet(folder / "out")) == _told(ARROWS, drawn)

    check()


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        ([1, None, 3], ["1", "3"]),
        ([1, None, 2.5], ["1.0", "2.5"]),
        ([1.0, 2.0], ["1.0", "2.0"]),
        ([1e16, None], ["1e+16"]),
        ([float("inf"), 1, None], ["inf", "1.0"]),
    ],
)
def test_whole_numbers_with_gaps(serve, values, sent):
    """A column of whole numbers with gaps sends whole numbers; floats stay floats."""
    server = serve()
    series = pd.Series(values, dtype="float64", name="x")
    series.to_frame().wcode.ask("{{ x }}", **QUIET)
    assert sorted(map(prompt_of, server.seen)) == sorted(sent)
    server.seen.clear()
    series.wcode.ask("{{ x }}", fresh=True, **QUIET)
    assert sorted(map(prompt_of, server.seen)) == sorted(sent)


def test_whole_numbers_with_gaps_are_told(serve, capsys):
    """Estimate and preview say what is sent of them, and all rows send the same."""
    server = serve()
    df = pd.DataFrame({"x": [1, None, 3, 4], "y": [1.0, 2.0, 3.0, 4.0]})
    words = "x: whole numbers that pandas holds as floats"
    assert words in str(df.wcode.estimate("{{ x }} {{ y }}"))
    df.wcode.preview("{{ x }}", n=2, **QUIET)
    told = capsys.readouterr()
    assert words in told.out + told.err
    df.wcode.ask("{{ x }}", **QUIET)
    assert sorted(map(prompt_of, server.seen)) == ["1", "3", "4"]
    assert "whole" not in str(df.wcode.estimate("{{ y }}"))
    whole = df.astype({"x": "Int64"}).wcode.estimate("{{ x }}")
    assert "whole" not in str(whole)
    assert whole.recorded == 3


def test_lazy_and_parquet_floats_with_gaps_are_told(serve, tmp_path):
    """Where no column is seen whole, floats stay floats, and estimate says so."""
    serve()
    df = pd.DataFrame({"x": [1, None, 3, 4], "y": [1, None, 3, 4.5]})
    words = "x: floats that are whole numbers"
    table = dd.from_pandas(df, npartitions=2)
    assert words in str(table.wcode.estimate("{{ x }} {{ y }}"))
    df.to_parquet(tmp_path / "in.parquet")
    made = wcode_magics.parquet(tmp_path / "in.parquet", to=tmp_path / "out", rows=2)
    assert words in str(made.estimate("{{ x }} {{ y }}"))


def test_templates_work_on_what_is_inside(serve):
    """A list column can be tested, joined and gone through, whoever holds it."""
    serve(lambda seen: completion(prompt_of(seen)))
    tags = np.array(["a", "b"])
    df = pd.DataFrame({"tags": [tags, tags[:0]], "d": [{"t": tags}, {"t": tags}]})
    template = "{% if tags %}{{ tags | join('+') }}{% else %}none{% endif %}"
    assert df.wcode.ask(template, **QUIET)["answer"].tolist() == ["a+b", "none"]
    made = df.wcode.ask("{{ row['d']['t'] | length }}", **QUIET)
    assert made["answer"].tolist() == ["2", "2"]
    made = df.wcode.ask("{{ row }}", **QUIET)
    assert made["answer"][0] == "{'tags': ['a', 'b'], 'd': {'t': ['a', 'b']}}"


def test_a_level_of_the_index(serve, tmp_path):
    """A level with a name is used as a column is; one of the columns comes first."""
    serve(lambda seen: completion(prompt_of(seen)))
    index = pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["city", "no"])
    df = pd.DataFrame({"v": ["a", "b"], "no": [7, 8]}, index=index)
    template = "{{ city }} {{ row['city'] }} {{ no }} {{ v }}"
    told = ["x x 7 a", "y y 8 b"]
    assert df.wcode.ask(template, **QUIET)["answer"].tolist() == told
    series = df["v"].wcode.ask("{{ city }} {{ no }} {{ v }}", **QUIET)
    assert series["answer"].tolist() == ["x 1 a", "y 2 b"]
    flat = df.drop(columns="no").reset_index("no")
    lazy = dd.from_pandas(flat, npartitions=2).wcode.ask("{{ city }}", **QUIET)
    assert lazy.compute(scheduler="synchronous")["answer"].tolist() == ["x", "y"]
    flat.to_parquet(tmp_path / "in.parquet")
    made = wcode_magics.parquet(tmp_path / "in.parquet", to=tmp_path / "out")
    made.ask("{{ city }} {{ v }}", **QUIET)
    read = pd.read_parquet(tmp_path / "out")
    assert read["answer"].tolist() == ["x a", "y b"]
    assert read.index.tolist() == ["x", "y"]


def test_a_missing_value_in_an_index(serve):
    """A row whose level is missing is skipped, as for a column."""
    serve()
    df = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["a", None], name="key"))
    made = df.wcode.ask("{{ key }}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "skipped"]
