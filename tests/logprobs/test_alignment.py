"""Two answers are aligned on bytes, whatever their tokenizers."""

import math

import pytest
from hypothesis import given, settings

from tests.logprobs.test_logprobs import token, view
from tests.logprobs.test_token_bytes import DIALECTS, _in_dialect, tokenised
from wcode_magics.logprobs.alignment import agree, compare
from wcode_magics.logprobs.logprobs import Logprobs


def test_fork_of_two_tokenizers():
    """The fork is a byte; each answer's own token there tells its probability."""
    one = view(
        token("The", 0.9),
        token(" cat", 0.6, (" cat", 0.6), (" ca", 0.1), (" dog", 0.2)),
    )
    two = view(
        token("Th", 0.9),
        token("e c", 0.8),
        token("ar", 0.5, ("ar", 0.5), ("at", 0.4)),
    )
    fork = compare(one, two).fork
    assert fork is not None
    assert fork.at == 6
    assert (fork.first.position.text, fork.first.other_probability) == (
        " cat",
        pytest.approx(0.1),
    )
    assert (fork.second.position.text, fork.second.other_probability) == (
        "ar",
        pytest.approx(0.4),
    )


def test_fork_where_one_ends():
    """An answer that ends at the fork has no token there."""
    fork = compare(view(token("a", 0.5)), view(token("a", 0.5), token("b", 0.5))).fork
    assert fork.first.position is None
    assert fork.second.position.text == "b"
    assert math.isnan(fork.second.other_probability)


def test_fork_inside_a_character():
    """Characters that begin with the same byte are not in common."""
    assert compare(view(token("猫", 0.5)), view(token("狗", 0.5))).fork.at == 0


def test_equal_answers_have_no_fork():
    """Equal texts agree wholly, however they were cut into tokens."""
    found = compare(view(token("ab", 0.25)), view(token("a", 0.5), token("b", 0.125)))
    assert (found.fork, found.agreement) == (None, 1.0)
    assert found.apart == pytest.approx(1.0)


def test_bits_of_stretches():
    """A token's bits are spread over its bytes where a stretch cuts it."""
    one = view(token("one two", 0.25), token(" x", 0.5))
    two = view(token("one ", 0.5), token("two", 0.5), token(" y", 0.125))
    found = compare(one, two).stretches
    assert [s.same for s in found] == [True, False]
    assert found[0].first_bits == pytest.approx(2 + 0.5)
    assert found[0].second_bits == pytest.approx(2 + 1.5)
    assert (found[1].first, found[1].second) == ("x", "y")
    assert found[1].second_bits == pytest.approx(1.5)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@settings(deadline=None, max_examples=30)
@given(tokenised(), tokenised())
def test_bits_add_up(dialect, one, two):
    """Over all stretches, the bits are those of the answers' own tokens."""
    views = [
        Logprobs(_in_dialect(dialect, pieces, logprobs), text)
        for text, pieces, logprobs in (one, two)
    ]
    found = compare(*views)
    for side, own in (("first_bits", views[0]), ("second_bits", views[1])):
        bits = math.fsum(getattr(stretch, side) for stretch in found.stretches)
        if own.tokens and own.text and not any(g.outside for g in own.glyphs):
            assert bits == pytest.approx(-own.sum / math.log(2), abs=1e-6)


def test_answers_without_tokens():
    """Texts alone can be compared; bits are not invented."""
    found = compare(Logprobs((), "a b"), Logprobs((), "a c"))
    assert found.fork.at == 2
    assert math.isnan(found.stretches[0].first_bits)
    assert math.isnan(found.apart)
    assert 0 < found.agreement < 1


def test_agreement_of_runs():
    """Equal answers are counted, the most common first, with their common start."""
    runs = [Logprobs((), text) for text in ("猫坐", "猫睡", "猫坐")]
    found = agree(runs)
    assert found.counts == (("猫坐", 2), ("猫睡", 1))
    assert (found.runs, found.common) == (3, "猫")
    assert agree([]).common == ""


def test_compare_is_public():
    """It is a name of the package, and no module takes its place."""
    import wcode_magics.session.session

    assert wcode_magics.compare is compare
    assert wcode_magics.__all__ == sorted(wcode_magics.__all__)
    assert len(wcode_magics.__all__) <= 12
