"""Values of every library as the plain Python values that they stand for."""

import collections
import datetime as dt
import decimal
import math
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from wcode_magics.prompts import plain_values as module
from wcode_magics.prompts import template
from wcode_magics.prompts.plain_values import plain, values_of


class Pair(NamedTuple):
    """A tuple with names."""

    one: object
    other: object


HOUR = dt.timedelta(hours=1)
DAY = dt.date(2024, 1, 2)
TIME = dt.datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001
SHANGHAI = ZoneInfo("Asia/Shanghai")
NESTED = pa.struct({"a": pa.list_(pa.float32()), "b": pa.map_(pa.string(), pa.int8())})

ALONE = [
    (np.int64(7), 7),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.float64(1.5), 1.5),
    (np.float32(0.1), 0.1),
    (np.float16(0.1), 0.1),
    (np.longdouble("0.5"), 0.5),
    (np.complex64(1.1 + 2j), 1.1 + 2j),
    (np.clongdouble(1 + 2j), 1 + 2j),
    (np.bool_(True), True),
    (np.str_("hi"), "hi"),
    (np.bytes_(b"hi"), b"hi"),
    (np.datetime64("2024-01-02T03:04:05"), TIME),
    (np.datetime64("2024-01-02"), DAY),
    (np.datetime64("2024-01"), dt.date(2024, 1, 1)),
    (np.datetime64(1, "ns"), "1970-01-01 00:00:00.000000001"),
    (np.datetime64("300000-01-01"), "300000-01-01"),
    (np.datetime64("NaT", "s"), None),
    (np.timedelta64(1, "h"), HOUR),
    (np.timedelta64(3_600_000_000_000, "ns"), HOUR),
    (np.timedelta64(1, "ns"), "1 nanoseconds"),
    (np.timedelta64(3, "M"), "3 months"),
    (np.timedelta64("NaT", "s"), None),
    (np.array([(1, 0.1)], dtype=[("a", "i4"), ("b", "f4")])[0], (1, 0.1)),
    (np.array(5), 5),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([[0.1]], dtype="f4"), [[0.1]]),
    (np.array([], dtype="f4"), []),
    (np.array([1 / 3, math.inf]), [1 / 3, math.inf]),
    (np.array([0.5], dtype="g"), [0.5]),
    (np.array(["a", "b"]), ["a", "b"]),
    (np.array([b"a"]), [b"a"]),
    (np.array([10**30, None, np.array(["x"])], dtype=object), [10**30, None, ["x"]]),
    (np.array(["2024-01-02T03:04:05"], dtype="M8[ns]"), [TIME]),
    (np.array([1], dtype="m8[h]"), [HOUR]),
    (np.array([(1, b"x")], dtype=[("a", "i4"), ("b", "S1")]), [(1, b"x")]),
    (np.ma.array([1, 2], mask=[False, True]), [1, None]),
    (np.ma.array([0.1, 2], mask=[False, True], dtype="f4"), [0.1, None]),
    (pd.array([1, None], dtype="Int64"), [1, None]),
    (pd.array([0.1], dtype="Float32"), [0.1]),
    (pd.array(["x", None], dtype="string"), ["x", None]),
    (pd.Categorical(["x", None]), ["x", None]),
    (pd.arrays.SparseArray([1, 0]), [1, 0]),
    (pd.Index([1, 2]), [1, 2]),
    (pd.RangeIndex(2), [0, 1]),
    (pd.MultiIndex.from_tuples([(1, "a")]), [(1, "a")]),
    (pd.DatetimeIndex([TIME]), [TIME]),
    (pa.scalar(1), 1),
    (pa.scalar([1, None]), [1, None]),
    (pa.scalar(0.1, pa.float32()), 0.1),
    (pa.scalar(None, pa.int8()), None),
    (
        pa.array([{"a": [0.1], "b": [("k", 1)]}], NESTED),
        [{"a": [0.1], "b": [("k", 1)]}],
    ),
    (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
    (pa.array([[1]], pa.large_list(pa.int64())), [[1]]),
    (pa.array([[0.1, 0.2]], pa.list_(pa.float32(), 2)), [[0.1, 0.2]]),
    (pa.array([decimal.Decimal("1.10")]), [decimal.Decimal("1.10")]),
    (pa.array([DAY, None]), [DAY, None]),
    (pa.chunked_array([[1], [2]]), [1, 2]),
]
if hasattr(pa, "list_view"):  # since pyarrow 16
    views = pa.list_view(pa.large_string())
    ALONE.append((pa.array([["x"]], views), [["x"]]))
INSIDE = [
    (pd.NA, None),
    (pd.NaT, None),
    (pd.Timestamp(TIME), TIME),
    (pd.Timestamp(TIME, tz=SHANGHAI), TIME.replace(tzinfo=SHANGHAI)),
    (pd.Timestamp(1), "1970-01-01 00:00:00.000000001"),
    (pd.Timedelta("1h"), HOUR),
    (pd.Timedelta(1), "0 days 00:00:00.000000001"),
    (pd.Period("2024-01"), "2024-01"),
    (pd.Interval(0, 1), "(0, 1]"),
    (pd.Series([1.5, 2.5]), [1.5, 2.5]),
    (pd.DataFrame({"a": [1, 2]}), [{"a": 1}, {"a": 2}]),
]
WRAPS = [
    lambda value: [value],
    lambda value: (value, "x"),
    lambda value: {"a": {"b": [value]}},
    lambda value: Pair(value, 1),
    lambda value: collections.deque([value]),
    lambda value: collections.OrderedDict(a=value),
]


