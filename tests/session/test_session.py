"""The session: what a script does, and every face through it."""

import asyncio
import copy
import importlib.util
import pickle
import time

import pytest

from tests.loopback import Answer, completion, either, event, streamed
from wcode_magics import Reply, Session
from wcode_magics.errors import (
    AnswerError,
    OptionError,
    ParameterError,
    RateLimitError,
    RejectedError,
    ServerError,
    SettingError,
    StatusError,
    StreamError,
    TemplateError,
    TimedOut,
    UsageError,
)
from wcode_magics.protocol.messages import Message, Usage

MODEL = "qwen/qwen-2.5-7b-instruct"


@pytest.fixture
def made():
    """Sessions that are closed at the end."""
    sessions: list[Session] = []

    def make(server, **values) -> Session:
        sessions.append(Session(base_url=server.url, retries=0, **values))
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()


@pytest.mark.priced
def test_asking_gives_the_reply(loopback, made):
    """Text, usage, cost and time are there; only what was set is sent."""
    server = loopback(completion("你好"))
    session = made(server)
    reply = session.ask("hi")
    assert (str(reply), reply.finish_reason) == ("你好", "stop")
    assert reply.usage == Usage(10, 5)
    assert reply.cost == pytest.approx((10 * 0.6 + 5 * 1.5) / 1e6)
    assert 0 < reply.elapsed < 5
    assert (reply.source, reply.base_url) == ("endpoint", server.url)
    assert session.history == [reply]
    assert session.last is reply
    assert server.seen[0].body == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_the_cost_of_an_unknown_model_is_unknown(loopback, made):
    """A price that nobody knows is not shown as zero."""
    reply = made(loopback(completion("x"))).ask("hi", model="mystery")
    assert reply.cost is None


def test_streaming_gives_deltas_and_then_the_reply(loopback, made):
    """The same answer, piece by piece."""
    session = made(loopback(streamed("a", "b", "c")))
    with session.stream("hi") as stream:
        texts = [delta.text for delta in stream]
    assert "".join(texts) == "abc"
    assert stream.over
    assert stream.reply == session.last
    assert stream.reply.usage == Usage(10, 5)
    assert not stream.reply.interrupted


def test_leaving_a_stream_keeps_what_came(loopback, made):
    """The part is the reply, marked as interrupted, and the server is left."""
    words = [event({"content": "x"})] * 200
    server = loopback(Answer(words, kind="text/event-stream", pause=0.03))
    session = made(server)
    with session.stream("hi") as stream:
        next(stream)
    assert server.hung_up.wait(5)
    assert stream.reply.interrupted
    assert set(stream.reply.text) == {"x"}
    assert session.last.interrupted
    assert session.last.text == stream.reply.text


def test_patience_is_the_callers(loopback, made):
    """``get`` comes back without a delta when none came in time."""
    delay = 1.5
    server = loopback(streamed("a", delay=delay))
    begun = time.monotonic()
    with made(server).stream("hi") as stream:
        assert stream.get(0.05) is None
        assert time.monotonic() - begun < delay
        assert not stream.over
        assert stream.get(10).text == "a"


