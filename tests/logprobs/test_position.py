"""One token's alternatives are in order and its uncertainty is what they allow."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logprobs.test_logprobs import token, view
from wcode_magics.logprobs.position import probability


def only(*top, word="a", share=0.5):
    """The one position of an answer of one token."""
    return view(token(word, share, *top)).positions[0]


def test_rounding_above_zero_is_certain():
    """A logprob a little above 0 is a probability of 1, not more."""
    assert probability(1e-6) == 1


def test_entropy_of_the_shown():
    """Four alternatives of 1/4 are two bits, with nothing hidden."""
    found = only(("a", 0.25), ("b", 0.25), ("c", 0.25), ("d", 0.25), share=0.25)
    assert found.entropy == pytest.approx(2)
    assert found.entropy_bounds(None) == pytest.approx((2, 2))


def test_entropy_bounds_of_a_known_rest():
    """A rest of 1/2 below 1/4 is two tokens at least, evenly spread at most."""
    found = only(("a", 0.25), ("b", 0.25), share=0.25)
    low, high = found.entropy_bounds(vocabulary=10)
    assert found.others == pytest.approx(0.5)
    assert low == pytest.approx(2)
    assert high == pytest.approx(1 + 0.5 * math.log2(8 / 0.5))


def test_entropy_of_an_unknown_vocabulary_has_no_upper_bound():
    """Of how many hidden tokens the rest is made is not invented."""
    found = only(("a", 0.25), ("b", 0.25), share=0.25)
    low, high = found.entropy_bounds(None)
    assert low == pytest.approx(2)
    assert math.isnan(high)


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1), min_size=2, max_size=60), st.data())
def test_entropy_bounds_hold(weights, data):
    """The entropy of any distribution lies within what its first k tokens allow."""
    shares = sorted((weight / sum(weights) for weight in weights), reverse=True)
    shown = data.draw(st.integers(1, len(shares)))
    words = [(str(place), share) for place, share in enumerate(shares)]
    found = only(*words[:shown], word="0", share=shares[0])
    entropy = -sum(share * math.log2(share) for share in shares)
    low, high = found.entropy_bounds(vocabulary=len(shares))
    assert found.entropy <= low + 1e-9
    assert low - 1e-6 <= entropy <= high + 1e-6


def test_without_alternatives_no_entropy():
    """Where the server shows no alternatives, entropy and rank are not invented."""
    found = only()
    assert math.isnan(found.entropy)
    assert all(map(math.isnan, found.entropy_bounds(None)))
    assert found.rank is None


def test_alternatives_come_sorted():
    """Where a server puts the sampled token first, the rank is by probability."""
    found = only(("a", 0.2), ("b", 0.5), ("c", 0.3), share=0.2)
    assert [other.token for other in found.alternatives] == ["b", "c", "a"]
    assert (found.rank, found.sampled, found.listed) == (3, 2, True)


def test_missing_sampled_token_is_added():
    """A sampled token that the alternatives leave out is shown and counted."""
    found = only(("b", 0.5), ("c", 0.3), share=0.1)
    assert [other.token for other in found.alternatives] == ["b", "c", "a"]
    assert found.others == pytest.approx(0.1)
    assert (found.rank, found.listed) == (3, False)


def test_appended_sampled_token_is_not_listed():
    """The one alternative more than was asked for may rank lower than it looks."""
    two = token("a", 0.5, ("a", 0.5), ("b", 0.3))
    three = token("z", 0.1, ("a", 0.5), ("b", 0.3), ("z", 0.1))
    assert [p.listed for p in view(two, two, three).positions] == [True, True, False]


def test_sampled_token_listed_twice_counts_once():
    """llama-cpp-python appends the sampled token even where it is listed."""
    found = only(("a", 0.5), ("b", 0.3), ("a", 0.5))
    assert [other.token for other in found.alternatives] == ["a", "b"]


def test_different_tokens_of_one_text_both_count():
    """Tokens that only decode alike keep a probability each."""
    found = only(("\ufffd", 0.5), ("\ufffd", 0.3), word="\ufffd", share=0.3)
    assert found.shares == pytest.approx((0.5, 0.3))
    assert (found.sampled, found.rank) == (1, 2)


def test_lost_entry_is_the_sampled_token():
    """llama.cpp shows the last byte's entry as lost text: its logprob tells."""
    found = only(("x", 0.4), ("\ufffd", 0.3), word="😀", share=0.3)
    assert (found.sampled, len(found.alternatives)) == (1, 2)
