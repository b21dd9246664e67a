"""Conversations as values."""

import json

import pytest

from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import Message, ToolCall
from wcode_magics.protocol.request import Request
from wcode_magics.session import conversation as chat
from wcode_magics.session.conversation import Conversation, Turn


def turn(cell: str, said: str = "", system: str | None = None) -> Turn:
    """What a cell said, and an echo."""
    said = said or f"from {cell}"
    return Turn(
        cell, (Message("user", said), Message("assistant", f"re {said}")), system
    )


def talk(*cells: str) -> Conversation:
    """A conversation with a turn of each cell."""
    made = Conversation("t")
    for cell in cells:
        made = made.with_turn(turn(cell))
    return made


def cells(conversation: Conversation) -> list[str]:
    """Whose turns there are."""
    return [one.cell for one in conversation.turns]


def test_turns_follow_each_other() -> None:
    """Each new cell adds a turn, and sees all before it."""
    made = talk("a", "b")
    assert [m.content for m in made.messages] == [
        "from a",
        "re from a",
        "from b",
        "re from b",
    ]
    assert made.before("c") == made


def test_a_cell_has_one_turn() -> None:
    """Run again, a cell replaces its turn and drops the later ones, and it is told."""
    made = talk("a", "b", "c")
    assert cells(made.before("b")) == ["a"]
    assert made.dropped_by("b") == 1
    again = made.with_turn(turn("b", "edited"))
    assert cells(again) == ["a", "b"]
    assert again.messages[2].content == "edited"
    assert talk("a", "b").dropped_by("b") == 0
    assert made.dropped_by("new") == 0


def test_two_prompts_of_one_cell_are_two_turns() -> None:
    """Lines of one cell have turns of their own; its own later ones are not told of."""
    made = talk("a", "b#0", "b#1", "c")
    assert made.dropped_by("b#0") == 1
    assert cells(made.with_turn(turn("b#0"))) == ["a", "b#0"]


def test_the_newest_system_prompt_counts() -> None:
    """A system prompt stays in force until a later turn gives another."""
    made = Conversation(
        "t", (turn("a", system="one"), turn("b"), turn("c", system="two"))
    )
    assert made.system == "two"
    assert made.before("c").system == "one"
    assert made.messages[0] == Message("system", "two")


def test_json_goes_out_and_in() -> None:
    """Messages in the OpenAI form, tool calls and results with them."""
    calls = (ToolCall("1", "f", "{}"),)
    middle = (Message("assistant", None, calls), Message("tool", "4", tool_call_id="1"))
    said = turn("a", "hi", "be brief")
    made = Conversation(
        "t", (Turn("a", (said.messages[0], *middle), "be brief"), turn("b"))
    )
    again = Conversation.from_json("t", made.to_json())
    assert [m.wire() for m in again.messages] == [m.wire() for m in made.messages]
    assert again.system == "be brief"
    assert len(again.turns) == 2
    assert Conversation.from_dict(made.to_dict()) == made


def test_a_request_body_and_parts_come_in() -> None:
    """A whole request is read for its messages; content in text parts is joined."""
    parts = [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]
    body = {"model": "m", "messages": [{"role": "user", "content": parts}]}
    made = Conversation.from_json("t", json.dumps(body))
    assert made.messages == (Message("user", "hi"),)


@pytest.mark.parametrize(
    "text",
    ["", "3", "{}", "[1]", '[{"content": "x"}]', '[{"role": 1}]', '{"messages": 3}'],
)
def test_what_are_no_messages_is_refused(text: str) -> None:
    """One line tells what form is wanted."""
    with pytest.raises(UsageError, match="OpenAI form"):
        Conversation.from_json("t", text)


def test_trimming_leaves_out_the_oldest_or_the_middle() -> None:
    """Turns are left out until enough tokens are saved; the system prompt stays."""
    made = Conversation("t", (turn("a", system="s"), turn("b"), turn("c")))
    saved = chat.turn_tokens(made.turns[0])
    assert cells(made.without("oldest", saved)) == ["b", "c"]
    assert made.without("oldest", saved).system == "s"
    assert cells(made.without("middle", saved)) == ["a", "c"]
    assert cells(made.without("oldest", saved + 1)) == ["c"]
    assert made.without("oldest", 0) == made


def test_excess_counts_the_answer_too() -> None:
    """A request is too long when prompt and max_tokens exceed the context."""
    short = Request("m", (Message("user", "hi"),))
    assert chat.excess(short, 900, 2_048) < 0
    assert chat.excess(short, 1_537, 2_048) == 1
    assert chat.excess(Request("m", short.messages, {"max_tokens": 40}), 9, 48) == 1
    assert chat.excess(short, 90_000, None) == 0


def test_the_frame_has_a_row_a_message() -> None:
    """Turn, cell, role, content, tool; empty conversations have the columns too."""
    frame = talk("a", "b").frame()
    assert list(frame.columns) == ["turn", "cell", "role", "content", "tool"]
    assert list(frame["turn"]) == [1, 1, 2, 2]
    assert list(Conversation("t").frame().columns) == list(frame.columns)
