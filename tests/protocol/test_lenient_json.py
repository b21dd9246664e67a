"""JSON as servers write it, and text that can be stored and sent."""

import json
import math
import time

import pytest

from wcode_magics.protocol.lenient_json import clean, decode


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("甲 😀", "甲 😀"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
        ("\ude00 \ud83d", "\ufffd \ufffd"),
    ],
)
def test_halves_of_characters_are_joined_or_lost(text, expected):
    """What cannot be stored or sent is in no answer."""
    assert clean(text) == expected


def test_json_is_read_as_servers_write_it():
    """Control characters, a mark at the beginning, NaN, huge numbers, any depth."""
    assert decode('\ufeff{"a": "x\ty"}') == {"a": "x\ty"}
    assert math.isnan(decode('{"a": NaN}')["a"])
    assert decode('{"a": 1, "b": ' + "9" * 5_000 + "}")["a"] == 1
    deep = decode('{"a": "]", "b": ' + "[" * 9_000 + '"]"' + "]" * 9_000 + "}")
    assert deep["a"] == "]"
    json.dumps(deep)


def test_brackets_without_end_are_refused_at_once():
    """A body of nothing but brackets holds the loop up for nobody."""
    start = time.process_time()
    with pytest.raises(ValueError, match="too deep"):
        decode("[" * 30_000_000 + "]" * 30_000_000)
    assert time.process_time() - start < 2
