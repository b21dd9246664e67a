"""Patterns in the words that every endpoint knows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.protocol.schema_patterns import portable

SPELT = [
    (r"^INV-\d+$", "^INV-[0-9]+$"),
    (r"\w+\s\W", r"[A-Za-z0-9_]+[ \t\n\r][^A-Za-z0-9_]"),
    (r"^[\w.-]+@[\d\s]$", r"^[A-Za-z0-9_.-]+@[0-9 \t\n\r]$"),
    (r"\A\d{4}-\d{2}\Z", "^[0-9]{4}-[0-9]{2}$"),
    (r"^(?:a|b)+?$", "^(a|b)+$"),
    (r"^(?P<year>\d)(?<x>b)*$", "^([0-9])(b)*$"),
    (r"\D\S", r"[^0-9][^ \t\n\r]"),
    (r"\x41\u4e2d\.\\d", r"A中\.\\d"),
    (r"[\]\\d]", r"[\]\\d]"),
    ("^[A-Z]{3}$", "^[A-Z]{3}$"),
    ("a{2,}?b", "a{2,}b"),
    (r"\$\d", r"\$[0-9]"),
    ("(a)(b)", "(a)(b)"),
    ("^[(?=]$", "^[(?=]$"),
]
HELD = [
    *(r"^(?=.*\d)a", r"(?!x)a", r"(?<=a)b", r"(?<!a)b", r"(a)\1", r"(?P<q>a)(?P=q)"),
    *(
        r"\bword\b",
        r"(?i)abc",
        r"[\s\S]*",
        r"a*+",
        r"(?>a)b",
        r"\p{L}",
        r"(a)?(?(1)b|c)",
    ),
]


@pytest.mark.parametrize(("pattern", "sent"), SPELT)
def test_classes_are_spelt_out(pattern: str, sent: str) -> None:
    """What is sent means the same to a grammar that knows brackets alone."""
    assert portable(pattern) == sent
    re.compile(sent)


@pytest.mark.parametrize("pattern", HELD)
def test_what_no_grammar_takes_is_left_out(pattern: str) -> None:
    """Looking around or back, flags, word boundaries, possessive counts."""
    assert portable(pattern) is None


PARTS = st.sampled_from(
    [*r"ab0_-. ", r"\d", r"\w", r"\s", r"\D", r"\.", r"\n", "[a-c]", r"[\d_]", "(?:ab)"]
)
COUNTS = st.sampled_from(["", "", "*", "+", "?", "{1,2}", "*?"])
PATTERNS = st.lists(st.tuples(PARTS, COUNTS).map("".join), max_size=6).map("".join)


@given(PATTERNS, st.text(alphabet="ab0_-. \n中", max_size=6))
def test_the_same_texts_match(pattern: str, text: str) -> None:
    """Of texts that JSON endpoints write, where classes mean ASCII."""
    sent = portable(pattern)
    assert sent is not None
    both = [re.fullmatch(one, text, re.ASCII) for one in (pattern, sent)]
    assert bool(both[0]) == bool(both[1])
