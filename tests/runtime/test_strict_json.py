"""JSON read twice as fast, and read alike."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.protocol.lenient_json import decode
from wcode_magics.runtime.strict_json import decoded, encoded

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES, st.booleans())
def test_any_json_is_read_as_json_reads_it(value, ascii_only):
    """Numbers of any size and letters of any script, NaN and infinity included."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert repr(decode(text)) == repr(json.loads(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\tb"', "a\tb"),
        (r'"\ud800"', "\ud800"),
        ("NaN", math.nan),
        ("1e999", math.inf),
        ("[" * 200_000 + "]" * 200_000, None),
    ],
    ids=["control character", "half a character", "NaN", "too big", "too deep"],
)
def test_what_is_not_strictly_json_is_read_leniently(text, value):
    """Servers send all of these; nothing of them is lost."""
    assert value is None or repr(decode(text)) == repr(value)
    assert decoded(text, lambda: "lenient") == "lenient"


@given(VALUES)
def test_any_json_is_written_as_it_is_read(value):
    """Numbers of any size and letters of any script, NaN and infinity included."""
    written = encoded(value, lambda: json.dumps(value).encode())
    assert repr(json.loads(written)) == repr(value)


@pytest.mark.parametrize(
    "value",
    [math.nan, [-math.inf], {"half": "\ud800"}, type("Word", (str,), {})("word")],
    ids=["NaN", "infinite", "half a character", "a word"],
)
def test_what_strict_json_cannot_hold_is_written_leniently(value):
    """The probability of an impossible token is no null."""
    assert encoded(value, lambda: b"lenient") == b"lenient"
