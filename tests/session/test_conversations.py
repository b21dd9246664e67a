"""Conversations of a session, against a real server."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback import Answer, Loopback, Seen, completion, event, streamed
from wcode_magics.display.reply_bundles import footer
from wcode_magics.errors import StreamError, UsageError, VariableError
from wcode_magics.protocol.cut_prompt import cut_of
from wcode_magics.session.conversations import Chats, total
from wcode_magics.session.session import Session


def echo(seen: Seen) -> Answer:
    """Says what was said last."""
    said = f"re {seen.body['messages'][-1]['content']}"
    return streamed(said) if seen.body.get("stream") else completion(said)


@pytest.fixture
def server(loopback: Callable[..., Loopback]) -> Loopback:
    """A server that echoes."""
    return loopback(echo)


@pytest.fixture
def session(server: Loopback) -> Session:
    """A session that asks it."""
    return Session(base_url=server.url, retries=0)


def said(server: Loopback, place: int = -1) -> list[str]:
    """What a request said, system first."""
    return [one["content"] for one in server.seen[place].body["messages"]]


def test_turns_are_sent_with_the_next_one(session: Session, server: Loopback) -> None:
    """Question and answer of all earlier turns go before the new question."""
    chat = session.chat("t")
    assert chat.ask("one").text == "re one"
    chat.ask("two")
    assert said(server) == ["one", "re one", "two"]
    assert [row["content"] for row in chat.conversation.rows()][-1] == "re two"


def test_streams_are_turns_too(session: Session, server: Loopback) -> None:
    """A streamed answer is added when it ends; a stopped one as far as it came."""
    chat = session.chat("t")
    with chat.stream("one") as stream:
        assert "".join(delta.text for delta in stream) == "re one"
    chat.ask("two")
    assert said(server) == ["one", "re one", "two"]


def test_async_turns(session: Session, server: Loopback) -> None:
    """The same with await."""

    async def main() -> None:
        chat = session.aio.chat("t")
        await chat.ask("one")
        async for _delta in chat.stream("two"):
            pass
        await chat.ask("three")

    asyncio.run(main())
    assert said(server) == ["one", "re one", "two", "re two", "three"]


def test_a_failed_turn_changes_nothing(
    session: Session, loopback: Callable[..., Loopback]
) -> None:
    """No answer, no turn; and what the cell's turn was stays."""
    chat = session.chat("t")
    chat.ask("one", cell="a")
    broken = Answer([event({"content": "Ha"})], kind="text/event-stream")
    session.settings.set("base_url", loopback(broken).url)
    with pytest.raises(StreamError):
        list(chat.stream("again", cell="a"))
    assert [m.content for m in chat.conversation.messages] == ["one", "re one"]


def test_system_prompts_have_an_order(session: Session, server: Loopback) -> None:
    """The turn's own over the conversation's over the session's default."""
    chat = session.chat("t")
    session.settings.set("system", "default")
    chat.ask("one")
    assert said(server)[0] == "default"
    session.settings.set("system", "other")
    chat.ask("two")
    assert said(server)[0] == "default"
    chat.ask("three", system="own")
    assert said(server)[0] == "own"
    chat.ask("four")
    assert said(server)[0] == "own"
    assert said(server).count("own") == 1


def test_only_the_new_turn_is_a_template(session: Session, server: Loopback) -> None:
    """What was said before is never evaluated again."""
    chat = session.chat("t")
    chat.ask("{{ a }}", names={"a": "{{ b }}"})
    chat.ask("{{ a }}", names={"a": "x", "b": "secret"})
    assert said(server) == ["{{ b }}", "re {{ b }}", "x"]


