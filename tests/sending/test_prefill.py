"""A given beginning is gone on from, repeated or ignored, and which is told."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import Answer, Loopback, Seen
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol.messages import Message, Seam, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.prefill import joined, starts_anew
from wcode_magics.session.session import Session

QUESTION_TOKENS, TURN_TOKENS = 10, 5
FIRST = "Paris is the capital of France."
ASKED = Request("m", (Message("user", "hi"),))


def tokens(text: str) -> tuple[TokenLogprob, ...]:
    """A token for each word."""
    words = [f" {word}" for word in text.split(" ")]
    return tuple(TokenLogprob(w, -0.5) for w in [words[0][1:], *words[1:]])


def reply(text: str, **more: Any) -> Reply:
    """An answer."""
    return Reply(text, ASKED, "m", **more)


def child(text: str) -> Reply:
    """A beginning that was taken of :data:`FIRST`."""
    return reply(text, parent=reply(FIRST))


def test_what_goes_on_is_joined():
    """Text and tokens of both; the seam stands between them."""
    before = replace(child("Rome is"), tokens=tokens("Rome is"))
    found = joined(before, reply(" in Italy.", tokens=tokens(" in Italy.")[1:]))
    assert found.text == "Rome is in Italy."
    assert "".join(t.token for t in found.tokens) == found.text
    assert found.seam == Seam(7, "kept")
    assert found.parent.text == FIRST


@pytest.mark.parametrize("spoken", ["Rome is in Italy.", " in Italy."])
def test_a_repeated_beginning_stands_once(spoken):
    """Whether the endpoint tells its tokens again or not."""
    before = replace(child("Rome is"), tokens=tokens("Rome is"))
    said = tokens(spoken) if spoken[0] != " " else tokens(spoken)[1:]
    found = joined(before, reply("Rome is in Italy.", tokens=said))
    assert found.text == "Rome is in Italy."
    assert "".join(t.token for t in found.tokens) == found.text
    assert found.seam == Seam(7, "repeated")


@pytest.mark.parametrize("said", ["Paris is the capital", FIRST])
def test_an_answer_anew_is_no_continuation(said):
    """Beginning as the first answer did, it stands alone."""
    found = joined(child("Rome is"), reply(said))
    assert (found.text, found.seam) == (said, Seam(0, "ignored"))


def test_short_beginnings_may_come_twice():
    """«1» and «10» are 110: too short a beginning is not taken for repeated."""
    found = joined(child("1"), reply("10"))
    assert (found.text, found.seam.how) == ("110", "kept")


def test_nothing_came():
    """What was given stays when the endpoint adds nothing."""
    found = joined(child("Rome is"), reply(""))
    assert (found.text, found.seam) == ("Rome is", Seam(7, "kept"))


@pytest.mark.parametrize(
    ("prompt_tokens", "how"), [(14, "kept"), (15, "kept"), (19, "ignored")]
)
def test_prompt_tokens_tell_a_new_turn(prompt_tokens, how):
    """A turn that ends and begins again costs more than the beginning itself."""
    parent = reply("Well, ", usage=Usage(10, 4), finish_reason="length")
    before = replace(parent, parent=parent)
    came = reply("Sure! Paris.", usage=Usage(prompt_tokens, 3))
    assert joined(before, came).seam.how == how


def test_a_saved_child_keeps_its_seam():
    """As data, a reply has its seam and not its parent."""
    made = joined(child("Rome is"), reply(" in Italy."))
    data = json.loads(json.dumps(made.to_dict()))
    assert "parent" not in data
    assert Reply.from_dict(data) == made
    assert Reply.from_dict(data).request.hash == made.request.hash


class Endpoint:
    """Answers :data:`FIRST`, and takes a given beginning as ``how`` says.

    It counts words as tokens, and the tokens of a turn's ends as ChatML does.
    """

    def __init__(self, how: str) -> None:
        self.how = how

    def __call__(self, seen: Seen) -> Answer:
        """The whole answer to one request."""
        last = seen.body["messages"][-1]
        given = last["content"] if last["role"] == "assistant" else ""
        limit = seen.body.get("max_tokens", 99)
        said, prompt = self._said(given)
        held = tokens(said)[:limit] if said[0] != " " else tokens(said)[1:][:limit]
        content = "".join(token.token for token in held)
        listed = [
            {
                "token": t.token,
                "logprob": t.logprob,
                "top_logprobs": [
                    {"token": t.token, "logprob": -0.5},
                    {"token": t.token.replace("Paris", "Rome"), "logprob": -1.0},
                ],
            }
            for t in held
        ]
        if given and self.how == "repeated":
            content = given + content
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "logprobs": {"content": listed},
            "finish_reason": "length" if len(held) == limit else "stop",
        }
        usage = {"prompt_tokens": prompt, "completion_tokens": len(held)}
        body = {"model": "stub", "choices": [choice], "usage": usage}
        return Answer([json.dumps(body).encode()])

    def _said(self, given: str) -> tuple[str, int]:
        if not given:
            return FIRST, QUESTION_TOKENS
        prompt = QUESTION_TOKENS + len(tokens(given))
        if self.how == "ignored":
            return "Sure: it is Paris.", prompt + TURN_TOKENS
        done = len(given.split(" "))
        return f" {' '.join(FIRST.split(' ')[done:])}", prompt


@pytest.fixture
def session() -> Iterator[Session]:
    """A session without anyone's settings."""
    with Session(logprobs=True, top_logprobs=2) as made:
        yield made


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("kept", "Rome is the capital of France."),
        ("repeated", "Rome is the capital of France."),
        ("ignored", "Sure: it is Paris."),
    ],
)
def test_branching_at_an_endpoint(
    how: str, text: str, session: Session, loopback: Callable[..., Loopback]
) -> None:
    """Another token, whichever way the endpoint takes it."""
    session.settings.set("base_url", loopback(Endpoint(how)).url)
    first = session.ask("hi")
    found = session.ask(session.branch(token=0, alternative="Rome"))
    assert (found.text, found.seam.how) == (text, how)
    assert found.parent is first
    assert "".join(token.token for token in found.tokens) == text


