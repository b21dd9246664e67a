"""Nothing stays invisible."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wcode_magics.logprobs.visible_text import visible


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("word", "word"),
        (" word", "·word"),
        ("two words", "two words"),
        (" ", "·"),
        ("   ", "···"),
        ("a  b", "a··b"),
        ("a ", "a·"),
        ("\n\n", "↵↵"),
        ("\t", "⇥"),
        ("\x1b[0m", "⟨U+001B⟩[0m"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("\u202e", "⟨U+202E⟩"),
        ("\u3000", "⟨U+3000⟩"),
        ("\ufeff", "⟨U+FEFF⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("\u200d", "⟨U+200D⟩"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("می\u200cشود", "می\u200cشود"),
        ("\u0301", "◌\u0301"),
        ("", ""),
    ],
)
def test_white_space_and_controls_are_drawn(text, drawn):
    """Each kind of character that people cannot see has its picture."""
    assert visible(text) == drawn


def test_breaks_are_kept_for_running_text():
    """In running text a drawn line end or tab also does its work."""
    assert visible(" a\n\tb ", breaks=True) == " a↵\n⇥\tb "
    assert visible(" ", breaks=True) == "·"


@settings(deadline=None)
@given(st.text())
def test_no_control_character_is_left(text):
    """Whatever the text, no control, surrogate or lone white space is left."""
    kinds = {unicodedata.category(letter) for letter in visible(text)}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not visible(text).isspace()
