"""What gateways send in place of the documented answer, read for what it means."""

import math
from typing import Any

import pytest

from tests.loopback import event, sse
from tests.protocol.test_servers import http
from tests.sending.test_client import bare, run
from wcode_magics.display import reply_bundles
from wcode_magics.display.answer_notes import badge
from wcode_magics.errors import AuthenticationError, WcodeError
from wcode_magics.output.escaping import FADED
from wcode_magics.protocol import finish_reasons
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.finish_reasons import WORDS, finish
from wcode_magics.protocol.messages import Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.stream import AnswerReader
from wcode_magics.sending.outcome import ending_of

DONE = b"data: [DONE]\n\n"
REQUEST = Request("m", (Message("user", "hi"),))
ENDINGS = {
    "stop": "ok",
    "length": "truncated",
    "content_filter": "refused",
    "tool_calls": "ok",
    finish_reasons.FAILED: "truncated",
    "": "truncated",
}
ROWS = [(ours, theirs) for ours, row in WORDS.items() for theirs in row]


def reply(*events: bytes) -> Reply:
    """The reply of a stream, cut into pieces of seven bytes."""
    reader, assembly = AnswerReader(), Assembly(REQUEST)
    data = b"".join(events)
    for at in range(0, len(data), 7):
        for delta in reader.feed(data[at : at + 7]):
            assembly.add(delta)
    for delta in reader.close():
        assembly.add(delta)
    return assembly.reply()


@pytest.mark.parametrize(("ours", "theirs"), ROWS)
def test_an_end_means_the_same_in_any_words(ours: str, theirs: str) -> None:
    """Streamed or whole, in any case; what was cut or filtered is no good row."""
    for word in (theirs, theirs.upper(), f"FinishReason.{theirs.upper()}"):
        answer = reply(event({"content": "hi"}), event({}, word), DONE)
        assert answer.text == "hi"
        assert answer.finish_reason == (
            ours if ours != finish_reasons.FAILED else None
        ) or (answer.finish_reason is None and not ours)
        assert ending_of(answer) == ENDINGS[ours]
        assert bool(badge(answer)) == (ours != "stop")


def test_a_word_has_one_meaning() -> None:
    """No word stands in two rows; one that stands in none is kept and shown."""
    assert len({theirs for _ours, theirs in ROWS}) == len(ROWS)
    answer = reply(event({"content": "hi"}), event({}, "oddly"), DONE)
    assert answer.finish_reason == "oddly"
    assert "oddly" in badge(answer)
    assert finish(None) is None


@pytest.mark.parametrize("end", [1, True, 2.5, ["stop"], {"reason": "stop"}])
def test_an_end_that_is_no_word_is_no_end(end: Any) -> None:
    """It is named as unread, and the answer is not called whole."""
    answer = reply(event({"content": "hi"}), event({}, end), DONE)
    assert (answer.text, answer.finish_reason) == ("hi", None)
    assert answer.unread == ("finish_reason",)


def test_an_upstream_that_failed_is_not_confirmed_over_a_socket() -> None:
    """Zhipu's ``network_error`` behind a text: the cell says that it broke off."""
    events = event({"content": "Paris"}) + event({}, "network_error") + DONE

    async def work(client: Any) -> list[Any]:
        return [delta async for delta in client.stream(REQUEST)]

    with (
        bare(http(events.decode(), "text/event-stream")) as url,
        pytest.raises(WcodeError) as caught,
    ):
        run(work, url)
    assert caught.value.key == "stream_cut"


