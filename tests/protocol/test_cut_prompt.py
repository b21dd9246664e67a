"""A prompt that was cut: seen by the count, and by nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from wcode_magics.protocol import models, token_counts
from wcode_magics.protocol.cut_prompt import (
    LEAST,
    MARKS,
    Length,
    alike,
    cut_of,
    fewest,
    least_of,
)
from wcode_magics.protocol.messages import HOSTED_URL, Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request

ENGLISH = "The museum reopened after three years of work, and visitors came early. "
CHINESE = "博物馆在三年的整修之后重新开放，参观者一早就来了，排起了长队。"
CODE = "def total(rows): return sum(row['price'] * row['count'] for row in rows)\n"
NUMBERS = "1239162456494753671, 42, 3.14159, 2026-11-29; "
FRENCH = "Le musée a rouvert ses portes après trois ans de travaux considérables. "
RUSSIAN = "Музей снова открылся после трёх лет ремонта, и посетители пришли рано. "
JAPANESE = "博物館は三年の改修を経て再開し、来館者は朝早くから並びました。"
TEXTS = (ENGLISH, CHINESE, CODE, NUMBERS, FRENCH, RUSSIAN, JAPANESE)


def reply(*said: str, read: int, **more) -> Reply:
    """An answer to these turns, of whose prompt so many tokens were read."""
    roles = ("user", "assistant") * len(said)
    messages = tuple(map(Message, roles, said))
    usage = Usage(read, 5)
    return Reply("fine", Request("m", messages), "m", usage=usage, **more)


@pytest.mark.parametrize("text", TEXTS)
def test_the_bound_is_below_the_vocabularies_at_hand(text):
    """No text has fewer tokens, in Qwen's vocabulary or in one a third coarser."""
    long = text * 200
    assert 0 < fewest(long) < token_counts.count(long).tokens / 1.5


def test_the_bound_holds_for_the_readme():
    """Nor has this package's own prose, in either language."""
    for name in ("README.md", "README.zh-CN.md"):
        text = (Path(__file__).parents[2] / name).read_text("utf-8")
        assert fewest(text) < token_counts.count(text).tokens / 1.5


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, FRENCH])
def test_a_third_of_a_long_prompt_is_a_cut(text):
    """Ollama's count of 1,026 for 3,016 tokens tells it."""
    long = text * (4_000 // token_counts.estimate(text).tokens)
    cut = cut_of(reply(long, read=900))
    assert cut is not None
    assert cut.read == 900
    assert f"{cut.sent:,}" in str(cut)
    assert "num_ctx" in str(cut)


@pytest.mark.parametrize("text", TEXTS)
def test_another_tokenizer_is_no_cut(text):
    """Counts of a vocabulary that is a third coarser are believed."""
    long = text * 200
    assert cut_of(reply(long, read=token_counts.count(long).tokens * 2 // 3)) is None


@pytest.mark.parametrize("read", [0, 10])
def test_a_short_prompt_is_never_cut(read):
    """What fits everywhere is not judged, whatever is counted."""
    assert cut_of(reply(ENGLISH * 3, read=read)) is None


def test_nothing_is_said_where_nothing_was_counted():
    """A server that counts nothing cut nothing, as far as is known."""
    assert cut_of(reply(ENGLISH * 900, read=0)) is None
    unknown = Reply("x", Request("m", (Message("user", ENGLISH * 900),)), "m")
    assert cut_of(unknown) is None


def test_cached_tokens_were_read_too():
    """Where a server tells them apart, they are added."""
    usage = Usage(20, 5, cached_tokens=12_000)
    request = Request("m", (Message("user", ENGLISH * 900),))
    assert cut_of(Reply("x", request, "m", usage=usage)) is None


def test_a_chat_tells_from_which_turn_on():
    """The first turns are those that are lost."""
    turns = [ENGLISH * 40] * 9
    cut = cut_of(reply(*turns, read=600))
    assert cut is not None
    assert cut.turn == 4
    assert "turn 4" in str(cut)


def test_prompts_of_other_lengths_with_one_count_are_cut():
    """Not where they are as long, nor where the count is short."""
    lengths = [Length(2_050, 9_000 + 2_000 * n) for n in range(4)]
    even = [Length(700, 3_000 + n) for n in range(9)]
    short = [Length(LEAST, 900), Length(LEAST + 1, 9_000)]
    found = alike([*even, *lengths, *short])
    assert list(found) == [9, 10, 11, 12]
    assert found[12].sent > found[9].sent == 2_050


def test_fewer_tokens_than_the_turns_before_are_a_cut():
    """The count of a chat stops growing; what a template leaves out is no cut."""
    said = (ENGLISH * 90, ENGLISH, "And then?")
    grown = reply(*said, read=2_100, prompt_least=2_095)
    assert cut_of(grown) is None
    cut = cut_of(reply(*said, read=2_050, prompt_least=2_095))
    assert cut is not None
    assert (cut.read, cut.sent) == (2_050, 2_095)


def test_what_a_conversation_has_at_least():
    """Thinking does not stay in it, told or hidden; an unknown count tells nothing."""
    whole = {"finish_reason": "stop"}
    told = replace(reply("one", read=2_000, **whole), text="word " * 20)
    told = replace(told, usage=Usage(2_000, 20))
    assert least_of(told) == 2_000 + 19 - MARKS
    hidden = replace(told, text="fine", usage=Usage(2_000, 900))
    assert least_of(hidden) == 2_000 + 1 - MARKS
    thought = replace(told, usage=Usage(2_000, 920, reasoning_tokens=900))
    assert least_of(thought) == 2_000 + 19 - MARKS
    assert least_of(replace(told, usage=None)) is None
    assert least_of(reply("one", read=2_000)) is None


@pytest.mark.parametrize("part", [0.5, 0.85])
def test_a_known_tokenizer_counts_exactly(part):
    """With it, a prompt that lost its first sentences is seen too."""
    long = ENGLISH * 400
    request = Request(models.DEFAULT, (Message("user", long),))
    count = token_counts.count_request(request, HOSTED_URL)
    if not count.exact:
        pytest.skip("the vocabulary is not installed")
    told = Reply("x", request, "m", usage=Usage(count.tokens, 5))
    assert cut_of(told) is None
    cut = cut_of(replace(told, usage=Usage(int(count.tokens * part), 5)))
    assert cut is not None
    assert cut.sent >= count.tokens - 64
