"""What is said around an answer: thinking, its end, what did not come."""

import re

import pytest

from wcode_magics.display import answer_notes, reply_bundles
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import Delta, Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request


def reply(*deltas: Delta, **params) -> Reply:
    """What deltas come to."""
    assembly = Assembly(Request("m", (Message("user", "hi"),), params))
    for delta in deltas:
        assembly.add(delta)
    return assembly.reply()


def page(made: Reply) -> str:
    """What a notebook shows, without its tags."""
    return re.sub("<[^>]*>", " ", reply_bundles.reply_bundle(made)["text/html"])


THOUGHT = Delta(reasoning="I think.\n", usage=Usage(5, 9, reasoning_tokens=7))


def test_thinking_is_kept_folded_and_counted():
    """It is on the reply and on the page, and no part of the text."""
    made = reply(THOUGHT, Delta("42", finish_reason="stop"))
    assert (made.text, made.reasoning) == ("42", "I think.")
    shown = reply_bundles.reply_bundle(made)["text/html"]
    assert re.search(
        "<details><summary.*7 tokens.*I think.*</details>", shown, re.DOTALL
    )
    assert "I think" not in reply_bundles.reply_bundle(made)["text/plain"]
    assert "7 tokens" in reply_bundles.reply_bundle(made)["text/plain"]
    assert "7 for thinking" in reply_bundles.footer(made)


def test_thinking_survives_the_store():
    """Kept as a dict and read again, it is the same reply."""
    made = reply(THOUGHT, Delta("42", finish_reason="stop", unread=("usage",)))
    assert Reply.from_dict(made.to_dict()) == made


BLANKS = {
    "nothing": (Delta(finish_reason="stop"), "empty answer"),
    "all spent on thinking": (
        Delta(reasoning="hm", finish_reason="length"),
        "went into thinking.*--max-tokens",
    ),
    "only thinking": (Delta(reasoning="hm", finish_reason="stop"), "only thought"),
    "tokens and no text": (
        Delta(finish_reason="stop", usage=Usage(5, 25)),
        "25 tokens were counted.*tool call",
    ),
    "cut before any text": (
        Delta(finish_reason="length", usage=Usage(5, 25)),
        "25 tokens were counted.*cut off.*--max-tokens",
    ),
    "the end alone": (Delta(finish_reason="stop", usage=Usage(5, 1)), "empty answer"),
}


@pytest.mark.parametrize(("delta", "told"), BLANKS.values(), ids=BLANKS)
def test_an_answer_without_text_says_why(delta, told):
    """And nobody is told to go on with what never began."""
    made = reply(delta)
    for shown in (page(made), reply_bundles.reply_end(made)):
        assert re.search(told, shown, re.DOTALL)
        assert "--continue" not in shown


def test_an_end_that_nobody_confirms_is_told():
    """The answer stands, and may be replayed."""
    made = reply(Delta("all of it"), Delta(unconfirmed=True))
    assert made.is_whole
    assert answer_notes.badge(made) == ""
    assert "does not confirm" in reply_bundles.footer(made)
    cut = reply(Delta("half of"))
    assert not cut.is_whole
    assert "broken off" in answer_notes.badge(cut)


def test_probabilities_that_did_not_come_are_told():
    """One line, where they were asked for."""
    assert "none came" in page(reply(Delta("hi", finish_reason="stop"), logprobs=True))
    assert "none came" not in page(reply(Delta("hi", finish_reason="stop")))
    token = TokenLogprob("hi", -1.0, None, (Alternative("hi", -1.0),))
    came = Delta("hi", tokens=(token,), finish_reason="stop")
    assert "none came" not in page(reply(came, logprobs=True))


def test_what_could_not_be_read_is_told():
    """By the names of its parts."""
    made = reply(Delta("hi", unread=("usage", "logprobs")), Delta(unread=("usage",)))
    assert made.unread == ("usage", "logprobs")
    assert "usage, logprobs" in page(made)


def test_what_was_cached_and_charged_is_told():
    """As the endpoint counts it; 0 and unknown are left out."""
    usage = Usage(5, 4, cached_tokens=3, cost=0.25)
    foot = reply_bundles.footer(reply(Delta("hi", usage=usage, finish_reason="stop")))
    assert "3 cached" in foot
    assert "0.25" in foot
    assert "thinking" not in foot


TOKENS = tuple(
    TokenLogprob(word, -1.0) for word in ("<think>", "4", "</think>", "\n\n", "4", "")
)


@pytest.mark.parametrize("tokens", [TOKENS, TOKENS[4:], TOKENS[1:2] + TOKENS[4:]])
def test_tokens_of_the_thinking_are_none_of_the_text(tokens):
    """Whether a server lists them or not, sums and labels are of the answer."""
    delta = Delta("4", tokens=tokens, reasoning="4", finish_reason="stop")
    made = reply(delta)
    assert [token.token for token in made.tokens] == ["4", ""]
    assert made.logprobs.sum == -1.0


def test_halves_of_arguments_are_joined():
    """A character that was cut over two pieces of a call."""
    from wcode_magics.protocol.messages import CallPiece

    pieces = (CallPiece(0, "a", "f", '{"x": "\ud83d'), CallPiece(0, "", "", '\ude00"}'))
    (call,) = reply(*(Delta(calls=(piece,)) for piece in pieces)).tool_calls
    assert call.arguments == '{"x": "😀"}'


@pytest.mark.parametrize(
    "text",
    ["```\n```", "~~~python\n\n~~~", "<!-- nothing -->", " \n\t\n", "\u200b", "&nbsp;"],
)
def test_an_answer_with_nothing_to_see_says_so(text):
    """Empty fences, spaces and comments are no blank area."""
    made = reply(Delta(text, finish_reason="stop"))
    assert "nothing to see" in page(made)
    assert "nothing to see" in reply_bundles.reply_bundle(made)["text/plain"]


@pytest.mark.parametrize("text", ["```\nx\n```", "---", "<!-- a --> b", "0"])
def test_an_answer_with_little_to_see_is_shown(text):
    """What a reader sees something of stays as it is."""
    assert "nothing to see" not in page(reply(Delta(text, finish_reason="stop")))
