"""The numbers of an answer's tokens are what their definitions say."""

import math

import pytest

from wcode_magics import text
from wcode_magics.probability.logprobs import Logprobs
from wcode_magics.probability.position import UNLIKELY
from wcode_magics.values import Alternative, TokenLogprob


def token(word, share, *top, data=None):
    """A token of a probability; ``top`` are (word, probability) pairs."""
    return TokenLogprob(word, log(share), data, tuple(alternatives(*top)))


def alternatives(*top):
    """(word, probability) pairs as alternatives."""
    return [Alternative(word, log(share)) for word, share in top]


def log(share):
    """The natural logarithm, -inf of 0."""
    return math.log(share) if share else -math.inf


def view(*tokens, said=None):
    """The tokens with the text that they spell, or another."""
    return Logprobs(tokens, "".join(t.token for t in tokens) if said is None else said)


def test_sum_mean_perplexity_and_bits():
    """Two tokens of 1/2 and 1/8 are four bits over four characters."""
    found = view(token("ab", 0.5), token("词元", 0.125))
    assert found.sum == pytest.approx(-4 * math.log(2))
    assert found.mean == pytest.approx(-2 * math.log(2))
    assert found.perplexity == pytest.approx(4)
    assert found.bits_per_character == pytest.approx(1)


def test_stop_token_does_not_count():
    """A stop token that the server lists beyond the text changes no number."""
    told = view(token("ab", 0.5), token("<|im_end|>", 0.01), said="ab")
    assert told.sum == view(token("ab", 0.5)).sum
    assert told.bits_per_character == pytest.approx(0.5)
    assert told.notes() == [text.say("logprobs.note_outside", count=1)]


def test_dropped_text_does_not_count():
    """Bits are per character that a token was reported for."""
    told = view(token("1", 0.5), token("2", 0.5), said="1, 2")
    assert told.bits_per_character == pytest.approx(1)
    assert told.notes() == [text.say("logprobs.note_unreported", count=2)]


@pytest.mark.parametrize("sentinel", [-math.inf, UNLIKELY, math.nan])
def test_sentinels_are_no_numbers(sentinel):
    """A logprob that the server did not tell is probability 0 and not summed."""
    told = view(token("a", 0.5), TokenLogprob("b", sentinel))
    assert told.positions[1].probability == 0
    assert told.sum == pytest.approx(math.log(0.5))
    assert told.notes() == [text.say("logprobs.note_untold", count=1)]


def test_no_tokens_no_numbers():
    """Without tokens the means are nan and nothing fails."""
    empty = Logprobs((), "")
    assert empty.sum == 0
    assert all(
        map(math.isnan, (empty.mean, empty.perplexity, empty.bits_per_character))
    )
    assert len(empty.frame()) == 0
    assert empty.least_certain() == empty.notes() == []


def test_all_ones_are_noted():
    """Probabilities that are all 1 come with the reason why they may be."""
    assert view(token("a", 1), token("b", 1)).notes() == [
        text.say("logprobs.note_certain")
    ]
    assert not view(token("a", 1), token("b", 0.9)).notes()


def test_least_certain_come_first():
    """The least likely tokens of the text, never a stop token."""
    told = view(
        token("a", 0.9), token("b", 0.1), token("c", 0.3), token("</s>", 0), said="abc"
    )
    assert [p.text for p in told.least_certain(2)] == ["b", "c"]


def test_frame_has_a_row_for_each_token():
    """Columns, types and values of the DataFrame."""
    frame = view(token(" a", 0.5, (" a", 0.5), ("b", 0.25)), token("龍", 0.25)).frame()
    assert [*frame.columns] == [
        "position",
        "token",
        "bytes",
        "logprob",
        "probability",
        "entropy",
        "rank",
        "alternatives",
    ]
    assert frame["token"].str.cat() == " a龍"
    assert frame["bytes"].tolist() == [b" a", "龍".encode()]
    assert frame["probability"].tolist() == pytest.approx([0.5, 0.25])
    assert frame["alternatives"][0] == pytest.approx({" a": 0.5, "b": 0.25})
    assert frame["entropy"][0] == pytest.approx(1)
    assert frame["rank"].isna().tolist() == [False, True]
    assert str(frame["rank"].dtype) == "Int64"


def test_frame_of_split_characters():
    """The first token of a character has it; bytes are told where they are known."""
    known = view(
        TokenLogprob(r"\xe9\xbe", -1.0), TokenLogprob(r"\x8d", -2.0), said="龍"
    )
    lost = view(TokenLogprob("\ufffd", -1.0), TokenLogprob("\ufffd", -2.0), said="龍")
    assert known.frame()["token"].tolist() == ["龍", ""]
    assert known.frame()["bytes"].tolist() == [b"\xe9\xbe", b"\x8d"]
    assert lost.frame()["bytes"].tolist() == [None, None]


def test_frame_adds_up_alternatives_of_one_text():
    """Alternatives that look alike are one entry with the sum."""
    frame = view(token("a", 0.5, ("b", 0.2), ("a", 0.5), ("b", 0.1))).frame()
    assert frame["alternatives"][0] == pytest.approx({"a": 0.5, "b": 0.3})


def test_frame_reads_the_byte_alphabet():
    """Alternatives of a server with GPT-2's letters are text like all others."""
    frame = view(token("Ġè", 0.5, ("Ġè", 0.5), ("Ġa", 0.1)), said=" \ufffd").frame()
    assert [*frame["alternatives"][0]] == ["Ġè", "Ġa"]
    frame = view(token("Ġé¾į", 0.5, ("Ġé¾į", 0.5), ("Ġa", 0.1)), said=" 龍").frame()
    assert [*frame["alternatives"][0]] == [" 龍", " a"]


def test_readable_shows_bytes():
    """Parts of characters are told as bytes, lost ones as unknown; no U+FFFD."""
    told = view(token("a", 0.5))
    assert told.readable(Alternative("x", 0.0, b"\xe9\xbe")) == r"\xe9\xbe"
    assert told.readable(Alternative(" \ufffd", 0.0)) == r" \x??"
