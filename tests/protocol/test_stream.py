"""Streams: the same deltas under any chunking, and every odd shape that was seen."""

import json
import math
import time
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.loopback import DONE, USAGE, event, sse
from wcode_magics.errors import (
    AnswerError,
    ContextError,
    RateLimitError,
    ServerError,
    StatusError,
    WcodeError,
)
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.lenient_json import decode
from wcode_magics.protocol.messages import Delta, Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.stream import AnswerReader, EventDecoder
from wcode_magics.protocol.thinking import MARKS

REQUEST = Request("asked", (Message("user", "hi"),))


def events(*chunks: bytes) -> list[str]:
    """What the decoder makes of chunks."""
    decoder = EventDecoder()
    found = [each for chunk in chunks for each in decoder.feed(chunk)]
    return [each.data for each in [*found, *decoder.close()]]


def deltas(*chunks: bytes) -> list[Delta]:
    """The deltas of chunks."""
    reader = AnswerReader()
    found = [delta for chunk in chunks for delta in reader.feed(chunk)]
    return [*found, *reader.close()]


def whole(body: str) -> Delta:
    """The delta of a body that came whole."""
    (delta,) = deltas(body.encode())
    return delta


def reply(*chunks: bytes) -> Reply:
    """The reply of chunks."""
    assembly = Assembly(REQUEST)
    for delta in deltas(*chunks):
        assembly.add(delta)
    return assembly.reply()


def chunked(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream cut at places."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(places)]


STREAM = b"".join(
    [
        b"\xef\xbb\xbf: hello\n\n",
        event({"role": "assistant", "content": ""}),
        event({"content": "你好，"}),
        b": ping\r\n\r\n",
        event({"content": "世界 🌍\r\n"}).replace(b"\n", b"\r\n"),
        event({"content": "e\u0301\u2028"}).replace(b"\n", b"\r"),
        b"event: message\nid: 7\nretry: 10\n" + event({"content": "!"}),
        b'data: {"choices":\ndata: [{"index":0,"delta":{"content":"?"}}]}\n\n',
        event({}, "stop"),
        USAGE,
        DONE,
    ]
)
TEXT = "你好，世界 🌍\r\ne\u0301\u2028!?"


@given(st.lists(st.integers(0, 10_000), max_size=40))
@settings(deadline=None)
def test_any_chunking_gives_the_same_deltas(cuts):
    """Where the network cuts the bytes does not matter."""
    assert deltas(*chunked(STREAM, cuts)) == deltas(STREAM)


def test_byte_by_byte_gives_the_whole_text():
    """The smallest chunks lose nothing, in the middle of characters and line ends."""
    answer = reply(*(bytes([byte]) for byte in STREAM))
    assert answer.text == TEXT
    assert answer.finish_reason == "stop"
    assert answer.usage == Usage(10, 5)


@given(
    st.lists(st.text(), min_size=1),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(0, 10_000), max_size=10),
)
@settings(deadline=None)
def test_any_texts_arrive_with_any_line_end(texts, end, cuts):
    """LF, CRLF and CR end lines; only a mark of reasoning is no text."""
    assume(not "".join(texts).lstrip().startswith(tuple(mark for mark, _ in MARKS)))
    stream = b"".join(event({"content": text}) for text in texts).replace(b"\n", end)
    assert reply(*chunked(stream, cuts)).text == "".join(texts)


@given(st.binary(), st.lists(st.integers(0, 10_000), max_size=10))
def test_any_bytes_at_all_decode_without_failing(garbage, cuts):
    """A broken server never breaks the decoder, however its bytes are cut."""
    assert events(*chunked(garbage, cuts)) == events(garbage)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"\n\n\n", []),
        (b": comment\n\n", []),
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data\n\n", [""]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a", ["a"]),
        (b"data: a\n", ["a"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"event: x\nid: 1\nretry: 5\n\n", []),
        (b"dat: a\n data: b\n\n", []),
        (b"data: a:b: c\n\n", ["a:b: c"]),
        (b"data: \xff\n\n", ["\ufffd"]),
    ],
)
def test_events_are_read_as_the_standard_says(stream, expected):
    """Fields, comments, joins, the mark at the beginning and a missing last line."""
    assert events(stream) == expected


