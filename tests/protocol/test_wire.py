"""The whole wire: whatever a server sends is an answer or an error in one line.

Bytes are read, kept, read again from the store and drawn, as a cell does with them.
"""

import copy
import json
import math
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.loopback import DONE, USAGE, sse
from wcode_magics.display import reply_bundles
from wcode_magics.errors import WcodeError
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.stream import AnswerReader
from wcode_magics.store.row import StoredAnswer, readable, replayed

pytestmark = pytest.mark.timeout(900)  # thousands of examples, on any machine

ASKED = {"logprobs": True, "top_logprobs": 2}
REQUEST = Request("m", (Message("user", "hi"),), ASKED)
TOKEN = {"token": "He", "logprob": -0.1, "bytes": [72, 101]}
CHOICE = {
    "index": 0,
    "finish_reason": "stop",
    "logprobs": {
        "content": [
            {**TOKEN, "top_logprobs": [TOKEN, {**TOKEN, "token": "Ho"}]},
            {"token": "y", "logprob": -1, "bytes": [121], "top_logprobs": []},
        ]
    },
}
SAID = {
    "role": "assistant",
    "content": "Hey",
    "reasoning_content": "hm",
    "refusal": None,
    "tool_calls": [
        {"index": 0, "id": "a", "type": "function",
         "function": {"name": "f", "arguments": '{"x": 1}'}},
    ],
}  # fmt: skip
COUNTED = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
    "cost": 0.1,
}
BODY = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "system_fingerprint": "f",
    "choices": [{**CHOICE, "message": SAID}],
    "usage": COUNTED,
}
CHUNK = {**BODY, "choices": [{**CHOICE, "delta": SAID}]}

LETTERS = st.characters(exclude_categories=())  # halves of characters too
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 2**63, 50_000_000])
    | st.floats()
    | st.text(LETTERS, max_size=6)
    | st.sampled_from(["<think>", "</think>\n", "\ud83d", "\ude00", "[DONE]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "content", "token", "error", "message", "type"])
            | st.text(LETTERS, max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
CUTS = st.lists(st.integers(0, 10_000), max_size=6)


def paths(value, path=()):
    """The way to every field and item of a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield from paths(inner, (*path, key))


def put(value, path, odd):
    """A copy of a JSON value with another one at ``path``."""
    if not path:
        return odd
    made = copy.deepcopy(value)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = odd
    return made


def changed(good):
    """A payload with an odd value in one or two of its fields."""
    places = st.sampled_from([*paths(good)][1:])
    once = st.builds(put, st.just(good), places, ODD)
    shallow = st.sampled_from([path for path in paths(good) if len(path) == 1])
    return once | st.builds(put, once, shallow, ODD)


def chunked(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes cut at places."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(places)]


def read(chunks: list[bytes]) -> Reply:
    """The reply of the bytes of an answer, as far as it came."""
    reader, assembly = AnswerReader(), Assembly(REQUEST)
    try:
        for chunk in chunks:
            for delta in reader.feed(chunk):
                assembly.add(delta)
        for delta in reader.close():
            assembly.add(delta)
    except WcodeError as error:
        told = str(error)
        told.encode()
        if "\n" in told:
            raise AssertionError(told) from error
    return assembly.reply()


def use(reply: Reply) -> None:
    """Do all that a cell does with a reply."""
    for text in (reply.text, reply.reasoning or "", reply.model, str(reply)):
        text.encode()
    for call in reply.tool_calls:
        f"{call.id}{call.name}{call.arguments}".encode()
    kept = StoredAnswer(reply, "http://x", 1.0).answer()
    assert readable(reply.request.hash, kept) == kept
    if reply.is_whole:
        again = replayed(reply.request, kept)
        assert (again.text, again.tokens) == (reply.text, reply.tokens)
    for bundle in (
        reply_bundles.reply_bundle(reply),
        reply_bundles.reply_bundle(reply, "text"),
    ):
        json.dumps(bundle, ensure_ascii=False).encode()
    json.dumps(reply_bundles.reply_metadata(reply), allow_nan=False)
    if reply.logprobs is not None:
        assert not math.isnan(reply.logprobs.sum)
        for position in reply.logprobs.positions:
            assert math.fsum(position.shares) <= 1 + 1e-9
            assert position.entropy_bounds(reply.logprobs.vocabulary)


def fuzz(examples):
    """Many examples, with nothing else in the way of them."""
    slow = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ]
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=slow
    )


@given(changed(BODY), CUTS)
@fuzz(2_000)
def test_any_value_in_any_field_of_an_answer(payload, cuts):
    """A whole answer, its bytes cut anywhere."""
    use(read(chunked(json.dumps(payload).encode(), cuts)))


@given(st.lists(changed(CHUNK), min_size=1, max_size=3), CUTS)
@fuzz(2_000)
def test_any_value_in_any_field_of_a_stream(payloads, cuts):
    """Events with odd fields, their bytes cut anywhere."""
    events = b"".join(map(sse_of, payloads)) + DONE
    use(read(chunked(events, cuts)))


@given(st.lists(ODD, max_size=4), CUTS)
@fuzz(1_000)
def test_any_json_in_place_of_an_answer(payloads, cuts):
    """Whole or streamed, of whatever form."""
    use(read(chunked(b"".join(map(sse_of, payloads)), cuts)))
    use(read(chunked("\n".join(map(json.dumps, payloads)).encode(), cuts)))


LINES = [
    b"data: ", b"data:", b"event: error", b"error: ", b": ping", b"\n", b"\r", b"\r\n",
    b"\n\n", b"{", b"}", b"[DONE]", b"\xef\xbb\xbf", b"\xff", b"\xf0\x9f", b"<html>",
    sse(CHUNK), sse({"error": {"message": "no"}}), USAGE, DONE,
    json.dumps(BODY).encode(),
]  # fmt: skip


@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=12), max_size=12), CUTS)
@fuzz(1_500)
def test_any_bytes_at_all(parts, cuts):
    """Pieces of good answers and of bad ones, and anything between."""
    use(read(chunked(b"".join(parts), cuts)))


@pytest.mark.parametrize("depth", [100, 5_000])
@pytest.mark.parametrize("path", [("x",), ("usage",), ("choices", 0, "logprobs")])
def test_depth_in_a_part_beside_the_text_costs_that_part_alone(path, depth):
    """A field nested without end is left out; the text is there."""
    body = json.dumps(put(BODY, path, "DEEP"))
    deep = "[" * depth + "]" * depth
    reply = read([body.replace('"DEEP"', deep).encode()])
    assert reply.text == "Hey"


@pytest.mark.parametrize("path", [("created",), ("usage", "prompt_tokens")])
def test_a_number_without_end_costs_itself_alone(path):
    """Python reads no integer of more than 4,300 digits."""
    body = json.dumps(put(BODY, path, "HUGE")).replace('"HUGE"', "9" * 10_000)
    reply = read([body.encode()])
    assert reply.text == "Hey"
    assert (reply.usage is None) == (path[0] == "usage")


def sse_of(payload):
    """An event as servers in Python write it, NaN and halves of characters too."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"
