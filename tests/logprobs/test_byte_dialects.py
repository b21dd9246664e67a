"""Spellings of tokens that are parts of characters."""

import pytest

from wcode_magics.logprobs.byte_dialects import ALPHABET, spelt, unescape
from wcode_magics.logprobs.token import Alternative


def test_byte_alphabet_is_gpt2s():
    """The alphabet covers all bytes, once, with GPT-2's well-known letters."""
    assert sorted(ALPHABET.values()) == [*range(256)]
    assert (ALPHABET["Ġ"], ALPHABET["Ċ"], ALPHABET["!"]) == (0x20, 0x0A, 0x21)


@pytest.mark.parametrize(
    ("alternative", "alphabet", "data"),
    [
        (Alternative(r"\xe9\xbe", -1.0, b"\xe9\xbe"), False, b"\xe9\xbe"),
        (Alternative(r"\xe9\xbe", -1.0), False, b"\xe9\xbe"),
        (Alternative(r"\x41", -1.0), False, rb"\x41"),
        (Alternative("\ufffd", -1.0, b"\xef\xbf\xbd"), False, None),
        (Alternative("Ġa", -1.0, "Ġa".encode()), True, b" a"),
        (Alternative("a", -1.0), False, b"a"),
    ],
)
def test_alternatives_are_spelt(alternative, alphabet, data):
    """An alternative, which no text confirms, is read as its dialect has it."""
    assert spelt(alternative, alphabet=alphabet) == data


def test_unescape_mixes():
    """Escapes and text may stand in one token."""
    assert unescape(r"a\xe9\xbeb") == b"a\xe9\xbeb"