LOGPROBS = {
    "content": [
        {
            "token": "x",
            "logprob": -0.5,
            "bytes": [120],
            "id": 7,
            "top_logprobs": [
                {"token": "y", "logprob": -9999.0, "bytes": None},
                {"token": "", "logprob": None},
            ],
        },
        {"token": "", "bytes": [], "logprob": -1, "top_logprobs": []},
        {"token": "z", "logprob": -2},
    ],
    "refusal": None,
}
PIECES = [
    {"tool_calls": [{"index": 0, "id": "a", "type": "function",
                     "function": {"name": "f"}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]},
    {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g",
                                                         "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "id": None, "function": {"name": None,
                                                          "arguments": ": 1}"}}]},
    {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
]  # fmt: skip
TWO = {"choices": [{"index": 1, "delta": {"content": "no"}},
                   {"index": 0, "delta": {"content": "yes"}}]}  # fmt: skip
EXTRAS = {"choices": [{"index": 0, "delta": {"content": "yes", "reasoning": "…",
                                             "annotations": [], "function_call": None},
                       "stop_reason": None, "finish_reason": "stop"}],
          "timings": {"n": 1}, "prompt_tokens_details": None, "created": None,
          "usage": None, "system_fingerprint": ""}  # fmt: skip

SHAPES = {
    "no DONE": ([event({"content": "yes"}), event({}, "stop")], "yes", "stop"),
    "text in the finish chunk": ([event({"content": "yes"}, "stop")], "yes", "stop"),
    "only a role first": ([event({"role": "assistant"}), event({"content": "yes"})],
                          "yes", None),
    "content null first": ([event({"role": "assistant", "content": None}),
                            event({"content": "yes"})], "yes", None),
    "delta null": ([event(None), event({"content": "yes"}), event(None, "stop")],
                   "yes", "stop"),
    "no delta at all": ([sse({"choices": [{"index": 0}]}), event({"content": "yes"})],
                        "yes", None),
    "no index": ([sse({"choices": [{"delta": {"content": "yes"}}]})], "yes", None),
    "index null": ([sse({"choices": [{"index": None, "delta": {"content": "yes"}}]})],
                   "yes", None),
    "choices empty": ([sse({"choices": []}), event({"content": "yes"})], "yes", None),
    "choices null": ([sse({"choices": None}), event({"content": "yes"})], "yes", None),
    "no choices": ([sse({"id": "x"}), event({"content": "yes"})], "yes", None),
    "index 1 first": ([sse(TWO)], "yes", None),
    "only index 1": ([event({"content": "yes"}),
                      sse({"choices": [TWO["choices"][0]]})], "yes", None),
    "pings": ([b": ping - now\n\n", event({"content": "y"}), b": ping\n\n",
               event({"content": "es"})], "yes", None),
    "held-back characters": ([event({}, logprobs=LOGPROBS), event({"content": "yes"})],
                             "yes", None),
    "extra keys": ([sse(EXTRAS)], "yes", "stop"),
    "content parts": ([event({"content": [{"type": "text", "text": "yes"}, 5]})],
                      "yes", None),
    "finish reason empty": ([event({"content": "yes"}, "")], "yes", None),
    "control characters": ([b'data: {"choices":[{"delta":{"content":"a\tb"}}]}\n\n'],
                           "a\tb", None),
    "nothing": ([], "", None),
    "only DONE": ([DONE], "", None),
}  # fmt: skip
"""Streams that real servers sent: chunks, the text, the finish reason."""


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_that_was_seen_is_read(shape):
    """vLLM, llama.cpp, llama-cpp-python, transformers and litellm all work."""
    chunks, text, finish = SHAPES[shape]
    answer = reply(*chunks)
    assert (answer.text, answer.finish_reason) == (text, finish)


