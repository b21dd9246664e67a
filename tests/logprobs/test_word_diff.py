"""The stretches of two texts join to the texts, and are found where people see them."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logprobs.test_token_bytes import TEXTS
from wcode_magics.logprobs.word_diff import common_start, differences

PROSE = st.lists(
    st.sampled_from(["the", "cat", "sat", "on", "猫", "坐", "，", ".", "\n"]),
    max_size=60,
)


@pytest.mark.parametrize("texts", [TEXTS, PROSE.map(" ".join)], ids=["any", "prose"])
def test_stretches_join_to_the_texts(texts):
    """Nothing is lost or moved, and equal stretches are equal."""

    @settings(deadline=None)
    @given(texts, texts)
    def holds(one, two):
        found = [*differences(one, two)]
        assert "".join(first for _, first, _ in found) == one
        assert "".join(second for _, _, second in found) == two
        assert all((first == second) == same for same, first, second in found)
        assert all(a[0] != b[0] for a, b in pairwise(found))

    holds()


def test_equal_texts_are_one_stretch():
    """Equal texts have one stretch, empty ones none."""
    assert [*differences("a b", "a b")] == [(True, "a b", "a b")]
    assert [*differences("", "")] == []


def test_whole_words_differ():
    """A word that differs in one letter differs as a whole; an ideograph alone."""
    assert [*differences("the cat sat", "the car sat")] == [
        (True, "the ", "the "),
        (False, "cat", "car"),
        (True, " sat", " sat"),
    ]
    assert (False, "猫", "狗") in differences("一只猫。", "一只狗。")


def test_few_words_many_times():
    """Long texts of very few words, changed here and there, are still alike."""
    draw = random.Random(5)
    own = draw.choices(["0", "1", " ", "\n"], k=6000)
    other = [*own]
    for place in draw.sample(range(6000), 40):
        other[place] = "x"
    found = differences("".join(own), "".join(other))
    assert sum(len(first) for same, first, _ in found if same) > 5000


def test_common_start():
    """Up to the first item that differs, or the end of the shorter."""
    assert common_start("猫坐", "猫睡") == 1
    assert common_start(b"ab", b"abc") == 2
    assert common_start("", "a") == 0
