"""One prompt several times, against a real server."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from tests.loopback import Answer, Loopback, Script, Seen, completion
from tests.stopping import interrupted
from wcode_magics.errors import OptionError, Stopped, UsageError
from wcode_magics.protocol.messages import Usage
from wcode_magics.session.session import Session

FAILED = Answer([b'{"error": {"message": "unlucky"}}'], 400)


def four() -> int:
    """A function that a model may call."""
    return 4


def in_turn(*answers: Answer) -> Callable[[Seen], Answer]:
    """Each answer once, the last for ever."""
    turns = count()
    return lambda _seen: answers[min(next(turns), len(answers) - 1)]


@pytest.fixture
def ask(loopback: Callable[..., Loopback]) -> Callable[..., Session]:
    """A session whose endpoint answers so."""

    def make(*script: Script, **values: object) -> Session:
        return Session(base_url=loopback(*script).url, retries=0, **values)

    return make


@pytest.mark.priced
def test_runs_are_a_sequence_of_replies(ask: Callable[..., Session]) -> None:
    """Length, items, slices and the frame, in the order of the runs."""
    session = ask(in_turn(completion("a cat"), completion("a dog")))
    runs = session.repeat("hi", 3)
    assert sorted(reply.text for reply in runs) == ["a cat", "a dog", "a dog"]
    assert len(runs) == len(session.history) == 3
    assert runs[-1] is runs.replies[2]
    assert runs[1:] == runs.replies[1:]
    assert list(runs.frame()["run"]) == [1, 2, 3]
    assert runs.agreement.counts[0] == ("a dog", 2)
    assert runs.agreement.common == "a "
    trial, fork = runs.fork
    assert (trial.text, fork.at) == ("a dog", 2)
    assert runs.cost == pytest.approx(3 * runs[0].cost)
    assert repr(runs) == "<Runs: 3 of 3, <Agreement: 2 of 3, answers 2>>"


def test_runs_go_at_once_with_the_seed_as_given(
    loopback: Callable[..., Loopback],
) -> None:
    """None of four waits for another's answer; all are asked alike."""
    last = Answer(completion().pieces, until=lambda: len(server.seen) >= 4)
    server = loopback(last)
    session = Session(base_url=server.url)
    runs = session.repeat("hi", 4, seed=7)
    assert server.most == 4
    assert {seen.body["seed"] for seen in server.seen} == {7}
    assert runs.fork is None
    session.repeat("hi", 2)
    assert "seed" not in server.seen[-1].body


def test_an_error_keeps_the_others(ask: Callable[..., Session]) -> None:
    """What failed is told with its number; what broke off is kept."""
    session = ask(in_turn(FAILED, completion("fine")))
    runs = session.repeat("hi", 3)
    assert [reply.text for reply in runs] == ["fine", "fine"]
    [failed] = runs.failed
    assert "unlucky" in str(failed.error)
    assert "unlucky" in runs.frame()["error"][failed.point["run"] - 1]


def test_stopping_keeps_what_came(ask: Callable[..., Session]) -> None:
    """The runs that were over hang off the interruption."""
    session = ask(in_turn(completion("early"), Answer(hang=True)))
    with (
        pytest.raises(Stopped) as stopped,
        interrupted(lambda: bool(session.history)),
    ):
        session.repeat("hi", 3)
    assert [reply.text for reply in stopped.value.value] == ["early"]


def test_many_runs_need_a_yes(ask: Callable[..., Session]) -> None:
    """More than 20 are refused before anything is sent; functions always."""
    session = ask()
    with pytest.raises(UsageError, match="21 requests"):
        session.repeat("hi", 21)
    with pytest.raises(OptionError, match="functions"):
        session.repeat("hi", 2, functions=[four])
    assert session.history == []
    assert len(session.repeat("hi", 21, yes=True)) == 21


def test_no_run_is_a_turn(ask: Callable[..., Session]) -> None:
    """A conversation is asked on, and stays as it was."""
    session = ask()
    chat = session.chat("t")
    assert len(session.repeat(chat.prepare("hi"), 2)) == 2
    assert chat.conversation.turns == ()


def test_repeat_with_await(ask: Callable[..., Session]) -> None:
    """The twin gives the same."""
    runs = asyncio.run(ask().aio.repeat("hi", 2))
    assert [reply.usage for reply in runs] == [Usage(10, 5)] * 2