@pytest.mark.parametrize(
    ("how", "text"),
    [("kept", FIRST), ("repeated", FIRST), ("ignored", "Sure: it is Paris.")],
)
def test_going_on_at_an_endpoint(
    how: str, text: str, session: Session, loopback: Callable[..., Loopback]
) -> None:
    """A cut answer, whichever way the endpoint takes its beginning."""
    session.settings.set("base_url", loopback(Endpoint(how)).url)
    cut = session.ask("hi", max_tokens=2)
    assert cut.text == "Paris is"
    found = session.ask(session.go_on(max_tokens=9))
    assert (found.text, found.seam.how) == (text, how)
    assert found.parent is cut


def test_branches_of_branches(
    session: Session, loopback: Callable[..., Loopback]
) -> None:
    """A child has children; each is asked with its own beginning alone."""
    server = loopback(Endpoint("kept"))
    session.settings.set("base_url", server.url)
    first = session.ask("hi")
    child = session.ask(session.branch(first, token=0, alternative=2))
    cut = session.ask(session.branch(child, token=3, alternative=1, max_tokens=1))
    whole = session.ask(session.go_on(max_tokens=9))
    assert [len(seen.body["messages"]) for seen in server.seen] == [1, 2, 2, 2]
    assert cut.text == "Rome is the capital of"
    assert whole.text == "Rome is the capital of France."
    assert whole.parent.parent.parent is first
    assert {reply.seam.how for reply in (child, cut, whole)} == {"kept"}


def test_the_sandbox_goes_on(session: Session) -> None:
    """It honours a beginning: a branch of its own answer reads on."""
    session.ask("What is the capital of France?", seed=3, temperature=0.7)
    found = session.ask(session.branch(token=0, alternative="Paris"))
    assert found.seam == Seam(5, "kept")
    assert found.text.startswith("Paris is")
    assert found.logprobs.notes() == []


@pytest.mark.parametrize("how", ["kept", "repeated", "ignored"])
def test_a_replayed_child_is_the_same(
    how: str, loopback: Callable[..., Loopback], tmp_path: Path
) -> None:
    """From the record, text, tokens and seam are as they were."""
    told = {"store": str(tmp_path / "s.db"), "logprobs": True, "top_logprobs": 2}

    def ask(session: Session) -> Reply:
        session.ask("hi")
        return session.ask(session.branch(token=0, alternative="Rome"))

    with Session(base_url=loopback(Endpoint(how)).url, **told) as session:
        sent = ask(session)
    with Session(replay="only", **told) as offline:
        found = ask(offline)
    assert found.source == "replayed"
    assert (found.text, found.tokens, found.seam) == (sent.text, sent.tokens, sent.seam)
    assert found.parent.text == FIRST


@pytest.mark.parametrize(
    ("prompts", "texts", "anew"),
    [
        ((11, 15), ("Yes", "No"), False),  # ``` was one token here and is three there
        ((15, 16), ("so", "No"), True),
        ((12, 13), ("Yes", "Yes"), False),  # the same word goes on from another one
        ((10, 10), ("Yes", "Ye"), True),  # prompts are not counted
        ((None, None), ("Yes", "so"), False),
        ((None, None), ("Yes", ""), True),
        ((), (), False),
    ],
)
def test_all_replies_together_show_whether_an_endpoint_goes_on(prompts, texts, anew):
    """One that goes on decides; where prompts do not grow, how all begin."""
    first = reply("Yes", usage=Usage(10, 1))
    made = [
        (1, reply(text, usage=prompt and Usage(prompt, 1)))
        for prompt, text in zip(prompts, texts, strict=True)
    ]
    assert starts_anew(first, made) is anew
