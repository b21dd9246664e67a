"""The numbers of an answer's tokens are what their definitions say."""

import gc
import math

import pytest

from wcode_magics import text
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.position import UNLIKELY
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.logprobs.token_captions import summary


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


def test_perplexity_beyond_the_largest_float():
    """Two tokens of e^-1419 and e^-1, as a server once sent: shown as ∞, no error."""
    found = view(
        *(TokenLogprob(word, value) for word, value in (("He", -1419), ("y", -1)))
    )
    assert found.perplexity == math.inf
    assert "perplexity ∞" in " ".join(summary(found))


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
    assert told.notes() == [text.say("logprobs.note_without_logprob", count=1)]


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
    assert not view(token("a", 1, ("a", 1), ("b", 1e-12))).notes()


def test_least_certain_come_first():
    """The least likely tokens of the text, never a stop token."""
    told = view(
        token("a", 0.9), token("b", 0.1), token("c", 0.3), token("</s>", 0), said="abc"
    )
    assert [p.text for p in told.least_certain(2)] == ["b", "c"]


def test_collector_does_not_walk_tokens():
    """An answer may have 160,000 alternatives, and each full collection counts."""
    found = view(token("a", 0.5, ("a", 0.5), ("b", 0.25)), token("龍", 0.25))
    values = found.tokens, found.tokens[0].top, found.positions, found.glyphs
    gc.collect()
    assert not any(map(gc.is_tracked, values))


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


def test_frame_keeps_alternatives_of_one_text_apart():
    """Tokens that look alike are different tokens, each with its own probability."""
    frame = view(token("a", 0.5, ("b", 0.2), ("a", 0.5), ("b", 0.1))).frame()
    told = {"a": 0.5, "b": 0.2, "b (2)": 0.1}
    assert frame["alternatives"][0] == pytest.approx(told)


def test_a_stop_token_without_bytes_is_in_no_sum():
    """Whole answers list it, streams leave it out: the sum is one and the same."""
    said = [token("a", 0.5), token("b", 0.25)]
    for end in ([], [token("", 0.1, data=b"")], [token("", 0.1)] * 2):
        found = view(*said, *end)
        assert found.sum == pytest.approx(math.log(0.125))
        assert found.places == [(0, 1), (1, 2), *[None] * len(end)]


def test_empty_tokens_of_a_character_are_in_the_sum():
    """Parts of a character that the server lists as nothing are still tokens."""
    found = view(
        token("", 0.5, data=b""), token("北", 0.5, data="北".encode()), said="北"
    )
    assert found.sum == pytest.approx(2 * math.log(0.5))


def test_blanks_that_the_server_took_off_the_text_hide_no_token():
    """The token overhangs the text at its start, as the last may at its end."""
    tokens = [token("\n", 0.5), token(" Yes", 0.5), token(".\n", 0.5), token(" ", 0.5)]
    found = view(*tokens, said="Yes.")
    assert found.places == [None, (0, 3), (3, 4), None]
    assert found.sum == pytest.approx(2 * math.log(0.5))
    assert view(token(" Yes", 0.5), said=" Yes").places == [(0, 4)]


SPLIT = {
    "its last byte": ("北", ("\ufffd", 0.999, b"\x97"), ("好", 0.001, "好".encode())),
    "a lost byte": ("北", ("\ufffd", 0.999, None), ("a", 0.001, b"a")),
    "another's": ("北", ("北", 0.999, "北".encode()), ("\ufffd", 0.001, b"\x99")),
    "text held back": ("<h", ("h", 0.999, b"h"), ("p", 0.001, b"p")),
}  # fmt: skip


@pytest.mark.parametrize("case", SPLIT)
def test_a_token_whose_parts_are_not_listed_is_told(case):
    """Its number is that of its last part: what is shown says so."""
    word, *top = SPLIT[case]
    made = tuple(Alternative(t, log(share), data) for t, share, data in top)
    share = 0.999
    found = view(TokenLogprob(word, log(share), word.encode("utf-8"), made))
    (position,) = found.positions
    assert position.incomplete
    assert len(position.alternatives) == 2
    assert position.listed
    assert math.fsum(position.shares) <= 1
    assert any("last" in note for note in found.notes())
    assert found.frame()["alternatives"][0] == pytest.approx(
        dict(
            zip(map(found.readable, position.alternatives), (0.999, 0.001), strict=True)
        )
    )


def test_whole_tokens_are_complete():
    """Characters of one token, and parts that are all listed, are as they are told."""
    whole = token("北", 0.9, ("北", 0.9), ("好", 0.1), data="北".encode())
    parts = [
        TokenLogprob("\ufffd", log(0.5), b, (Alternative("\ufffd", log(0.5), b),))
        for b in (b"\xe5\x8c", b"\x97")
    ]
    for found in (view(whole), view(*parts, said="北")):
        assert found.incomplete == 0
        assert found.notes() == []


def test_sums_say_what_they_cover():
    """An endpoint may count more tokens than it lists; one more is the end."""
    tokens = tuple(token(word, 0.5) for word in "abc")
    for counted, unlisted in ((None, 0), (2, 0), (3, 0), (4, 0), (5, 2), (40, 37)):
        found = Logprobs(tokens, "abc", counted)
        assert found.unlisted == unlisted
        assert bool(found.notes()) == bool(unlisted)
        told = " ".join(summary(found))
        assert (f"3 of {counted} tokens" in told) == bool(unlisted)


def test_shares_never_pass_one():
    """Whatever a server lists, a position's probabilities are at most 100 %."""
    many = [(word, 0.9) for word in "abc"]
    for found in (view(token("a", 0.9, *many)), view(token("z", 0.9, *many))):
        (position,) = found.positions
        assert math.fsum(position.shares) == pytest.approx(1)


def test_the_token_of_the_same_number_is_the_one_that_was_sampled():
    """Of three tokens that look alike the sampled one is not shown twice."""
    top = [(" ", 0.5), (" ", 0.3), (" ", 0.1)]
    (position,) = view(token(" ", 0.3, *top)).positions
    assert (len(position.alternatives), position.sampled) == (3, 1)


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


def test_a_position_alone_is_that_of_all_positions():
    """One asked for by its index equals the one at its place among all."""
    tokens = [TokenLogprob(word, -1.0, word.encode()) for word in ("e", "\u0301", "!")]
    answer, again = (Logprobs((*tokens,), "e\u0301!") for _ in range(2))
    assert [answer.position_at(index) for index in (2, 0, 1)] == [
        again.positions[index] for index in (2, 0, 1)
    ]
    assert answer.positions[1] is answer.position_at(1)