BROKEN = {
    "cut": Answer([event({"content": "half"})], kind="text/event-stream", cut=True),
    "ended": Answer([event({"content": "half"})], kind="text/event-stream"),
    "stalled": Answer(
        [event({"content": "half"})] * 2, kind="text/event-stream", pause=3
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_arrived_before_a_break_is_kept(loopback, made, broken):
    """The error carries the part, and the history has it."""
    session = made(loopback(BROKEN[broken]), timeout=0.3)
    with session.stream("hi") as stream, pytest.raises(Exception) as caught:  # noqa: PT011
        list(stream)
    assert caught.value.reply.text == "half"
    assert caught.value.reply.finish_reason is None
    assert session.last is caught.value.reply
    assert "kept in the error" in str(caught.value)


def test_an_answer_that_cannot_be_read_is_kept(loopback, made):
    """Even a web page hangs off the error."""
    session = made(loopback(Answer([b"<html>paid for</html>"])))
    with pytest.raises(AnswerError) as caught:
        session.ask("hi")
    assert caught.value.reply.text == "<html>paid for</html>"


def test_a_refusal_keeps_nothing(loopback, made):
    """An error without an answer leaves no reply behind."""
    session = made(loopback(Answer([b"slow down"], status=429)))
    with pytest.raises(RateLimitError) as caught:
        session.ask("hi")
    assert caught.value.reply is None
    assert session.last is None


def test_the_twins_await_on_a_loop_of_the_callers(loopback, made):
    """``aio`` does the same from a running loop, several at once."""
    session = made(loopback(either("a b")))

    async def main():
        asked = await asyncio.gather(*(session.aio.ask(f"{n}") for n in range(5)))
        pieces = [delta.text async for delta in session.aio.stream("hi")]
        return asked, pieces

    asked, pieces = asyncio.run(main())
    assert [reply.text for reply in asked] == ["a b"] * 5
    assert [reply.request.prompt for reply in asked] == list("01234")
    assert "".join(pieces) == "ab"
    assert session.last.text == "ab"
    assert len(session.history) == 6


def test_leaving_an_awaited_stream_keeps_what_came(loopback, made):
    """After ``aclose`` the part is the session's last reply."""
    words = [event({"content": "x"})] * 200
    server = loopback(Answer(words, kind="text/event-stream", pause=0.03))
    session = made(server)

    async def main():
        deltas = session.aio.stream("hi")
        await anext(deltas)
        await deltas.aclose()

    asyncio.run(main())
    assert session.last.interrupted
    assert server.hung_up.wait(1)


def test_two_awaited_streams_have_a_reply_each(loopback, made):
    """Side by side, each tells its own, and one that was left what came of it."""

    def answer(seen):
        prompt = seen.body["messages"][-1]["content"]
        return streamed("to", " ", prompt, pause=60 if prompt == "three" else 0.01)

    session = made(loopback(answer))

    async def listen(prompt):
        stream = session.aio.stream(prompt)
        text = "".join([delta.text async for delta in stream])
        return text, stream.reply

    async def main():
        both = await asyncio.gather(listen("one"), listen("two"))
        left = session.aio.stream("three")
        await anext(left)
        await left.aclose()
        return both, left.reply

    both, left = asyncio.run(main())
    assert [text for text, _reply in both] == ["to one", "to two"]
    assert [(reply.text, reply.interrupted) for _text, reply in both] == [
        ("to one", False),
        ("to two", False),
    ]
    assert (left.text, left.interrupted) == ("to", True)


def test_errors_come_through_the_twins(loopback, made):
    """An awaited stream fails as the other does."""
    session = made(loopback(BROKEN["cut"]))

    async def main():
        async for _delta in session.aio.stream("hi"):
            pass

    with pytest.raises(StreamError) as caught:
        asyncio.run(main())
    assert caught.value.reply.text == "half"


def test_models_are_what_the_endpoint_lists(loopback, made):
    """For scripts that wait and scripts that await."""
    session = made(loopback(Answer([b'{"data": [{"id": "a"}]}'])))
    assert session.models() == [{"id": "a"}]
    assert asyncio.run(session.aio.models()) == [{"id": "a"}]


def test_preparing_sends_nothing(loopback, made):
    """The request, its layers and the advice, before anything is paid."""
    server = loopback()
    session = made(server, temperature=0.5, system="Be {{ y }}.")
    ready = session.prepare(
        "{{ x }} {y}",
        names={"x": "{{ y }}", "y": "secret"},
        top_p=0.9,
        param=[("best_of", 2)],
        timeout=7,
    )
    assert ready.request.body == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be {{ y }}."},
            {"role": "user", "content": "{{ y }} {y}"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "best_of": 2,
    }
    assert [key for key, _facts in ready.advice] == [
        "temperature_top_p",
        "unknown_param",
    ]
    assert ready.timeout == 7
    assert ready.resolved.layer("temperature") == "session"
    assert session.prepare(ready) is ready
    assert server.seen == []
    assert session.ask(ready).request == ready.request
    assert len(server.seen) == 1


def test_without_names_nothing_is_a_template(loopback, made):
    """A script's prompt is sent as it is."""
    ready = made(loopback()).prepare("{{ x }} {% y %}")
    assert ready.request.prompt == "{{ x }} {% y %}"


def test_messages_may_be_a_conversation(loopback, made):
    """A system prompt stands before them."""
    talk = [Message("user", "a"), Message("assistant", "b"), Message("user", "c")]
    ready = made(loopback(), system="s").prepare(talk)
    roles = [message.role for message in ready.request.messages]
    assert roles == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("prompt", "given", "kind"),
    [
        ("", {}, UsageError),
        ("hi", {"temperature": 3}, ParameterError),
        ("hi", {"temprature": 1}, OptionError),
        ("hi", {"timeout": -1}, OptionError),
        ("hi", {"param": [("seed", 1)]}, ParameterError),
        ("{{ x", {"names": {}}, TemplateError),
        ("hi", {"profile": "nobody"}, SettingError),
        ("half \ud800", {}, UsageError),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(loopback, made, prompt, given, kind):
    """A wrong request reaches no server."""
    server = loopback()
    session = made(server)
    with pytest.raises(kind):
        session.ask(prompt, **given)
    assert server.seen == []


def test_settings_of_a_session_are_checked():
    """A slip in the call is told with the nearest name."""
    with pytest.raises(SettingError, match="temperature"):
        Session(temprature=1)
    with pytest.raises(ParameterError):
        Session(temperature=3)


def cut(text: str = "one two", finish: str | None = "length") -> Answer:
    """An answer that was cut."""
    return Answer(completion(text, finish_reason=finish).pieces)


@pytest.mark.parametrize("again", [" three", "one two three"])
def test_going_on_joins_both_parts(loopback, made, again):
    """Servers that repeat the beginning and those that do not both work."""
    server = loopback(cut(), completion(again))
    session = made(server)
    session.ask("count", temperature=0)
    ready = session.go_on(max_tokens=5, temperature=None)
    reply = session.ask(ready)
    assert reply.text == "one two three"
    assert reply.finish_reason == "stop"
    assert server.seen[1].body == {
        "model": MODEL,
        "messages": [
            {"role": "user", "content": "count"},
            {"role": "assistant", "content": "one two"},
        ],
        "temperature": 0,
        "max_tokens": 5,
        "continue_final_message": True,
        "add_generation_prompt": False,
    }


def test_going_on_twice_keeps_one_beginning(loopback, made):
    """The conversation grows by text, not by turns."""
    server = loopback(cut("a"), cut("b"), completion("c"))
    session = made(server)
    session.ask("hi")
    session.ask(session.go_on())
    assert session.ask(session.go_on()).text == "abc"
    said = [m["content"] for m in server.seen[2].body["messages"]]
    assert said == ["hi", "ab"]


def test_only_what_was_cut_goes_on(loopback, made):
    """There must be a reply, and it must not have ended by itself."""
    session = made(loopback(completion("done")))
    with pytest.raises(UsageError, match="no reply"):
        session.go_on()
    session.ask("hi")
    with pytest.raises(UsageError, match="stop"):
        session.go_on()


def test_connections_are_kept_until_the_session_is_closed(loopback, made):
    """Cells share a connection; a closed session opens a new one when asked."""
    server = loopback()
    session = made(server)
    session.ask("a")
    session.ask("b", timeout=3)
    session.close()
    session.close()
    assert session.ask("c").text == "Hello."
    assert [seen.connection for seen in server.seen] == [1, 1, 2]


def test_settings_may_change_between_requests(loopback, made):
    """A new URL holds for the next request."""
    one, two = loopback(completion("one")), loopback(completion("two"))
    session = made(one)
    assert session.ask("hi").text == "one"
    session.settings.set("base_url", two.url)
    assert session.ask("hi").text == "two"


def test_what_may_pass_is_tried_as_often_as_the_setting_says(loopback, made):
    """``retries`` counts the tries after the first."""
    server = loopback(Answer([b"busy"], status=503), completion("done"))
    session = made(server)
    session.settings.set("retries", 1)
    assert session.ask("hi").text == "done"
    assert len(server.seen) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_silence_is_told_with_how_long_in_all_and_how_often(loopback, made, stream):
    """A request that met silence is sent once more, and both together are told."""
    session = made(loopback(Answer(hang=True)), timeout=0.2)
    session.settings.set("retries", 3)
    ask = (lambda said: list(session.stream(said))) if stream else session.ask
    with pytest.raises(TimedOut, match=r"nothing for 0\.2 s.* 2 times in \d") as told:
        ask("hi")
    assert told.value.tries == 2
    assert told.value.seconds > 0.4


@pytest.mark.parametrize(("status", "sent"), [(500, 2), (400, 1)])
def test_what_fails_twice_with_a_schema_alone_names_it(loopback, made, status, sent):
    """Others pass, so the schema is named, and nothing more is sent."""
    failed = Answer([b'{"error": {"message": "runner ended"}}'], status=status)
    asked = lambda seen: failed if "response_format" in seen.body else completion()  # noqa: E731
    server = loopback(asked)
    session = made(server)
    session.settings.set("retries", 4)
    session.ask("hi")
    if status == 400:
        with pytest.raises(RejectedError, match="refuses the request"):
            session.ask("one", schema={"n": "int"})
    before = len(server.seen)
    with pytest.raises(RejectedError, match=r"cannot use the schema.*runner ended"):
        session.ask("two", schema={"n": "int"})
    assert len(server.seen) - before == sent


@pytest.mark.parametrize(("status", "asked"), [(500, 1), (400, 2)])
def test_a_schema_is_doubted_where_nothing_was_answered(loopback, made, status, asked):
    """All that is known is that it failed twice; without a schema no word of one."""
    failed = Answer([b'{"error": {"message": "runner ended"}}'], status=status)
    session = made(loopback(failed))
    session.settings.set("retries", 1)
    for _ in range(asked):
        with pytest.raises(StatusError) as told:
            session.ask("one", schema={"n": "int"})
    assert "Ask without the schema" in str(told.value)
    assert "runner ended" in str(told.value)
    for _ in range(2):
        with pytest.raises(StatusError) as plain:
            session.ask("one")
    assert "schema" not in str(plain.value)


def test_who_waits_for_one_answer_is_not_held_up_by_an_outage(loopback, made):
    """A table asks one at a time while the endpoint is down; runs of a cell do not."""
    failed = Answer([b'{"error": {"message": "no"}}'], status=500)
    session = made(loopback(failed))
    swept = session.sweep("hi", {"seed": range(20)}, retries=1)
    assert all(isinstance(trial.error, ServerError) for trial in swept.trials)
    resolved = session.settings.resolve({})
    limiter = session.pool.limiter(session.endpoint(), resolved)
    assert limiter.paused == 0
    assert limiter.window.size > 20


def test_a_schema_that_was_answered_is_not_blamed(loopback, made):
    """What fails for one prompt alone is told as it is."""
    failed = Answer([b'{"error": {"message": "no"}}'], status=500)
    session = made(loopback(completion('{"n": 7}'), failed))
    session.ask("one", schema={"n": "int"})
    with pytest.raises(ServerError, match="Try again later"):
        session.ask("two", schema={"n": "int"}, retries=2)


@pytest.mark.skipif(
    importlib.util.find_spec("wcode_magics.sandbox") is None, reason="no sandbox"
)
@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_session_is_bound_to_its_process(act):
    """It cannot be pickled or copied, and says so in a line; no repr has its key."""
    with Session(api_key="sk-0123456789abcdef") as session:
        for held in (session, session.aio, [session]):
            assert "0123456789abcdef" not in repr(held)
        with pytest.raises(UsageError, match="a Session holds connections"):
            act(session)
        with pytest.raises(UsageError, match="a Session holds connections"):
            pickle.dumps({"answers": session.aio})


def test_without_a_key_the_sandbox_answers():
    """A newcomer gets an answer, marked as the sandbox's and free."""
    with Session() as session:
        reply = session.ask("你好", seed=1, max_tokens=20)
        assert isinstance(reply, Reply)
        assert reply.text
        assert reply.source == "sandbox"
        assert reply.cost == 0
        with session.stream("hello", seed=1, max_tokens=20) as stream:
            assert "".join(delta.text for delta in stream) == stream.reply.text