@pytest.mark.priced
def test_a_full_context_is_refused_or_trimmed(
    session: Session, server: Loopback
) -> None:
    """By default nothing is sent; --trim leaves out turns and tells how many."""
    chat = session.chat("t")
    chat.ask("first", system="s")
    for _ in range(3):
        chat.ask("word " * 5_000)
    sent = len(server.seen)
    with pytest.raises(UsageError, match='trim="oldest"'):
        chat.ask("more " * 40_000)
    assert len(server.seen) == sent
    oldest = chat.prepare("more " * 40_000, trim="oldest")
    assert ("chat_trimmed", {"name": "t", "count": 2}) in oldest.advice
    assert oldest.request.messages[0].content == "s"
    middle = chat.prepare("more " * 40_000, trim="middle")
    assert middle.request.messages[1].content == "first"
    assert len(chat.conversation.turns) == 4
    with pytest.raises(UsageError, match="context"):
        chat.ask("more " * 80_000, trim="oldest")


@pytest.mark.priced
def test_the_meter_reads_the_context(session: Session) -> None:
    """Tokens so far and the context of the model."""
    chat = session.chat("t")
    assert total(chat.ask("one")) == 15
    assert session.context(chat.prepare("two"), 15) == 65_536


def test_a_continued_answer_takes_its_place(
    session: Session, loopback: Callable[..., Loopback]
) -> None:
    """What was cut off and went on is one answer of the conversation."""
    server = loopback(completion("One,", finish_reason="length"), completion(" two."))
    session.settings.set("base_url", server.url)
    chat = session.chat("t")
    cut = chat.ask("count")
    session.ask(session.go_on(cut))
    assert chat.conversation.messages[-1].content == "One, two."


