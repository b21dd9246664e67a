"""Code in colours: nothing lost, nothing unsafe, readable on both themes."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wcode_magics.display.highlight import BLOCK, CODE, COLOURS, html
from wcode_magics.output.escaping import inert

WHITE, DARK = "#ffffff", "#111111"
LANGUAGES = ("python", "Go", "json", "bash", "php", "no such language", "")


class _Shape(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.styles = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style"}
        self.styles |= {value for _, value in attrs}


def _shape(markup):
    shape = _Shape()
    shape.feed(markup)
    shape.close()
    return shape


def _luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", sorted(set(COLOURS.values())))
def test_colours_are_readable_on_light_and_dark(colour):
    """Each colour comes within 1 % of the best contrast that both themes allow."""
    best = _contrast(WHITE, DARK) ** 0.5
    worst = min(_contrast(colour, WHITE), _contrast(colour, DARK))
    assert best == pytest.approx(4.35, abs=0.01)
    assert worst >= 0.99 * best


@settings(deadline=None)
@given(code=st.text(), language=st.sampled_from(LANGUAGES))
def test_no_character_is_lost_or_unsafe(code, language):
    """The element's text is the code, and only pre, code and span stand in it."""
    code = code.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")
    markup = html(code, language)
    assert unescape(re.sub("<[^>]*>", "", markup)) == inert(code)
    assert _shape(markup).tags <= {"pre", "code", "span"}


def test_an_unknown_language_is_escaped_and_plain():
    """Where Pygments lacks the language, the code stands escaped and uncoloured."""
    assert html('<b> & "', "klingon") == (
        f"<pre style='{BLOCK}'><code style={CODE}>&lt;b&gt; &amp; &quot;</code></pre>"
    )


def test_styles_are_those_that_the_sanitiser_keeps():
    """Text has colour, weight and slant, the block a border: the sanitiser keeps it.

    It may drop what code has: that is for VS Code, which would paint its lines grey.
    """
    styles = _shape(html("# why\ndef f(x): return 'a' + 1\n", "python")).styles
    names = {part.partition(":")[0] for style in styles for part in style.split(";")}
    block = {"border-left", "margin", "padding", "background", "word-break"}
    assert names == {"color", "font-style", "font-weight", *block}


def test_php_without_its_opening_tag_is_coloured():
    """A PHP block in an answer mostly lacks ``<?php``; it is read as PHP anyway."""
    assert "span" in html("$x = 1;", "php")
    assert "span" in html("<?php\n$x = 1;", "php")