def _is_plain(value: object) -> bool:
    """Whether neither it nor anything in it is of a library."""
    if isinstance(value, dict):
        return all(map(_is_plain, [*value, *value.values()]))
    if isinstance(value, list | tuple | set | frozenset | collections.deque):
        return all(map(_is_plain, value))
    return type(value).__module__.partition(".")[0] not in {
        "numpy",
        "pandas",
        "pyarrow",
    }


def _name(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:40]


@pytest.mark.parametrize(("value", "told"), ALONE, ids=_name)
def test_a_value_of_a_library(value, told):
    """It is the plain Python value, and reads in a prompt as that does."""
    made = plain(value)
    assert made == told
    assert _is_plain(made)
    assert template.render("{{ x }}", {"x": value}) == str(told)


@pytest.mark.parametrize("wrap", WRAPS, ids=range(len(WRAPS)))
@pytest.mark.parametrize(("value", "told"), [*ALONE, *INSIDE], ids=_name)
def test_a_value_inside_of_containers(value, told, wrap):
    """To any depth, in whatever container."""
    made = plain(wrap(value))
    assert _is_plain(made)
    assert made == wrap(told)


def test_every_row_of_the_table_is_tested():
    """No type has a rule without a value here that needs it."""
    values = [value for value, _ in [*ALONE, *INSIDE]] + [
        np.ma.masked,
        *([], (), set(), frozenset(), {}, collections.deque()),
    ]
    names = {
        f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
        for value in values
        for kind in type(value).__mro__
    }
    assert not {*module._TYPES, *module._INSIDE} - names


def test_what_is_plain_stays_itself():
    """A value without anything of a library is not copied."""
    for value in ("a", [1, [2]], {"a": (1,)}, {1}, Pair(1, 2), math.nan, None):
        assert plain(value) is value


def test_keys_and_sets():
    """Keys of dictionaries and members of sets are values too."""
    assert plain({np.int64(1): 2}) == {1: 2}
    assert repr(plain({np.int64(1)})) == "{1}"
    assert repr(plain(frozenset([np.str_("a")]))) == "frozenset({'a'})"


def test_nan_is_a_value_of_a_list():
    """It is a number in a list, as Python has it."""
    assert str(plain([np.float64("nan"), np.float32("inf")])) == "[nan, inf]"


def test_what_holds_itself():
    """A list that is in itself reads as Python writes it, and ends."""
    value: list = [1]
    value.append(value)
    assert str(plain(value)) == "[1, [...]]"


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pd.Series([0.1], dtype="float32"), [0.1]),
        (pd.Series([0.1], dtype="Float32"), [0.1]),
        (pd.Series([0.1], dtype="complex64"), [0.1 + 0j]),
        (pd.Series(pd.arrays.SparseArray([0.1], dtype="float32")), [0.1]),
        (pd.Series(pd.Categorical(np.array([0.1], dtype="f4"))), [0.1]),
        (pd.Series([0.1], dtype="float[pyarrow]"), [0.1]),
        (pd.Series([[0.1]], dtype=pd.ArrowDtype(pa.list_(pa.float32()))), [[0.1]]),
        (pd.Series([], dtype=pd.ArrowDtype(pa.list_(pa.int8()))), []),
        (pd.Series([1, 2], dtype="uint8"), [1, 2]),
        (pd.Series([np.array(["a"])], dtype=object), [["a"]]),
    ],
    ids=lambda one: str(getattr(one, "dtype", "")),
)
def test_columns_of_pandas(column, told):
    """A column gives plain values, whatever its dtype."""
    made = values_of(column)
    assert made == told
    assert _is_plain(made)


def test_a_column_of_moments_keeps_what_pandas_knows_of_them():
    """A moment that stands alone has its methods, and reads with its zone."""
    (value,) = values_of(pd.Series([pd.Timestamp(TIME, tz=SHANGHAI)]))
    assert value.day_name() == "Tuesday"
    assert str(value) == "2024-01-02 03:04:05+08:00"


def test_days_after_the_last_of_python():
    """A day of the year 275,760 is text; nothing is raised."""
    column = pd.Series(pd.array([10**8], dtype=pd.ArrowDtype(pa.date32())))
    assert values_of(column) == ["275760-09-13"]
    listed = pd.ArrowDtype(pa.list_(pa.date32()))
    days = pa.array([[10**8], [1]], pa.list_(pa.int32())).cast(listed.pyarrow_dtype)
    assert values_of(pd.Series(pd.arrays.ArrowExtensionArray(days)))[1] == [
        dt.date(1970, 1, 2)
    ]