def test_functions_are_part_of_the_turn(
    session: Session, loopback: Callable[..., Loopback]
) -> None:
    """Calls and results stay in the conversation, so that it can be gone on with."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    asks = completion(message=message, finish_reason="tool_calls")
    server = loopback(asks, completion("four"), completion("ok"))
    session.settings.set("base_url", server.url)

    def f() -> int:
        return 4

    chat = session.chat("t")
    assert chat.ask("one", functions=[f]).trace[0].result == "4"
    chat.ask("two")
    roles = [one["role"] for one in server.seen[-1].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


def test_conversations_are_files(tmp_path: Path) -> None:
    """Another process finds them; any name is a name; nobody else may read them."""
    from tests.session.test_conversation import turn

    folder = tmp_path / "chats"
    for name in ("教程", "a/b", "..", "c.d"):
        chats = Chats(folder)
        held = chats[name].with_turn(turn("a"))
        chats.put(held)
        assert Chats(folder)[name] == held
    assert Chats(folder).names() == sorted(["教程", "a/b", "..", "c.d"])
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert Chats(folder).forget("a/b")
    assert not Chats(folder).forget("a/b")
    assert "a/b" not in Chats(folder).names()


def test_a_file_of_any_quoting_is_found(session: Session, tmp_path: Path) -> None:
    """A chat whose name is quoted otherwise keeps its turns and its file."""
    session.chats = Chats(tmp_path)
    session.chat("Tutor").ask("one")
    (kept,) = tmp_path.glob("*.json")
    kept.rename(tmp_path / "Tutor.json")
    session.chats = Chats(tmp_path)
    assert session.chats.names() == ["Tutor"]
    session.chat("Tutor").ask("two")
    assert [one.name for one in tmp_path.glob("*.json")] == ["Tutor.json"]
    assert len(session.chats["Tutor"].turns) == 2


def test_a_damaged_file_is_left_alone(tmp_path: Path) -> None:
    """It is an error that names the file."""
    (tmp_path / "t.json").write_text("{", "utf-8")
    with pytest.raises(UsageError, match=r"t\.json"):
        Chats(tmp_path)["t"]
    assert (tmp_path / "t.json").read_text("utf-8") == "{"


DAMAGE = [
    *("{", "[]", "null", "3", '"x"', "\x00", '{"name": "t"}x'),
    *('{"name": "t", "turns": 3}', '{"name": "t", "turns": [3]}'),
    '{"name": "t", "turns": [{"cell": "a", "messages": []}]}',
    '{"name": "t", "turns": [{"cell": 1, "messages": [{"role": "user"}]}]}',
    '{"name": "t", "turns": [{"cell": "a", "messages": [{"role": 3}]}]}',
    '{"turns": [{"cell": "a", "messages": [{"role": "u", "content": 1}]}]}',
    "[" * 100_000,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_hurts_its_chat_alone(damage: str, tmp_path: Path) -> None:
    """The others are listed, continued and forgotten; it can be forgotten too."""
    from tests.session.test_conversation import turn

    chats = Chats(tmp_path)
    chats.put(chats["whole"].with_turn(turn("a")))
    (tmp_path / "t.json").write_text(damage, "utf-8")
    fresh = Chats(tmp_path)
    assert fresh.names() == ["whole"]
    assert list(fresh.damaged()) == ["t"]
    with pytest.raises(UsageError, match=r"t\.json") as caught:
        fresh["t"]
    assert "\n" not in str(caught.value)
    assert fresh.forget("t")
    assert fresh["t"].turns == ()


def test_an_answer_is_there_though_its_chat_cannot_be_kept(
    server: Loopback, session: Session, tmp_path: Path
) -> None:
    """The error has the reply, and the conversation goes on in memory."""
    (tmp_path / "gone").symlink_to(tmp_path / "no" / "where")
    session.chats = Chats(tmp_path / "gone" / "chats")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        session.chat("t").ask("one")
    assert caught.value.reply is not None
    assert session.last is not None
    assert caught.value.reply.text == session.last.text
    with pytest.raises(UsageError):
        session.chat("t").ask("two")
    assert len(server.seen[-1].body["messages"]) == 3


def test_save_and_load(session: Session, tmp_path: Path, server: Loopback) -> None:
    """Messages in the OpenAI form go to a file and come back."""
    path = tmp_path / "talk.json"
    session.chat("t").ask("one", system="s")
    session.chat("t").save(path)
    assert [m["role"] for m in json.loads(path.read_text("utf-8"))] == [
        "system",
        "user",
        "assistant",
    ]
    session.chat("u").load(path)
    session.chat("u").ask("two")
    assert said(server) == ["s", "one", "re one", "two"]
    with pytest.raises(VariableError, match="nowhere"):
        session.chat("u").load(tmp_path / "nowhere.json")
    with pytest.raises(UsageError, match="nowhere"):
        session.chat("u").save(tmp_path / "nowhere" / "x.json")
    with pytest.raises(VariableError, match="~nouser_x"):
        session.chat("u").load("~nouser_x/x.json")
    with pytest.raises(UsageError, match="~nouser_x"):
        session.chat("u").save("~nouser_x/x.json")


def test_reset_forgets(session: Session, server: Loopback) -> None:
    """After it the conversation begins anew."""
    chat = session.chat("t")
    chat.ask("one")
    assert chat.reset()
    chat.ask("two")
    assert said(server) == ["two"]


def counting(*counts: int) -> Callable[[Seen], Answer]:
    """Answers ten tokens, and counts the prompts so."""
    left = iter(counts)

    def answer(_seen: Seen) -> Answer:
        usage = {"prompt_tokens": next(left), "completion_tokens": 10}
        choice = {"message": {"content": "word " * 10}, "finish_reason": "stop"}
        return Answer([json.dumps({"choices": [choice], "usage": usage}).encode()])

    return answer


def test_a_chat_whose_count_stops_growing_was_cut(
    loopback: Callable[..., Loopback], tmp_path: Path
) -> None:
    """Its footer says so, also after a restart; other models count otherwise."""
    server = loopback(counting(2_000, 2_030, 2_030, 1_200, 700))
    session = Session(base_url=server.url, retries=0, model="m")
    session.chats = Chats(tmp_path)
    chat, text = session.chat("t"), "The museum reopened. " * 200
    first, second = chat.ask(text), chat.ask("And then?")
    assert cut_of(first) is cut_of(second) is None
    session.chats = Chats(tmp_path)
    third = chat.ask("And then?")
    cut = cut_of(third)
    assert cut is not None
    assert cut.read == 2_030
    assert "2,030" in footer(third)
    assert "turn 1" in footer(third)
    assert cut_of(chat.ask("And?", model="n")) is None
    assert cut_of(session.chat("u").ask("And?")) is None
