"""The beginning of a branch is right text or an error that says why."""

from dataclasses import replace

import pytest

from tests.logprobs.test_logprobs import token, view
from wcode_magics.errors import UsageError
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.session.branch import branched, continuation

ASKED = Request("m", (Message("user", "hi"),), {"seed": 1, "logprobs": True})


def reply(told: Logprobs) -> Reply:
    """An answer with these tokens."""
    return Reply(told.text, ASKED, "m", tokens=told.tokens)


def branch_prefix(told: Logprobs, token: int, alternative: int | str) -> str:
    """The text that a branch begins with."""
    return branched(reply(told), token, alternative).text


TOLD = view(
    token("One", 0.9),
    token(" cat", 0.5, (" cat", 0.5), (" dog", 0.3), ("\n", 0.1)),
    token("<|im_end|>", 0.5, ("<|im_end|>", 0.5), (" sat", 0.4)),
    said="One cat",
)


@pytest.mark.parametrize(
    ("alternative", "prefix"),
    [
        (1, "One cat"),
        (2, "One dog"),
        (" dog", "One dog"),
        ("↵", "One\n"),
        ("\n", "One\n"),
    ],
)
def test_prefix_with_an_alternative(alternative, prefix):
    """By number, by text, or by the text as the heat map draws it."""
    assert branch_prefix(TOLD, 1, alternative) == prefix


def test_branch_at_the_stop_token():
    """Where the answer stopped it can go on."""
    assert branch_prefix(TOLD, 2, " sat") == "One cat sat"


@pytest.mark.parametrize("position", [-1, 3])
def test_no_such_token(position):
    """A position that the answer does not have is told with those it has."""
    with pytest.raises(UsageError, match="0 … 2"):
        branch_prefix(TOLD, position, 1)


@pytest.mark.parametrize("alternative", [0, 4, "bird"])
def test_no_such_alternative(alternative):
    """An alternative that is not shown is told with those that are."""
    with pytest.raises(UsageError, match="2 ·dog"):
        branch_prefix(TOLD, 1, alternative)


def _split(*tops):
    first = TokenLogprob(r"\xe9\xbe", -1.0, b"\xe9\xbe", tuple(tops))
    second = TokenLogprob(
        r"\x8d", -1.0, b"\x8d", (Alternative(r"\x99", -2.0, b"\x99"),)
    )
    return view(first, second, said="龍")


def test_never_inside_a_character():
    """A prefix that would end inside a character is refused; a whole one is not."""
    told = _split(Alternative(r"\xe9\xbe", -1.0, b"\xe9\xbe"), Alternative("a", -2.0))
    with pytest.raises(UsageError, match="part of a character"):
        branch_prefix(told, 0, 1)
    assert branch_prefix(told, 0, 2) == "a"
    assert branch_prefix(told, 1, r"\x99") == "龙"


def test_lost_bytes_are_refused():
    """An alternative whose bytes the server lost cannot be gone on from."""
    with pytest.raises(UsageError, match="part of a character"):
        branch_prefix(_split(Alternative("\ufffd", -0.5)), 0, 1)


def test_the_beginning_keeps_its_tokens():
    """Tokens before the branch stay; the other one has the probability shown there."""
    first = reply(TOLD)
    child = branched(first, 1, 2)
    assert child.parent is first
    assert [t.token for t in child.tokens] == ["One", " dog"]
    assert child.logprobs.positions[1].probability == pytest.approx(0.3)
    assert [a.token for a in child.tokens[1].top] == [" cat", " dog", "\n"]


def test_the_request_goes_on():
    """The beginning is the last message; going on again takes its place."""
    first = reply(TOLD)
    once = continuation(branched(first, 1, 2), {"seed": 2})
    assert once.body == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "One dog"},
        ],
        "seed": 2,
        "logprobs": True,
        "continue_final_message": True,
        "add_generation_prompt": False,
    }
    child = Reply("One dog barks", once, "m")
    again = continuation(child, {})
    assert [m.content for m in again.messages] == ["hi", "One dog barks"]


def test_no_probabilities_no_branch():
    """An answer without tokens says what to do."""
    with pytest.raises(UsageError, match="sends none"):
        branched(Reply("hi", ASKED, "m"), 0, 1)
    with pytest.raises(UsageError, match="logprobs=True"):
        branched(Reply("hi", replace(ASKED, params={}), "m"), 0, 1)
