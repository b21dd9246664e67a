"""Pieces of the text never split what readers see as one."""

import pytest

from wcode_magics.logprobs.byte_dialects import encode
from wcode_magics.logprobs.graphemes import characters, cut, words
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.logprobs.token_bytes import place_tokens


def _glyphs(text, *said):
    tokens = [TokenLogprob(token, -1.0) for token in said]
    places = place_tokens(tokens, encode(text))
    return [(g.text, g.first, g.stop) for g in cut(text, places)]


@pytest.mark.parametrize(
    "said",
    [
        (r"\xe9\xbe", r"\x8d"),
        ("\ufffd", "\ufffd"),
        ("", "龍"),
        ("", ""),
        ("é¾", "į"),
    ],
    ids=["escaped", "lost", "held back", "empty", "alphabet"],
)
def test_a_split_character_is_one_glyph(said):
    """All tokens of a character stand behind it, those beside it stand alone."""
    assert _glyphs("a龍b", "a", *said, "b") == [("a", 0, 1), ("龍", 1, 3), ("b", 3, 4)]


def test_joined_emoji_are_one_glyph():
    """The tokens of one grapheme cluster are shown as one."""
    assert _glyphs("👩‍💻!", "👩", "\u200d", "💻", "!") == [("👩‍💻", 0, 3), ("!", 3, 4)]


def test_literal_escapes_stay():
    """Code that spells an escape is not unescaped beside a character that was."""
    found = _glyphs(r'"\x41" 龍', '"', r"\x41", '" ', r"\xe9\xbe", r"\x8d")
    assert found == [('"', 0, 1), (r"\x41", 1, 2), ('" ', 2, 3), ("龍", 3, 5)]


def test_stop_token_is_outside():
    """A stop token that was cut from the text has no text."""
    assert _glyphs("foo", "foo", "<|im_end|>") == [("foo", 0, 1), ("", 1, 2)]


def test_text_cut_inside_a_token():
    """Where a stop string cut a token in two, the part that is left is its glyph."""
    assert _glyphs("foo", "fo", "o\n", "END") == [("fo", 0, 1), ("o", 1, 2), ("", 2, 3)]


def test_dropped_tokens_leave_text_without_tokens():
    """Text whose token the server dropped is there, with no token behind it."""
    assert _glyphs("1, 2, 3", "1", " ", "2", " ", "3") == [
        ("1", 0, 1),
        (",", 1, 1),
        (" ", 1, 2),
        ("2", 2, 3),
        (",", 3, 3),
        (" ", 3, 4),
        ("3", 4, 5),
    ]


def test_words_of_all_scripts():
    """Words, single ideographs, signs, and clusters that stay whole."""
    said = "It's 3.5 猫咪 👩\u200d💻e\u0301!"
    assert [*words(said)] == [
        *("It", "'", "s", " ", "3", ".", "5", " "),
        *("猫", "咪", " ", "👩\u200d💻", "e\u0301", "!"),
    ]


def test_characters_of_a_piece_stand_with_their_first_token():
    """A piece is cut further between characters, text without a token among them."""
    text, said = "te\u0301e\u0301!", ("\u0301", "e", "\u0301", "!")
    places = [(2, 4), (4, 5), (5, 7), (7, 8)]
    tokens = [TokenLogprob(token, -1.0) for token in said]
    parts = [
        (part.text, part.start, part.first, part.stop)
        for piece in cut(text, places)
        for part in characters(piece, places[piece.first : piece.stop])
    ]
    assert "".join(part[0] for part in parts) == text
    assert [part for part in parts if part[2] < part[3]] == [
        (token.token, place[0], index, index + 1)
        for index, (token, place) in enumerate(zip(tokens, places, strict=True))
    ]