@pytest.mark.parametrize(
    ("chunks", "usage"),
    [
        ([event({"content": "x"}), USAGE], Usage(10, 5)),
        ([event({"content": "x"})], None),
        ([sse({"choices": [], "usage": None})], None),
        ([sse({"choices": [], "usage": {}})], None),
        ([sse({"usage": {"prompt_tokens": 3}})], Usage(3, 0)),
        ([sse({"usage": {"prompt_tokens": "many"}})], None),
        ([sse({"usage": {"prompt_tokens": 10**30, "completion_tokens": 1}})], None),
        ([sse({"usage": {"prompt_tokens": 3, "completion_tokens": -1}})], None),
        (
            [sse({"usage": {"prompt_tokens": None, "completion_tokens": 2}})],
            Usage(0, 2),
        ),
        (
            [
                sse(
                    {
                        "choices": [{"index": 0, "delta": {}}],
                        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
                    }
                )
            ],
            Usage(1, 1),
        ),
    ],
)
def test_usage_comes_in_the_last_chunk_or_nowhere(chunks, usage):
    """Usage is found wherever it stands, and never invented."""
    assert reply(*chunks).usage == usage


def test_blanks_before_an_answer_cost_nothing():
    """Servers keep a connection open by blanks, for as long as they like."""
    blanks = [b" \r\n" * 5_000] * 4_000
    start = time.process_time()
    assert [
        one.text
        for one in deltas(*blanks, b'{"choices": [{"message": {"content": "late"}}]}')
    ] == ["late"]
    assert time.process_time() - start < 5


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_mark_of_byte_order_may_come_in_pieces(size):
    """What follows it is still told for a stream, and not held back."""
    stream = b"\xef\xbb\xbf" + event({"content": "a"})
    reader = AnswerReader()
    made = [
        one
        for at in range(0, len(stream), size)
        for one in reader.feed(stream[at : at + size])
    ]
    assert [one.text for one in made] == ["a"]


def test_tool_calls_come_in_pieces():
    """Pieces of several calls are put together by their index."""
    calls = reply(*map(event, PIECES)).tool_calls
    assert [(c.id, c.name, c.arguments) for c in calls] == [
        ("a", "f", '{"x": 1}'),
        ("b", "g", "{}"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "{}"),
        ("true", "true"),
        ('{"a', '{"a'),
        (None, ""),
        ({"甲": 1}, '{"甲": 1}'),
    ],
)
def test_arguments_are_kept_as_they_came(arguments, told):
    """Cut, odd and unquoted arguments are all kept as JSON text."""
    call = {"id": "a", "function": {"name": "f", "arguments": arguments}}
    assert reply(event({"tool_calls": [call]})).tool_calls[0].arguments == told


def test_logprobs_are_kept_as_they_came():
    """Null bytes, sentinels, empty tokens and short alternatives are all kept."""
    tokens = reply(event({}, logprobs=LOGPROBS)).tokens
    assert tokens == (
        TokenLogprob(
            "x",
            -0.5,
            b"x",
            (Alternative("y", -9999.0, None), Alternative("", -math.inf, None)),
        ),
        TokenLogprob("", -1.0, b""),
        TokenLogprob("z", -2.0),
    )


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}])
def test_logprobs_may_be_missing(logprobs):
    """A server without logprobs just has none."""
    assert reply(event({"content": "x"}, logprobs=logprobs)).tokens == ()


def test_a_refusal_is_told_apart_from_text():
    """What the model refuses is not its answer."""
    answer = reply(event({"refusal": "I "}), event({"refusal": "won't."}))
    assert (answer.text, answer.refusal) == ("", "I won't.")


def test_the_model_is_the_servers_else_the_asked_one():
    """A rewritten model name is shown; a missing one is the request's."""
    assert reply(event({"content": "x"})).model == "stub"
    assert reply(sse({"choices": [{"delta": {}}], "model": ""})).model == "asked"


@pytest.mark.parametrize(
    ("payload", "kind", "said"),
    [
        ({"error": {"message": "boom", "code": 500}}, ServerError, "boom"),
        ({"error": {"message": "boom", "code": "429"}}, RateLimitError, "boom"),
        ({"error": "a string"}, ServerError, "a string"),
        (
            {"error": {"message": "x", "code": "context_length_exceeded"}},
            ContextError,
            "x",
        ),
        ({"error": {"code": "rate_limit_exceeded"}}, RateLimitError, "(429: rate_"),
        ({"error": [1, 2]}, ServerError, ""),
        ({"error": 5}, ServerError, "5"),
        ({"error": True}, ServerError, ""),
    ],
)
def test_an_error_in_the_middle_of_a_stream_is_raised(payload, kind, said):
    """Servers send errors inside a 200 answer."""
    with pytest.raises(StatusError) as caught:
        deltas(event({"content": "x"}), sse(payload), DONE)
    assert type(caught.value) is kind
    assert said in str(caught.value)