SAID, ENDED = event({"content": "hi"}), event({}, "stop")
COUNTED = {"prompt_tokens": 12, "completion_tokens": 3}
USAGES = {
    "names of Anthropic's": [sse({"usage": {"input_tokens": 12, "output_tokens": 3}})],
    "Groq's own part": [sse({"choices": [], "x_groq": {"usage": COUNTED}})],
    "in the choice (Moonshot)": [event({}, None, usage=COUNTED)],
    "texts": [sse({"usage": {"prompt_tokens": "12", "completion_tokens": "3"}})],
    "floats": [sse({"usage": {"prompt_tokens": 12.0, "completion_tokens": 3.0}})],
    "a total in place of one": [
        sse({"usage": {"prompt_tokens": 12, "total_tokens": 15}})
    ],
    "a total in place of the other": [
        sse({"usage": {"completion_tokens": 3, "total_tokens": 15}})
    ],
    "zeros before and after": [
        sse({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
        sse({"usage": COUNTED}),
        sse({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
    ],
    "null behind it": [sse({"usage": COUNTED}), sse({"choices": [], "usage": None})],
    "in every event": [
        sse({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 1}}),
        sse({"choices": [], "usage": COUNTED}),
    ],
}


@pytest.mark.parametrize("events", USAGES.values(), ids=USAGES)
def test_usage_is_found_where_it_stands(events: list[bytes]) -> None:
    """By any of its names, in any of its places, and never overwritten by nothing."""
    assert reply(SAID, ENDED, *events, DONE).usage == Usage(12, 3)


def test_what_counts_nothing_is_no_count() -> None:
    """Zeros alone, or numbers below zero, are no usage of an answer."""
    zeros = {"prompt_tokens": 0, "completion_tokens": 0}
    below = {"prompt_tokens": 12, "total_tokens": 3}
    for usage in (zeros, below, {"total_tokens": 15}):
        assert reply(SAID, ENDED, sse({"usage": usage}), DONE).usage is None


CALL = {"index": 0, "id": "a", "type": "function"}
CALLS = {
    "an object in place of a list": {
        "tool_calls": {**CALL, "function": {"name": "f", "arguments": '{"x": 1}'}}
    },
    "arguments as an object": {
        "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {"x": 1}}}]
    },
    "parameters": {
        "tool_calls": [{**CALL, "function": {"name": "f", "parameters": {"x": 1}}}]
    },
    "no function around it": {
        "tool_calls": [{**CALL, "name": "f", "input": {"x": 1}}]
    },
}  # fmt: skip


@pytest.mark.parametrize("delta", CALLS.values(), ids=CALLS)
def test_a_call_is_read_in_any_form(delta: dict[str, Any]) -> None:
    """Its name and its arguments, as JSON text."""
    (call,) = reply(event(delta), event({}, "tool_use"), DONE).tool_calls
    assert (call.id, call.name, call.arguments) == ("a", "f", '{"x": 1}')


@pytest.mark.parametrize(
    "field", ["reasoning_content", "reasoning", "thinking", "reasoning_text"]
)
def test_thinking_comes_in_its_own_field(field: str) -> None:
    """It is kept apart, with the field that it came in."""
    answer = reply(event({field: "hm"}), SAID, ENDED, DONE)
    assert (answer.text, answer.reasoning) == ("hi", "hm")
    assert answer.reasoning_field == field


BETWEEN = [
    b"data: ping\n\n",
    b"data: heartbeat\n\n",
    b"data: keep-alive\n\n",
    b"data: : OPENROUTER PROCESSING\n\n",
    b"data: : keep-alive\n\n",
    b": ping - 2026-01-01\n\n",
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b"data: null\n\n",
    b"data:\n\n",
]


@pytest.mark.parametrize("idle", BETWEEN)
def test_what_keeps_a_connection_open_is_no_answer(idle: bytes) -> None:
    """As a comment, and as the data that servers make of it."""
    answer = reply(idle, SAID, idle, ENDED, idle, DONE)
    assert (answer.text, answer.finish_reason) == ("hi", "stop")


@pytest.mark.parametrize(
    "end",
    [
        b"data: [done]\n\n",
        b'data: "[DONE]"\n\n',
        b"data: data: [DONE]\n\n",
        b"data:[DONE] \n\n",
        DONE * 3,
        DONE + event({"content": "more"}),
    ],
)
def test_done_is_the_end_in_any_form(end: bytes) -> None:
    """What stands behind it is not read."""
    answer = reply(SAID, ENDED, end)
    assert (answer.text, answer.finish_reason) == ("hi", "stop")


def test_an_event_within_an_event_is_read() -> None:
    """A gateway that frames what was framed already."""
    twice = b"".join(b"data: " + one for one in (SAID, ENDED, DONE))
    answer = reply(twice)
    assert (answer.text, answer.finish_reason) == ("hi", "stop")


@pytest.mark.parametrize(
    ("said", "logprob"),
    [
        ("-0.5", -0.5),
        ("-inf", -math.inf),
        ("-Infinity", -math.inf),
        (-9999.0, -9999.0),
        (None, -math.inf),
    ],
)
def test_a_log_probability_may_be_a_text(said: Any, logprob: float) -> None:
    """JSON has no infinity, so servers spell it."""
    token = {"token": "hi", "logprob": said, "bytes": None, "top_logprobs": []}
    told = event({"content": "hi"}, "stop", logprobs={"content": [token]})
    answer = reply(told, DONE)
    assert [one.logprob for one in answer.tokens] == [logprob]
    assert answer.unread == ()


def test_minimax_says_that_a_login_failed() -> None:
    """A status of 200, and its own part with a code."""
    said = "login fail: Please carry the API secret key in the 'Authorization' field"
    told = {"base_resp": {"status_code": 1004, "status_msg": said}}
    with pytest.raises(AuthenticationError, match="login fail"):
        reply(sse(told))


def test_a_warning_is_as_readable_as_the_text() -> None:
    """It is not faded as the small print beside it is."""
    shown = str(
        reply_bundles.reply_bundle(reply(SAID, event({}, "length"), DONE))["text/html"]
    )
    before = shown[: shown.index("cut off at max_tokens")]
    around = before.rpartition("<div")[2]
    assert FADED not in around
    assert FADED in shown[len(before) :]
