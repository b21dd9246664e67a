"""JSON read twice as fast, and read alike."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.protocol.lenient_json import decode
from wcode_magics.runtime.strict_json import decoded

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
