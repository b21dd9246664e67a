"""Convert values of NumPy, pandas and Arrow to plain Python values.

A list column of a Parquet file contains numpy arrays, an Arrow column Arrow scalars,
and their ``str()`` rounds, elides and includes library names. One table maps each type
to its conversion; containers are converted to any depth. No library is imported for
this: types are looked up by the names of their classes.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import is_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_SHORT = ("float16", "float32", "complex64")
"""Number types whose shortest decimal differs from that of 64 bits."""
_PLAIN = frozenset({bool, float, int, str, type(None)})
_LISTED = "?bBhHiIlLqQdDSU"
"""Codes of numpy dtypes for which ``tolist`` returns plain Python values."""


def plain(value: Any) -> Any:
    """Convert a value to plain Python; a value that is plain already is returned as is.

    A Timestamp, Timedelta, Period or Interval of pandas is kept on its own, as its text
    is readable; inside a container it is converted. Floats of fewer than 64 bits become
    the float that is displayed alike: 0.1.
    """
    make = _maker(value.__class__)
    if make is None:
        return value
    try:
        return make(value)
    except (RecursionError, ValueError, OverflowError):  # contains itself; year 300,000
        return value


def values_of(column: "pd.Series[Any]") -> list[Any]:
    """Return the values of a pandas column as plain Python values, in order."""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        words = [*values_of(pd.Series(dtype.categories)), None]
        return [words[code] for code in column.cat.codes]
    if isinstance(dtype, pd.SparseDtype):
        return values_of(pd.Series(column.array.to_dense()))
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_column(column)
    if str(dtype).lower() in _SHORT:
        short = column.to_numpy(dtype=str(dtype).lower(), na_value=float("nan"))
        return [*map(plain, short)]
    values: list[Any] = column.tolist()
    kinds = set(map(type, values))
    return values if kinds <= _PLAIN else [plain(value) for value in values]


@lru_cache(4096)
def _maker(kind: type, *, inside: bool = False) -> Callable[[Any], Any] | None:
    """Return the conversion of a type; None if its values are kept."""
    for one in kind.__mro__:
        name = f"{one.__module__.partition('.')[0]}.{one.__name__}"
        if name in _TYPES:
            return _TYPES[name]
        if inside and name in _INSIDE:
            return _INSIDE[name]
    return None


def _item(value: Any) -> Any:
    make = _maker(value.__class__, inside=True)
    return value if make is None else make(value)


def _items(values: Iterable[Any]) -> list[Any]:
    return [_item(value) for value in values]


def _sequence(value: Any) -> Any:
    """Convert a list, tuple, set or similar to one of the same kind."""
    held = list(value)
    made = _items(held)
    if all(map(is_, held, made)):
        return value
    if hasattr(value, "_make"):  # a named tuple
        return value._make(made)
    kinds = (list, tuple, set, frozenset, deque)
    return next(kind for kind in kinds if isinstance(value, kind))(made)


def _mapping(value: Any) -> Any:
    held = [part for pair in dict.items(value) for part in pair]
    made = _items(held)
    if all(map(is_, held, made)):
        return value
    return dict(zip(made[::2], made[1::2], strict=True))


def _array(value: Any) -> Any:
    """Convert a numpy array to lists, a zero-dimensional one to its value."""
    if not value.ndim:
        return _item(value[()])
    if value.dtype.char in _LISTED and not hasattr(value, "mask"):
        return value.tolist()
    return _items(value)


def _short(value: Any) -> float:
    """Convert a float of another size to the float that is displayed alike."""
    return float(str(value))


def _record(value: Any) -> Any:
    names = value.dtype.names
    return tuple(_item(value[n]) for n in names) if names else value.item()


def _moment(value: Any) -> Any:
    """Convert a numpy datetime64; to text if Python cannot represent it."""
    if value != value:  # noqa: PLR0124
        return None
    days = value.dtype.name.endswith(("[D]", "[W]", "[M]", "[Y]"))
    made = value.astype("datetime64[D]" if days else "datetime64[us]")
    exact = made == value and not isinstance(made.item(), int)
    return made.item() if exact else str(value).replace("T", " ")


def _span(value: Any) -> Any:
    """Convert a numpy timedelta64; to text if Python has no such length."""
    if value != value:  # noqa: PLR0124
        return None
    if value.dtype.name.endswith(("[M]", "[Y]", "64")):
        return str(value)
    made = value.astype("timedelta64[us]")
    exact = made == value and not isinstance(made.item(), int)
    return made.item() if exact else str(value)


def _timestamp(value: Any) -> Any:
    """Convert a pandas Timestamp; to text if Python cannot represent it."""
    try:
        return str(value) if value.nanosecond else value.to_pydatetime()
    except ValueError:
        return str(value)


def _timedelta(value: Any) -> Any:
    """Convert a pandas Timedelta; to text if Python cannot represent it."""
    try:
        return str(value) if value.nanoseconds else value.to_pytimedelta()
    except (ValueError, OverflowError):
        return str(value)


def _series(value: Any) -> Any:
    import pandas as pd

    return pd.Series(value)


def _listed(column: Any) -> list[Any]:
    """Convert a Series or another column inside a value."""
    return _items(values_of(column))


def _frame(value: Any) -> Any:
    """Convert a DataFrame inside a value to a dictionary per row."""
    columns = [_listed(value.iloc[:, place]) for place in range(value.shape[1])]
    names = _items(value.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _nothing(_value: Any) -> None:
    return None


def _arrow(value: Any) -> Any:
    return _arrow_item(value.as_py(), value.type)


def _arrow_array(value: Any) -> list[Any]:
    return [_arrow_item(one, value.type) for one in value.to_pylist()]


def _arrow_column(column: "pd.Series[Any]") -> list[Any]:
    """Convert a column of an Arrow type; top-level times stay pandas values."""
    import pyarrow as pa

    array: Any = column.array.__arrow_array__()
    alone = pa.types.is_temporal(array.type)
    try:
        return column.tolist() if alone else _arrow_array(array)
    except (ValueError, OverflowError):  # later than year 9999
        return [plain(value) for value in (array.to_numpy() if alone else array)]


def _arrow_item(value: Any, kind: Any) -> Any:
    """Convert a value from ``as_py`` by its Arrow type; short floats as displayed."""
    import pyarrow as pa

    kinds = pa.types
    if value is None:
        return None
    if kinds.is_float32(kind) or kinds.is_float16(kind):
        return _short(kind.to_pandas_dtype()(value))
    if kinds.is_dictionary(kind) or kinds.is_run_end_encoded(kind):
        return _arrow_item(value, kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _item(value)
    if kinds.is_struct(kind):
        return {f.name: _arrow_item(value.get(f.name), f.type) for f in kind}
    if kinds.is_map(kind):
        return [
            (_arrow_item(key, kind.key_type), _arrow_item(held, kind.item_type))
            for key, held in value
        ]
    if hasattr(kind, "value_type"):  # lists of every layout
        return [_arrow_item(one, kind.value_type) for one in value]
    return _item(value)


_TYPES: dict[str, Callable[[Any], Any]] = {
    "builtins.list": _sequence,
    "builtins.tuple": _sequence,
    "builtins.set": _sequence,
    "builtins.frozenset": _sequence,
    "builtins.dict": _mapping,
    "collections.deque": _sequence,
    "numpy.MaskedConstant": _nothing,
    "numpy.ndarray": _array,
    "numpy.datetime64": _moment,
    "numpy.timedelta64": _span,
    "numpy.float16": _short,
    "numpy.float32": _short,
    "numpy.longdouble": _short,
    "numpy.clongdouble": lambda value: complex(str(value)),
    "numpy.complex64": lambda value: complex(str(value)),
    "numpy.void": _record,
    "numpy.generic": lambda value: value.item(),
    "pandas.ExtensionArray": lambda value: _listed(_series(value)),
    "pandas.Index": lambda value: _listed(_series(value)),
    "pandas.MultiIndex": lambda value: _items(value.tolist()),
    "pyarrow.Scalar": _arrow,
    "pyarrow.Array": _arrow_array,
    "pyarrow.ChunkedArray": _arrow_array,
}
"""Conversions by library and class, applied everywhere."""
_INSIDE: dict[str, Callable[[Any], Any]] = {
    "pandas.NAType": _nothing,
    "pandas.NaTType": _nothing,
    "pandas.Timestamp": _timestamp,
    "pandas.Timedelta": _timedelta,
    "pandas.Period": str,
    "pandas.Interval": str,
    "pandas.Series": _listed,
    "pandas.DataFrame": _frame,
}
"""Conversions applied only inside a container; these values are readable alone."""