KNOWN = (
    *("choices", "delta", "message", "content", "tool_calls", "function", "index"),
    *("logprobs", "top_logprobs", "bytes", "token", "logprob", "usage", "error"),
    *("prompt_tokens", "finish_reason", "arguments", "model", "detail", "loc"),
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KNOWN),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ODD)
@settings(deadline=None, max_examples=300)
def test_any_json_is_a_delta_or_an_error_of_ours(payload):
    """However odd an event is, nobody sees a traceback of this package."""
    for stream in (sse(payload), json.dumps(payload).encode()):
        with suppress(WcodeError):
            assert all(isinstance(delta, Delta) for delta in deltas(stream))


@pytest.mark.parametrize(
    "body", ["<html>\n<h1>Hi</h1>", "{", "nonsense", "[" * 100_000]
)
def test_what_is_not_json_is_an_error_that_shows_its_beginning(body):
    """A web page in place of the API is told as one line, and kept."""
    with pytest.raises(AnswerError) as caught:
        whole(body)
    assert "\n" not in str(caught.value)
    assert body[:5] in str(caught.value)
    assert caught.value.facts["body"] == body


@pytest.mark.parametrize("body", ["{}", '{"choices": []}', '{"choices": null}',
                                  '{"usage": {"prompt_tokens": 1}}'])  # fmt: skip
def test_an_answer_without_choices_is_an_error(body):
    """An answer must answer."""
    with pytest.raises(AnswerError, match="no choices"):
        whole(body)


@pytest.mark.parametrize("body", ["1", '"x"', "[]", '{"choices": 5}',
                                  '{"choices": [{"message": 5}]}'])  # fmt: skip
def test_an_answer_of_another_form_is_an_error(body):
    """JSON that is no chat completion is told as such."""
    with pytest.raises(AnswerError, match="chat-completions"):
        whole(body)


def test_a_whole_answer_is_one_delta():
    """The same reading serves answers that do not stream."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, call]}
    choice = {"message": message, "finish_reason": "stop", "logprobs": LOGPROBS}
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    delta = whole(json.dumps({"choices": [choice], "usage": usage}))
    assert delta.text == ""
    assert [piece.index for piece in delta.calls] == [0, 1]
    assert len(delta.tokens) == 3
    assert delta.usage == Usage(1, 2)
    assert delta.finish_reason == "stop"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("end", [b"", DONE, b"[DONE]\n"])
def test_events_that_are_bare_lines_are_read(size, end):
    """NDJSON: some servers stream an object a line, without «data:»."""
    events = event({"content": "yes "}), event({"content": "no"}), event({}, "stop")
    body = b"".join(one[6:-1] for one in (*events, USAGE)) + end
    found = reply(*(body[n : n + size] for n in range(0, len(body), size)))
    assert (found.text, found.finish_reason) == ("yes no", "stop")
    assert found.usage == Usage(10, 5)


def test_a_whole_answer_ends_with_its_last_bracket():
    """Only one that is finished: the lines of a stream may be objects too."""
    choice = {"index": 0, "message": {"content": "hi}"}}
    for end, is_whole in (("stop", True), (None, False)):
        body = json.dumps({"choices": [{**choice, "finish_reason": end}]}).encode()
        reader = AnswerReader()
        cut = body.index(b"}") + 1
        assert list(reader.feed(body[:cut])) == []
        found = list(reader.feed(body[cut:] + b"\n"))
        assert (reader.ended, len(found)) == (is_whole, is_whole)
        (delta,) = [*found, *reader.close()]
        assert (delta.text, delta.finish_reason) == ("hi}", end)


def test_a_body_full_of_brackets_is_not_parsed_for_each():
    """Not more often than its length allows."""
    reader, begun = AnswerReader(), time.process_time()
    for _ in range(20_000):
        list(reader.feed(b'{"a": {}}' * 10))
    assert time.process_time() - begun < 5


def test_raw_control_characters_are_forgiven():
    """Schema-bound answers of real servers hold them."""
    assert decode('{"a": "x\ty"}') == {"a": "x\ty"}
