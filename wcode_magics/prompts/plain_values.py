"""Any library's value as the plain Python value that it stands for.

A list column of Parquet holds numpy arrays, an Arrow column scalars of its own, and
``str()`` of them rounds, leaves out and names its library. One table says, type by
type, what each is in plain Python; containers are gone through to any depth. No
library is imported for it: a type is found by the names of its classes.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_SHORT = ("float16", "float32", "complex64")
"""Numbers whose shortest decimal is not that of 64 bits."""
_LISTED = "?bBhHiIlLqQdDSU"
"""Codes of numpy's dtypes whose arrays it lists as plain Python."""


def plain(value: Any) -> Any:
    """The value as plain Python; itself where it is that already.

    Moments, spans, periods and intervals of pandas stay as they are where they stand
    alone, since they read as text; in a container they are Python's. Floats of fewer
    bits are those that they are shown as: 0.1.
    """
    make = _maker(value.__class__)
    if make is None:
        return value
    try:
        return make(value)
    except (RecursionError, ValueError, OverflowError):  # holds itself; year 300,000
        return value


def values_of(column: "pd.Series[Any]") -> list[Any]:
    """The values of a column of pandas as plain Python, in their order."""
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
    return [plain(value) for value in column.tolist()]


@lru_cache(4096)
def _maker(kind: type, *, inside: bool = False) -> Callable[[Any], Any] | None:
    """What makes a value of a type plain; None: it is, or nobody knows better."""
    for one in kind.__mro__:
        name = f"{one.__module__.partition('.')[0]}.{one.__name__}"
        if name in _TYPES:
            return _TYPES[name]
        if inside and name in _INSIDE:
            return _INSIDE[name]
    return None


def _item(value: Any) -> Any:
    """What stands in a container, as plain Python."""
    make = _maker(value.__class__, inside=True)
    return value if make is None else make(value)


def _items(values: Iterable[Any]) -> list[Any]:
    return [_item(value) for value in values]


def _sequence(value: Any) -> Any:
    """A list, tuple, set or the like as one of the same kind."""
    held = list(value)
    made = _items(held)
    if all(map(_is, held, made)):
        return value
    if hasattr(value, "_make"):  # a named tuple
        return value._make(made)
    kinds = (list, tuple, set, frozenset, deque)
    return next(kind for kind in kinds if isinstance(value, kind))(made)


def _mapping(value: Any) -> Any:
    held = [part for pair in dict.items(value) for part in pair]
    made = _items(held)
    if all(map(_is, held, made)):
        return value
    return dict(zip(made[::2], made[1::2], strict=True))


def _is(one: Any, other: Any) -> bool:
    return one is other


def _array(value: Any) -> Any:
    """An array of numpy as lists; one without dimensions as its value."""
    if not value.ndim:
        return _item(value[()])
    if value.dtype.char in _LISTED and not hasattr(value, "mask"):
        return value.tolist()
    return _items(value)


def _short(value: Any) -> float:
    """A float of another size as the float that reads alike."""
    return float(str(value))


def _record(value: Any) -> Any:
    """A record as a tuple."""
    names = value.dtype.names
    return tuple(_item(value[n]) for n in names) if names else value.item()


def _moment(value: Any) -> Any:
    """A moment of numpy; what Python's cannot hold as its text."""
    if value != value:  # noqa: PLR0124
        return None
    days = value.dtype.name.endswith(("[D]", "[W]", "[M]", "[Y]"))
    made = value.astype("datetime64[D]" if days else "datetime64[us]")
    exact = made == value and not isinstance(made.item(), int)
    return made.item() if exact else str(value).replace("T", " ")


def _span(value: Any) -> Any:
    """A span of numpy; what Python's cannot hold, or has no length, as its text."""
    if value != value:  # noqa: PLR0124
        return None
    if value.dtype.name.endswith(("[M]", "[Y]", "64")):
        return str(value)
    made = value.astype("timedelta64[us]")
    exact = made == value and not isinstance(made.item(), int)
    return made.item() if exact else str(value)


def _timestamp(value: Any) -> Any:
    """A moment of pandas, likewise."""
    try:
        return str(value) if value.nanosecond else value.to_pydatetime()
    except ValueError:
        return str(value)


def _timedelta(value: Any) -> Any:
    """A span of pandas, likewise."""
    try:
        return str(value) if value.nanoseconds else value.to_pytimedelta()
    except (ValueError, OverflowError):
        return str(value)


def _series(value: Any) -> Any:
    import pandas as pd

    return pd.Series(value)


def _listed(column: Any) -> list[Any]:
    """A column inside of a value."""
    return _items(values_of(column))


def _frame(value: Any) -> Any:
    """A table inside of a value: a dictionary for each row."""
    columns = [_listed(value.iloc[:, place]) for place in range(value.shape[1])]
    names = _items(value.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _nothing(_value: Any) -> None:
    return None


def _arrow(value: Any) -> Any:
    """A scalar of Arrow."""
    return _arrow_item(value.as_py(), value.type)


def _arrow_array(value: Any) -> list[Any]:
    return [_arrow_item(one, value.type) for one in value.to_pylist()]


def _arrow_column(column: "pd.Series[Any]") -> list[Any]:
    """A column of an Arrow type; moments that stand alone are as pandas has them."""
    import pyarrow as pa

    array: Any = column.array.__arrow_array__()
    alone = pa.types.is_temporal(array.type)
    try:
        return column.tolist() if alone else _arrow_array(array)
    except (ValueError, OverflowError):  # later than Python's last year
        return [plain(value) for value in (array.to_numpy() if alone else array)]


def _arrow_item(value: Any, kind: Any) -> Any:
    """What Arrow gives for a value of a type, as plain Python; short floats shown."""
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
"""By library and class, what makes a value plain wherever it stands."""
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
"""Likewise for what reads well alone: it is made plain inside a container."""
