"""A comparison shows the fork, both probabilities and both texts, safely."""

import pytest

from tests.logprobs.test_heatmap import LAB_ATTRIBUTES, LAB_STYLES, LAB_TAGS, Shape
from tests.logprobs.test_logprobs import token, view
from wcode_magics import text
from wcode_magics.logprobs import comparison_html, heatmap
from wcode_magics.logprobs.alignment import agree, compare
from wcode_magics.logprobs.logprobs import Logprobs

ONE = view(
    token("The <b>", 0.9),
    token("cat", 0.6, ("cat", 0.6), ("dog", 0.3)),
    token(" sat", 0.5),
)
TWO = view(
    token("The <b>", 0.8),
    token("dog", 0.7, ("dog", 0.7), ("cat", 0.2)),
    token(" sat", 0.5),
)


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_safe_in_an_untrusted_notebook(language):
    """Only what the sanitiser keeps is used, and texts are escaped."""
    text.use(language)
    shape = Shape(comparison_html.html(compare(ONE, TWO)))
    assert shape.tags <= LAB_TAGS
    assert shape.attributes <= LAB_ATTRIBUTES
    assert shape.styles <= LAB_STYLES | {
        *("vertical-align", "width", "table-layout", "font-weight")
    }


def test_fork_is_told():
    """Both tokens, both probabilities, what each gave the other, the alternatives."""
    lines = comparison_html.plain(compare(ONE, TWO), ("x", "y")).splitlines()
    assert lines[0].split(" · ") == [
        "The same for 7 characters, then apart",
        "78.6% of the text in common",
        "x: 0.13 bits per character",
        "y: 0.13 bits per character",
        "apart ≈0",
    ]
    assert lines[1].split(" · ") == [
        "x says cat (60.0%)",
        "x gave 30.0% to what y says",
        "x had cat 60.0% \u2003dog 30.0%",
    ]
    assert lines[2].startswith("y says dog (70.0%)")
    assert lines[3:] == [
        "    The <b>",
        "  x cat  (0.7 bits)",
        "  y dog  (0.5 bits)",
        "    ·sat",
    ]


def test_what_is_not_shown_is_not_zero():
    """Where no shown alternative begins like the other answer, no number is told."""
    three = view(token("The <b>", 0.8), token("bird", 0.7, ("bird", 0.7)))
    assert "A shows nothing that B says" in comparison_html.plain(compare(ONE, three))


def test_equal_answers_need_no_columns():
    """Equal answers are said to be equal, and not shown twice."""
    shown = comparison_html.html(compare(ONE, ONE))
    assert "<table" not in shown
    assert "the same" in shown


def test_texts_without_probabilities():
    """Answers without tokens are compared as texts."""
    found = compare(Logprobs((), "one end"), Logprobs((), "one"))
    assert comparison_html.plain(found).splitlines() == [
        "The same for 3 characters, then apart · 60.0% of the text in common",
        "A says ·end… (no probability)",
        "B ends",
        "    one",
        "  A ·end  (– bits)",
    ]
    assert comparison_html.html(found)


def test_long_common_stretches_are_elided():
    """The middle of what is in common is left out, and how much is told."""
    found = compare(Logprobs((), "a " * 500 + "x"), Logprobs((), "a " * 500 + "y"))
    assert "840 characters in common" in comparison_html.html(found)


def test_tokens_at_the_fork_have_the_colour_of_their_probability():
    """As in a heat map, so that a token which is a number is no probability."""
    shown = comparison_html.html(compare(ONE, TWO))
    for share in (0.6, 0.3, 0.7, 0.2):
        assert f'style="{heatmap.step(share).style}"' in shown


def test_agreement_in_words():
    """How many answers there are, how common one is, what all begin with."""
    runs = [Logprobs((), said) for said in ("ab", "ac", "ab")]
    assert str(agree(runs)) == (
        "3 runs gave 2 different answers. The most common one came 2 times."
        " All begin with the same 1 character."
    )
    assert str(agree(runs[:1])) == "1 run gave one answer."


def test_columns_tell_the_fork():
    """Beside the texts: what each said there, gave to the other's, and had."""
    shape = Shape(comparison_html.html(compare(ONE, TWO), ("x", "y")))
    told = "|".join(shape.texts)
    assert "|x|y|" in told
    assert "At the fork|cat| 60.0%|dog| 70.0%|" in told
    assert "The other's chance|30.0%|20.0%" in told
    assert "Alternatives|cat| 60.0%| |dog| 30.0%|dog| 70.0%| |cat| 20.0%|" in told
    ended = Shape(comparison_html.html(compare(ONE, Logprobs((), "The <b>")))).texts
    assert "(the end)" in ended
