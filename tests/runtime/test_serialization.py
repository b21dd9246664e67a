"""Plain dicts of frozen values."""

from dataclasses import dataclass
from typing import Any

import pytest

from wcode_magics.runtime.serialization import Value


@dataclass(frozen=True, slots=True)
class Held(Value):
    """A value that holds any other."""

    value: Any


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
