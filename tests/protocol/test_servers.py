"""Answers as real servers and gateways sent them, over a socket, byte for byte."""

import json
import math

import pytest

from tests.sending.test_client import REQUEST, bare, run, send, stream
from wcode_magics.errors import CreditError, ServerError, StreamError, WcodeError
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request


def http(body: str, kind: str = "application/json", status: str = "200 OK") -> bytes:
    """An answer that ends with its connection."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def events(*payloads: object) -> str:
    """A stream of events, and no more."""
    return "".join(f"data: {json.dumps(payload)}\n\n" for payload in payloads)


def kept(answer: bytes) -> Reply:
    """The reply of an answer, asked for whole."""
    with bare(answer) as url:
        delta = send(url, attempts=1)
    assembly = Assembly(Request("m", (Message("user", "hi"),)))
    assembly.add(delta)
    return assembly.reply()


def entry(token: str, logprob: float, raw: list[int], *top: object) -> dict:
    """A token as llama.cpp and Ollama list it."""
    made = {"token": token, "logprob": logprob, "bytes": raw}
    return {**made, "top_logprobs": [*top]} if top else made


def answered(text: str, *tokens: object, counted: int = 1) -> bytes:
    """A whole answer with its tokens."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
        "logprobs": {"content": [*tokens]},
    }
    usage = {
        "prompt_tokens": 28,
        "completion_tokens": counted,
        "prompt_tokens_details": {"cached_tokens": 27},
    }
    return http(json.dumps({"choices": [choice], "usage": usage}))


BROKEN = {
    "dropped after the request": b"",
    "cut inside the head": b"HTTP/1.1 200 OK\r\nContent-Type: appl",
    "cut inside the body": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b'Content-Length: 500\r\n\r\n{"choices":[{"ind',
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("call", [send, stream])
def test_a_dropped_answer_may_have_been_paid(answer, call):
    """It is no missing connection: the server had the request."""
    with bare(answer) as url, pytest.raises(StreamError) as caught:
        call(url, attempts=1)
    assert caught.value.key == "connection_cut"
    assert "base_url" not in str(caught.value)


def test_express_tells_its_error():
    """``{"error": "SyntaxError", "message": …}``."""
    said = "Bad control character in string literal in JSON at position 169"
    body = json.dumps({"error": "SyntaxError", "message": said, "status": 500})
    answer = http(body, status="500 Internal Server Error")
    with bare(answer) as url, pytest.raises(ServerError, match=said):
        send(url, attempts=1)


def test_a_trimmed_answer_keeps_the_first_token():
    """The server took the blank off the text, and not off its first token."""
    yes, no = [32, 89, 101, 115], [32, 78, 111]
    top = entry(" Yes", -0.1, yes), entry(" No", -2.4, no)
    reply = kept(answered("Yes", entry(" Yes", -0.1, yes, *top)))
    assert reply.logprobs.places == [(0, 3)]
    assert reply.logprobs.sum == pytest.approx(-0.1)
    found = reply.confidence(labels=["Yes", "No"])
    assert found.masses["Yes"] == pytest.approx(math.exp(-0.1))
    assert found.masses["No"] == pytest.approx(math.exp(-2.4))


def test_a_label_in_quotes_that_was_trimmed_counts_from_its_first_token():
    """llama.cpp, an enum in Chinese: blanks before and behind, and a stop token."""
    tokens = [
        entry(' "', -6.5, [32, 34]),
        entry("中", -7.0, [*"中".encode()]),
        entry("性", -7.1, [*"性".encode()]),
        entry('"', -6.6, [34]),
        entry(" ", -4.2, [32]),
        entry("", -4.5, []),
    ]
    reply = kept(answered('"中性"', *tokens, counted=6))
    assert reply.logprobs.places == [(0, 1), (1, 4), (4, 7), (7, 8), None, None]
    assert reply.logprobs.sum == pytest.approx(-27.2)
    assert reply.confidence().logprob == pytest.approx(-27.2)
    assert reply.usage == Usage(28, 6, cached_tokens=27)


def test_the_last_byte_of_a_character_is_not_the_character():
    """llama.cpp lists the token that completes it; 北 is not certain for that."""
    last = entry("\ufffd", -0.0004, [0x97]), entry("\ufffd", -8.0, [0x99])
    token = entry("北", -0.0004, [*"北".encode()], *last)
    found = kept(answered("北", token, counted=4)).logprobs
    assert found.positions[0].incomplete
    assert found.unlisted == 3
    assert len(found.notes()) == 2


def test_text_that_was_held_back_is_told():
    """Ollama lists ``<h`` with the number of ``h``, which is its own entry."""
    top = entry("h", -1.5, [104]), entry("p", -1.9, [112])
    (position,) = kept(
        answered("<h", entry("<h", -1.5, [60, 104], *top))
    ).logprobs.positions
    assert [other.token for other in position.alternatives] == ["h", "p"]
    assert position.sampled == 0
    assert position.incomplete


ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]}
CONTENT = {"choices": [{"index": 0, "delta": {"content": "{"}}]}


def test_an_error_in_the_middle_keeps_the_servers_words():
    """llama.cpp, with an answer that its own grammar refuses."""
    said = "The model produced output that does not match the expected format"
    error = {"error": {"code": 500, "message": said, "type": "server_error"}}
    answer = http(events(ROLE, CONTENT, error), "text/event-stream")
    with bare(answer) as url, pytest.raises(ServerError, match=said):
        stream(url, attempts=1)


def test_an_error_line_is_an_error():
    """llama.cpp's own field beside ``data``."""
    said = "the request exceeds the available context size"
    line = json.dumps({"code": 400, "message": said, "type": "invalid_request_error"})
    for answer in (
        f"error: {line}\n\ndata: [DONE]\n\n",
        f"event: error\ndata: {line}\n\n",
        f'{{"error": {line}}}\n',
        events(ROLE) + f'{{"error": {line}}}\n\n',
    ):
        kind = "text/event-stream"
        with bare(http(answer, kind)) as url, pytest.raises(WcodeError, match=said):
            stream(url, attempts=1)


def test_an_error_after_the_role_is_no_answer():
    """lm-proxy: an upstream's refusal, as a Python repr beside a finish reason."""
    inner = "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"
    said = repr({"message": inner, "type": "APIStatusError"})
    failed = {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}
    error = {**failed, "error": {"message": said, "type": "dict"}}
    answer = http(events(ROLE, error, failed) + "data: [DONE]\n\n", "text/event-stream")
    with bare(answer) as url, pytest.raises(CreditError, match="Insufficient Balance"):
        stream(url, attempts=1)


def test_done_behind_a_cut_is_not_confirmed():
    """one-api ends what broke upstream as if it were whole."""
    pieces = [{"choices": [{"index": 0, "delta": {"content": t}}]} for t in ("a", "b")]
    answer = http(events(ROLE, *pieces) + "data: [DONE]\n\n", "text/event-stream")

    async def work(client):
        return [delta async for delta in client.stream(REQUEST)]

    with bare(answer) as url:
        deltas = run(work, url)
    assert "".join(delta.text for delta in deltas) == "ab"
    assert deltas[-1].unconfirmed
