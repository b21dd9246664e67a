"""What a program would send is the request, whatever the request says."""

import unicodedata

import pytest
from hypothesis import given, settings

from tests.matrix import LONG, same
from tests.snippets.bodies import BODIES, TEXTS
from tests.snippets.reading import INTERPRETERS, READERS
from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request
from wcode_magics.snippets import KEYS, TARGETS, find


def _joined(source):
    return source if isinstance(source, str) else "\n".join(source)


def test_each_target_is_read_back():
    """Every target has a reader of its literals: a new one cannot be left out."""
    assert READERS.keys() | INTERPRETERS.keys() == set(KEYS)


@pytest.mark.parametrize("key", READERS)
@given(body=BODIES)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(key, body):
    """Read by the rules of its language, the literal is the body."""
    assert same(READERS[key](find(key).quote(body)), body)


@pytest.mark.parametrize("key", READERS)
def test_a_long_body_is_read_back(key):
    """A prompt of 64 K tokens stays within the limits of each language's literals."""
    assert READERS[key](find(key).quote(LONG.body)) == LONG.body


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.key)
@given(text=TEXTS)
@settings(max_examples=30, deadline=None)
def test_nothing_invisible_stands_in_the_source(target, text):
    """Controls, directions and odd spaces are escaped; only line ends are raw."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    source = _joined(target.quote(body))
    kinds = {unicodedata.category(char) for char in source if char not in "\n \u3000"}
    assert kinds.isdisjoint({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


@pytest.mark.parametrize("key", KEYS)
def test_half_a_character_is_refused(key):
    """A lone surrogate is a mistake of the person's, said in one line."""
    from wcode_magics.snippets import render

    request = Request("m", (Message("user", "half \ud83d"),))
    with pytest.raises(UsageError, match=r"U\+D83D"):
        render(request, key, base_url="http://127.0.0.1/v1")
