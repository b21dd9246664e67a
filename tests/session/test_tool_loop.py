"""The rounds of a tool loop."""

from dataclasses import replace
from typing import Any

import pytest

from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import Message, ToolCall, ToolTrace, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.tool_loop import Rounds
from wcode_magics.settings.resolved import Resolved

CALL = ToolCall("c1", "f", "{}")


def begin(limit: int = 8, **params: Any) -> Rounds:
    """The loop of one question."""
    request = Request("m", (Message("user", "hi"),), params)
    return Rounds(Prepared(request, Resolved({}, {})), limit)


def reply(rounds: Rounds, *calls: ToolCall, **more: Any) -> Reply:
    """What the model says next."""
    text = "" if calls else "done"
    usage = Usage(10, 5)
    return Reply(
        text, rounds.prepared.request, "m", calls, usage=usage, cost=1.0, **more
    )


def trace(rounds: Rounds) -> ToolTrace:
    """What the call came to."""
    return ToolTrace(rounds.number, "f", "{}", "4", ok=True, seconds=0.1)


def test_results_go_back_until_there_are_no_calls() -> None:
    """The next request has the calls and their results; the end sums it all up."""
    rounds = begin()
    assert rounds.calls(reply(rounds, CALL, elapsed=1.0)) == (CALL,)
    rounds.answer([trace(rounds)])
    asked = rounds.prepared.request.messages
    assert asked[1] == Message("assistant", None, (CALL,))
    assert asked[2] == Message("tool", "4", tool_call_id="c1", name="f")
    assert rounds.calls(reply(rounds, elapsed=2.0)) == ()
    end = rounds.reply
    assert (end.text, end.cost, end.elapsed) == ("done", 2.0, 3.0)
    assert end.usage == Usage(20, 10)
    assert [one.round for one in end.trace] == [1]


def test_a_model_that_never_ends_is_stopped() -> None:
    """After the last round its calls are not run; the reply so far is kept."""
    rounds = begin(limit=2)
    for _ in range(2):
        rounds.calls(reply(rounds, CALL))
        rounds.answer([trace(rounds)])
    with pytest.raises(UsageError, match="2 rounds") as failure:
        rounds.calls(reply(rounds, CALL))
    kept = failure.value.reply
    assert kept is not None
    assert len(kept.trace) == 2


@pytest.mark.parametrize(
    ("choice", "then"),
    [
        ("required", None),
        ({"type": "function", "function": {"name": "f"}}, None),
        ("auto", "auto"),
        ("none", "none"),
    ],
)
def test_a_forced_call_is_forced_once(choice: Any, then: Any) -> None:
    """What forces a call is not sent again with its result."""
    rounds = begin(tool_choice=choice)
    rounds.calls(reply(rounds, CALL))
    rounds.answer([trace(rounds)])
    assert rounds.prepared.request.params.get("tool_choice") == then


def test_calls_of_a_stopped_answer_are_not_run() -> None:
    """The person stopped: nothing more happens."""
    rounds = begin()
    assert rounds.calls(reply(rounds, CALL, interrupted=True)) == ()


def test_parallel_follows_the_parameter() -> None:
    """parallel_tool_calls false runs the calls one after the other."""
    assert begin().parallel
    assert not begin(parallel_tool_calls=False).parallel


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", None])
def test_thinking_goes_back_under_the_name_it_came_by(field) -> None:
    """DeepSeek refuses the results without; what stood in the text does not go back."""
    rounds = begin()
    rounds.calls(reply(rounds, CALL, reasoning="hm", reasoning_field=field))
    rounds.answer([trace(rounds)])
    asked = rounds.prepared.request.body["messages"][1]
    names = {"role", "content", "tool_calls"} | ({field} if field else set())
    assert set(asked) == names
    assert field is None or asked[field] == "hm"


def test_all_that_the_rounds_counted_is_summed_up() -> None:
    """What only some of them tell stays unknown."""
    rounds = begin()
    first = replace(reply(rounds, CALL), usage=Usage(10, 5, 3, 2))
    rounds.calls(first)
    rounds.answer([trace(rounds)])
    rounds.calls(replace(reply(rounds), usage=Usage(20, 5, 4)))
    assert rounds.reply.usage == Usage(30, 10, 7, None)
