"""A field is found where Python's ``json`` finds its value."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wcode_magics.errors import UsageError
from wcode_magics.logprobs.json_path import locate, parse, spelled

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


def _paths(value, path=""):
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, f"{path}[{json.dumps(name)}]")
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, f"{path}[{index}]")


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_every_value_has_its_span(value, indent, ascii_only):
    """Whatever the JSON and its layout, each path spans the text of its own value."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    for path, inner in _paths(value):
        start, stop = locate(text, path)
        assert json.loads(text[start:stop]) == inner
        assert text[start:stop] == text[start:stop].strip()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a", '[1, {"b": [true, null]}]'),
        ("a[0]", "1"),
        ("a[1].b[1]", "null"),
        ('["c.d"]', '"é\\u0041"'),
        ("$.c", "-1.5e3"),
        ("名", '"龙\n"'),
        ("twice", "2"),
        ('["q\\"]"]', "{}"),
    ],
)
def test_ways_to_write_a_path(path, text):
    """Names, indices, quoted names, raw line ends; the last of two equal names."""
    said = (
        '{"a": [1, {"b": [true, null]}], "c.d": "é\\u0041", "c": -1.5e3,'
        ' "名": "龙\n", "twice": 1, "twice": 2, "q\\"]": {} }'
    )
    start, stop = locate(said, path)
    assert said[start:stop] == text


def test_steps_of_a_path():
    """Names and indices in order."""
    assert parse('$.a[0]["b.c"]') == ["a", 0, "b.c"]
    assert parse("") == parse("$") == []


@pytest.mark.parametrize("path", ["a[", "a[x]", "a..b", "[]", "a[0", "a['b']"])
def test_what_is_no_path(path):
    """A path that cannot be read is the person's error."""
    with pytest.raises(UsageError):
        parse(path)


@pytest.mark.parametrize("name", ["a", "", "$", "a.b", "[0]", '"', "\\", "单 价", "\n"])
def test_any_steps_can_be_spelled(name):
    """What is spelled of steps is read as these steps."""
    assert parse(spelled([name, 0, name])) == [name, 0, name]
