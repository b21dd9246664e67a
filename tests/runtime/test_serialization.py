"""Plain dicts of frozen values."""

from dataclasses import dataclass
from typing import Any

import pytest

from wcode_magics.runtime.serialization import Value, checked


@dataclass(frozen=True, slots=True)
class Held(Value):
    """A value that holds any other."""

    value: Any


@dataclass(frozen=True, slots=True)
class Counted(Value):
    """A value with plain fields."""

    name: str
    count: int | None = None
    share: float = 0.0
    is_whole: bool = False
    rest: tuple[str, ...] = ()


class Name(str):
    """Text of a library's own kind."""

    __slots__ = ()


@pytest.mark.parametrize("value", [None, ()])
def test_what_is_not_set_is_left_out(value):
    """None and an empty tuple are no data."""
    assert Held(value).to_dict() == {}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        *((same, same) for same in ("", "a", 0, 1.5, False, Name("n"), [], {"a": 1})),
        (b"ab", [97, 98]),
        ((1, Held("a"), (b"c", None)), [1, {"value": "a"}, [[99], None]]),
        (Held(Held(2)), {"value": {"value": 2}}),
    ],
)
def test_what_is_set_is_data(value, plain):
    """Values inside become dicts, tuples and bytes lists; others stay as they are."""
    assert Held(value).to_dict() == {"value": plain}


@pytest.mark.parametrize(
    "data",
    [
        {"name": "a", "count": None, "share": 1, "is_whole": True, "rest": ["x"]},
        {"name": Name("a"), "count": 10**30, "share": 0.5},
    ],
)
def test_data_of_the_right_types_makes_a_value(data):
    """A whole number serves as a fraction; what is not plain is not looked at."""
    assert checked(Counted, data) is data
    assert Counted.from_dict(data) == Counted(**data)


@pytest.mark.parametrize(
    "data",
    [
        {"name": None},
        {"name": 5},
        {"name": "a", "count": "5"},
        {"name": "a", "count": 1.5},
        {"name": "a", "count": True},
        {"name": "a", "share": True},
        {"name": "a", "share": []},
        {"name": "a", "is_whole": 1},
        {"name": "a", "more": 1},
        {},
    ],
)
def test_data_of_another_type_makes_none(data):
    """A file that is damaged or another's would raise far from here."""
    with pytest.raises(TypeError):
        Counted.from_dict(data)
