"""Tokens in every dialect of every server join to the answer's text."""

import math
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wcode_magics.logprobs.byte_dialects import ALPHABET, encode
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.logprobs.token_bytes import MAX_EMPTY_BYTES

LETTER = {byte: letter for letter, byte in ALPHABET.items()}
SNIPPETS = (
    "龍",
    "概率",
    "龘",
    "👩‍💻",
    "🏳️‍🌈",
    "👍🏽",
    "🇨🇳",
    "e\u0301",
    "한글",
    "नमस्ते",
    r"\x41",
    r"\xe9\xbe",
    "\\",
    "\ufffd",
    "é",
    "Ġè",
    "\u200b",
    "\r\n",
    "\t",
    "  ",
    "def f(x):\n    return x",
    '{"a": 12, "b": "龙"}',
    "aaaa",
    "\x00",
    "\ud83d",
)
TEXTS = st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=6), max_size=14).map(
    "".join
)


def _escape(piece):
    return "".join(f"\\x{byte:02x}" for byte in piece)


def _lossy(piece):
    return piece.decode("utf-8", "replace")


def _whole(piece):
    try:
        return piece.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _right_bytes(piece):
    return _whole(piece) or _escape(piece), piece


def _right_bytes_lossy_text(piece):
    return _lossy(piece), piece


def _escaped(piece):
    whole = _whole(piece)
    return (_escape(piece) if whole is None else whole), None


def _escaped_where_needed(piece):
    return piece.decode("utf-8", "backslashreplace"), None


def _lost(piece):
    return _lossy(piece), _lossy(piece).encode()


def _lost_no_bytes(piece):
    return _lossy(piece), None


def _empty(piece):
    whole = _whole(piece)
    return ("", b"") if whole is None else (whole, piece)


def _alphabet(piece):
    spelling = "".join(LETTER[byte] for byte in piece)
    return spelling, spelling.encode()


def _alphabet_no_bytes(piece):
    return _alphabet(piece)[0], None


DIALECTS = {
    "bytes": _right_bytes,
    "bytes, lossy text": _right_bytes_lossy_text,
    "escaped": _escaped,
    "escaped where needed": _escaped_where_needed,
    "lost": _lost,
    "lost, no bytes": _lost_no_bytes,
    "empty": _empty,
    "alphabet": _alphabet,
    "alphabet, no bytes": _alphabet_no_bytes,
}


@st.composite
def tokenised(draw, texts=TEXTS):
    """A text and its bytes cut anywhere, a logprob for each piece."""
    text = draw(texts)
    data = encode(text)
    cuts = draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=24))
    edges = [0, *sorted(c for c in cuts if c < len(data)), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges) if a < b]
    logprobs = draw(
        st.lists(st.floats(-30, 0), min_size=len(pieces), max_size=len(pieces))
    )
    return text, pieces, logprobs


def _in_dialect(dialect, pieces, logprobs):
    return tuple(
        TokenLogprob(token, logprob, data)
        for (token, data), logprob in zip(map(dialect, pieces), logprobs, strict=True)
    )


def _held_back(pieces, logprobs):
    """As older vLLM streams: nothing until a character is whole, then all of it."""
    tokens, waiting = [], b""
    for piece, logprob in zip(pieces, logprobs, strict=True):
        waiting += piece
        whole = _whole(waiting)
        tokens.append(TokenLogprob(whole or "", logprob, encode(whole or "")))
        waiting = b"" if whole is not None else waiting
    return tuple(tokens)


def _assert_byte_true(view, text, logprobs):
    assert "".join(glyph.text for glyph in view.glyphs) == text
    kept = math.fsum(view.logprob_of(glyph) for glyph in view.glyphs)
    assert kept == pytest.approx(math.fsum(logprobs))
    covered = [index for g in view.glyphs for index in range(g.first, g.stop)]
    assert covered == [*range(len(logprobs))]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@settings(deadline=None, max_examples=300)
@given(tokenised())
@example(("a龍b", [b"a", b"\xe9\xbe", b"\x8d", b"b"], [-1.0, -2.0, -3.0, -4.0]))
@example((r"\xe9龍", [rb"\xe9", b"\xe9\xbe", b"\x8d"], [-1.0, -2.0, -3.0]))
@example(("ééa", [b"\xc3", b"\xa9", b"\xc3\xa9", b"a"], [-1.0, -2.0, -3.0, -4.0]))
@example(
    (
        "éé龍",
        [b"\xc3", b"\xa9", b"\xc3\xa9", b"\xe9", b"\xbe\x8d"],
        [-1.0, -2.0, -3.0, -4.0, -5.0],
    )
)
def test_any_text_in_any_dialect_joins(dialect, case):
    """Joined glyphs are the text, no logprob is lost, every token has its place."""
    text, pieces, logprobs = case
    view = Logprobs(_in_dialect(dialect, pieces, logprobs), text)
    _assert_byte_true(view, text, logprobs)
    if dialect is not _empty or max(map(len, pieces), default=0) <= MAX_EMPTY_BYTES:
        assert not any(glyph.unreported or glyph.outside for glyph in view.glyphs)


@settings(deadline=None, max_examples=300)
@given(tokenised())
def test_held_back_characters_join(case):
    """Tokens that say nothing belong to the character that comes after them."""
    text, pieces, logprobs = case
    view = Logprobs(_held_back(pieces, logprobs), text)
    _assert_byte_true(view, text, logprobs)


@settings(deadline=None, max_examples=300)
@given(tokenised(), st.data())
def test_dropped_and_added_tokens_do_no_harm(case, data):
    """Whatever a server drops, adds or cuts, glyphs join to the text all the same."""
    text, pieces, logprobs = case
    dialect = data.draw(st.sampled_from([*DIALECTS.values()]))
    tokens = [*_in_dialect(dialect, pieces, logprobs)]
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(tokens)))
        if data.draw(st.booleans()):
            del tokens[place : place + 1]
        else:
            tokens.insert(place, TokenLogprob(data.draw(TEXTS), -1.0))
    shorter = text[: data.draw(st.integers(0, len(text)))]
    for said in (text, shorter):
        view = Logprobs(tuple(tokens), said)
        _assert_byte_true(view, said, [token.logprob for token in tokens])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.text(), st.none() | st.binary())), st.text())
def test_nonsense_is_survived(said, text):
    """Tokens that have nothing to do with the text change nothing of it."""
    tokens = tuple(TokenLogprob(token, -1.0, data) for token, data in said)
    view = Logprobs(tokens, text)
    _assert_byte_true(view, text, [-1.0] * len(tokens))
