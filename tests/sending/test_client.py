"""The client, over real HTTP: statuses, retries, cuts, keys, certificates."""

import asyncio
import datetime as dt
import email.utils
import gzip
import json
import re
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise

import pytest
import trustme

from tests.loopback import (
    DONE,
    Answer,
    Loopback,
    completion,
    either,
    event,
    sse,
    streamed,
)
from wcode_magics.errors import (
    AnswerError,
    AuthenticationError,
    CertificateError,
    ConnectionFailed,
    ContextError,
    CreditError,
    ForbiddenError,
    LimitError,
    ModelError,
    RateLimitError,
    RejectedError,
    ServerError,
    SettingError,
    StreamError,
    TimedOut,
    UsageError,
    WcodeError,
)
from wcode_magics.protocol import providers
from wcode_magics.protocol.messages import Delta, Endpoint, Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending import body_limits, wire
from wcode_magics.sending.attempt import Attempts, Limits
from wcode_magics.sending.body_limits import ENDING_S, MOST_BYTES, Watch
from wcode_magics.sending.client import Client
from wcode_magics.sending.retry import Retry

REQUEST = Request("m", (Message("user", "你好"),))
KEY = "sk-0123456789abcdef"


class Trying:
    """A client whose requests are tried again as those of a cell are."""

    def __init__(self, client: Client, retry: Retry) -> None:
        self._client, self._limits = client, Limits(retry=retry)
        self.models, self.aclose = client.models, client.aclose

    async def send(self, request: Request, **more) -> Delta:
        """The whole answer."""
        async for attempt in Attempts(request, self._limits):
            async with attempt:
                return await self._client.send(request, **more)
        raise AssertionError

    async def stream(self, request: Request, **more):
        """The deltas."""
        async for attempt in Attempts(request, self._limits):
            async with attempt:
                async for delta in self._client.stream(request, **more):
                    if delta.says:
                        attempt.reply = Reply("", request, "m")
                    yield delta
                return


def run(work, url: str, key: str | None = None, *, attempts=4, wait_initial=0.01):
    """Run ``await work(client)`` with a client of its own."""

    async def main():
        retry = replace(Retry.alone(attempts - 1), wait=wait_initial)
        client = Trying(Client(Endpoint(url, key)), retry)
        try:
            return await work(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


def send(url: str, key: str | None = None, *, timeout: float = 5, **more) -> Delta:
    """The whole answer."""
    return run(lambda client: client.send(REQUEST, timeout=timeout), url, key, **more)


def stream(url: str, key: str | None = None, *, timeout: float = 5, **more) -> str:
    """The text of a stream."""

    async def work(client):
        deltas = client.stream(REQUEST, timeout=timeout)
        return "".join([delta.text async for delta in deltas])

    return run(work, url, key, **more)


BOTH = pytest.mark.parametrize("call", [send, stream], ids=["send", "stream"])


def failing(status: int, message: str = "no", **headers: str) -> Answer:
    """An error answer."""
    body = json.dumps({"error": {"message": message}}).encode()
    return Answer([body], status=status, headers=headers)


@contextmanager
def bare(answer: bytes, seconds: float = 0.0) -> Iterator[str]:
    """A server that says ``answer``, whatever it is asked, and hangs up.

    It does so after some ``seconds``, or once the client has.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                    if seconds:
                        connection.settimeout(seconds)
                        with suppress(OSError):
                            connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_request_is_what_the_service_documents(loopback):
    """Path, headers and body are those of the service's own example."""
    server = loopback(completion("hi"))
    assert send(server.url, KEY).text == "hi"
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.body == REQUEST.body


def test_without_a_key_no_authorization_is_sent(loopback):
    """A local server gets no header that it does not want."""
    server = loopback()
    send(server.url)
    stream(f"{server.url}/")
    assert all("authorization" not in seen.headers for seen in server.seen)
    assert server.seen[1].path == "/v1/chat/completions"


def test_a_stream_is_read_to_its_end(loopback):
    """Deltas come in order, with usage at the end."""
    server = loopback(streamed("你", "好", "!"))

    async def work(client):
        return [delta async for delta in client.stream(REQUEST)]

    deltas = run(work, server.url)
    assert "".join(delta.text for delta in deltas) == "你好!"
    assert deltas[-1].usage == Usage(10, 5)
    assert server.seen[0].body["stream"] is True


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RejectedError),
        (401, AuthenticationError),
        (402, CreditError),
        (403, ForbiddenError),
        (404, ModelError),
        (408, RejectedError),
        (413, ContextError),
        (422, RejectedError),
        (429, RateLimitError),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
    ],
)
@BOTH
def test_every_status_is_its_own_error(loopback, call, status, kind):
    """The error tells status and the server's words, after the tries."""
    server = loopback(failing(status, "because"))
    with pytest.raises(WcodeError, match=f"{status}: because") as caught:
        call(server.url, attempts=2)
    assert type(caught.value) is kind
    passes = status in {408, 429} or status >= 500
    assert len(server.seen) == (2 if passes else 1)


@BOTH
def test_a_request_with_the_key_is_not_sent(loopback, call):
    """Whoever sends it: the client itself keeps the key out of every body."""
    server = loopback(either("done"))
    with pytest.raises(UsageError, match="contains your API key"):
        call(server.url, REQUEST.content().decode()[:20])
    assert not server.seen


@BOTH
def test_what_may_pass_is_tried_again(loopback, call):
    """A rate limit, a failure and a cut connection are got over."""
    server = loopback(failing(429), failing(503), Answer(cut=True), either("done"))
    assert str(call(server.url)).count("done") == 1
    assert len(server.seen) == 4


@BOTH
def test_waits_grow_from_try_to_try(loopback, call):
    """A server in trouble gets more and more time."""
    times: list[float] = []

    def busy(_seen):
        times.append(time.monotonic())
        return failing(503)

    server = loopback(busy)
    with pytest.raises(ServerError):
        call(server.url, attempts=4, wait_initial=0.1)
    gaps = [after - before for before, after in pairwise(times)]
    assert len(gaps) == 3
    assert gaps[0] >= 0.1
    assert gaps[1] >= 0.2
    assert gaps[2] >= 0.4


def soon() -> str:
    """A date two seconds from now, as HTTP writes it."""
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(0, 2))


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("Retry-After", lambda: "0.3", 0.3),
        ("Retry-After", soon, 0.9),
        ("llm_provider-retry-after", lambda: "0.3", 0.3),
        ("x-ratelimit-reset-requests", lambda: "0.3s", 0.3),
    ],
)
def test_the_servers_own_waiting_time_is_kept(loopback, name, value, least):
    """Seconds and dates are both understood."""
    server = loopback(failing(429, **{name: value()}), completion("hi"))
    begun = time.monotonic()
    assert send(server.url).text == "hi"
    assert time.monotonic() - begun >= least


@pytest.mark.parametrize(
    "value", ["0", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00"]
)
def test_a_waiting_time_that_is_over_is_no_wait(loopback, value):
    """A date in the past means now, whatever our own backoff says."""
    server = loopback(failing(429, **{"Retry-After": value}), completion("hi"))
    begun = time.monotonic()
    assert send(server.url, wait_initial=5).text == "hi"
    assert time.monotonic() - begun < 3


@BOTH
def test_a_waiting_time_may_stand_in_the_message_alone(loopback, call):
    """Gemini sends no header."""
    limited = failing(429, "You exceeded your current quota. Please retry in 0.6s.")
    server = loopback(limited, streamed("hi"))
    begun = time.monotonic()
    answer = call(server.url)
    assert getattr(answer, "text", answer) == "hi"
    assert time.monotonic() - begun >= 0.6


def test_the_resets_of_limits_delay_no_other_failure(loopback):
    """They are named with any response."""
    head = {"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": "99"}
    server = loopback(failing(500, **head), completion("hi"))
    begun = time.monotonic()
    assert send(server.url).text == "hi"
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("value", ["soon", "", "nan", "inf", "1e999"])
def test_a_waiting_time_that_makes_no_sense_is_ignored(loopback, value):
    """Our own backoff takes its place."""
    server = loopback(failing(429, **{"Retry-After": value}), completion("hi"))
    begun = time.monotonic()
    assert send(server.url).text == "hi"
    assert time.monotonic() - begun < 3


def test_a_waiting_time_longer_than_patience_is_an_error_at_once(loopback):
    """Nobody's cell hangs for an hour."""
    server = loopback(failing(429, **{"Retry-After": "3600"}))
    with pytest.raises(RateLimitError):
        send(server.url)
    assert len(server.seen) == 1


def test_retries_say_nothing_on_the_screen(loopback, capfd):
    """A cell shows the answer and no log lines."""
    server = loopback(failing(503), completion("hi"))
    send(server.url)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_sent_again_after_the_first_delta(loopback):
    """Half an answer is never paid for twice."""
    half = Answer([event({"content": "half"})], kind="text/event-stream", cut=True)
    server = loopback(half)
    arrived = []

    async def work(client):
        async for delta in client.stream(REQUEST):
            arrived.append(delta.text)

    with pytest.raises(StreamError):
        run(work, server.url)
    assert arrived == ["half"]
    assert len(server.seen) == 1


def test_a_stream_that_ends_without_a_finish_reason_is_cut(loopback):
    """A clean end of the bytes proves nothing."""
    pieces = [event({"content": "half"})]
    server = loopback(Answer(pieces, kind="text/event-stream"))
    with pytest.raises(StreamError, match="broke off"):
        stream(server.url)


def test_an_answer_that_ended_before_the_cut_is_whole(loopback):
    """What breaks off behind the finish reason takes nothing away."""
    pieces = [event({"content": "whole"}), event({}, "stop")]
    server = loopback(Answer(pieces, kind="text/event-stream", cut=True))
    assert stream(server.url) == "whole"
    assert len(server.seen) == 1


ENDED = event({"content": "whole"}) + event({}, "stop")


@pytest.mark.parametrize(
    "late", [sse({"error": {"message": "late", "code": 500}}), b"data: {\n\n"]
)
@BOTH
def test_a_failure_behind_the_finish_reason_takes_nothing_away(loopback, call, late):
    """Neither an error nor nonsense: the answer is whole and paid for."""
    server = loopback(Answer([ENDED, late], kind="text/event-stream"))
    answer = call(server.url)
    assert getattr(answer, "text", answer) == "whole"
    assert len(server.seen) == 1


@BOTH
def test_silence_behind_the_finish_reason_takes_nothing_away(loopback, call):
    """A server may leave a stream open once it has said all."""
    pieces = [ENDED, *[b": still here\n\n"] * 40]
    server = loopback(Answer(pieces, kind="text/event-stream", pause=0.1))
    answer = call(server.url, timeout=1)
    assert getattr(answer, "text", answer) == "whole"
    assert len(server.seen) == 1


def test_a_finish_reason_in_each_event_ends_nothing(loopback, monkeypatch):
    """Some servers say «stop» from the first word on; the text goes on and is read."""
    monkeypatch.setattr(body_limits, "ENDING_S", 0.5)
    words = [f"{n} " for n in range(12)]
    pieces = [event({"content": word}, "stop") for word in words]
    pieces += [event({"content": word}) for word in words]
    answer = Answer([*pieces, b"data: [DONE]\n\n"], kind="text/event-stream", pause=0.1)
    assert stream(loopback(answer).url) == "".join(words * 2)


def test_what_follows_the_finish_reason_has_a_short_time_of_its_own():
    """Whatever the time of the whole answer; a shorter one stays."""
    for most, left in ((0.0, ENDING_S), (600.0, ENDING_S), (1.0, 1.0)):
        watch = Watch("–", 120.0, most)
        watch.finish()
        assert watch.left == pytest.approx(left, abs=0.5)


WHOLE = completion("whole").pieces[0]
NO_ENDS = {
    "less than announced": b"Content-Length: %d\r\n\r\n" % (len(WHOLE) + 9) + WHOLE,
    "no last chunk": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n"
    % (len(WHOLE), WHOLE),
}


@pytest.mark.parametrize("rest", NO_ENDS.values(), ids=NO_ENDS)
@pytest.mark.parametrize("seconds", [0.0, 5.0], ids=["hangs up", "falls silent"])
@BOTH
def test_an_answer_ends_with_its_last_bracket(call, rest, seconds):
    """A response that does not end as announced is not sent again, nor waited for."""
    begun = time.monotonic()
    with bare(b"HTTP/1.1 200 OK\r\n" + rest, seconds) as url:
        answer = call(url, attempts=1)
        assert getattr(answer, "text", answer) == "whole"
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "http://127.0.0.1:9"), ("ALL_PROXY", "socks://127.0.0.1:9")],
)
def test_no_proxy_leads_to_this_machine(loopback, monkeypatch, name, value):
    """The sandbox and local servers are reached as if there were no proxy."""
    monkeypatch.setenv(name, value)
    assert send(loopback().url).text == "Hello."


def test_an_environment_that_cannot_be_used_is_told(monkeypatch):
    """A proxy of an unknown kind is one line that names the variables."""
    monkeypatch.setenv("ALL_PROXY", "quic://127.0.0.1:9")
    with pytest.raises(SettingError, match=r"quic.*ALL_PROXY"):
        send("http://host.invalid/v1")


@pytest.mark.parametrize("pieces", [[], [b": ping\n\n"], [b"\n\n"]])
@BOTH
def test_nothing_at_all_in_place_of_an_answer_is_an_error(loopback, call, pieces):
    """Servers end an overlong prompt with nothing at all; asking again is in vain."""
    server = loopback(Answer(pieces, kind="text/event-stream"))
    with pytest.raises(AnswerError, match="before it began"):
        call(server.url)
    assert len(server.seen) == 1


NOT_BEGUN = {
    "only DONE": [DONE],
    "no choices": [sse({"choices": []})],
    "a role and DONE": [event({"role": "assistant", "content": ""}), DONE],
    "a role and no more": [event({"role": "assistant"})],
}


@pytest.mark.parametrize("pieces", NOT_BEGUN.values(), ids=NOT_BEGUN)
def test_an_answer_that_broke_off_before_it_began_is_tried_again(loopback, pieces):
    """A gateway whose upstream failed; neither the prompt nor the path is blamed."""
    server = loopback(Answer(pieces, kind="text/event-stream"), either("now"))
    assert stream(server.url) == "now"
    server = loopback(Answer(pieces, kind="text/event-stream"))
    with pytest.raises(StreamError, match="broke off before it began") as caught:
        stream(server.url)
    assert not {"prompt", "path"} & set(str(caught.value).split())


def test_an_error_after_the_role_alone_is_tried_again(loopback):
    """Nothing was said yet, so nothing is paid for twice."""
    error = sse({"error": {"message": "overloaded", "code": 503}})
    begun = [event({"role": "assistant", "content": ""}), error]
    server = loopback(Answer(begun, kind="text/event-stream"), either("now"))
    assert stream(server.url) == "now"


def test_an_end_without_a_finish_reason_stands_where_none_was_ever_sent(loopback):
    """``[DONE]`` is an end, which nobody confirms."""
    pieces = [event({"content": "whole"}), DONE]
    server = loopback(Answer(pieces, kind="text/event-stream"))

    async def work(client):
        return [delta async for delta in client.stream(REQUEST)]

    deltas = run(work, server.url)
    assert "".join(delta.text for delta in deltas) == "whole"
    assert deltas[-1].unconfirmed


def test_an_end_without_a_finish_reason_is_a_cut_where_one_was_sent(loopback):
    """Learnt for each model: one-api ends what broke upstream with ``[DONE]``."""
    half = Answer([event({"content": "half"}), DONE], kind="text/event-stream")
    server = loopback(streamed("whole"), half, half)
    other = replace(REQUEST, model="other")

    async def work(client):
        for request in (REQUEST, other):
            _all = [delta async for delta in client.stream(request)]
        return [delta async for delta in client.stream(REQUEST)]

    with pytest.raises(StreamError, match="broke off"):
        run(work, server.url)


def test_an_upstream_error_without_words_is_no_end(loopback):
    """A finish reason of «error» is a cut, be it the first that is ever sent."""
    pieces = [event({"content": "half"}), event({}, "error"), DONE]
    server = loopback(Answer(pieces, kind="text/event-stream"))
    with pytest.raises(StreamError, match="broke off"):
        stream(server.url)


def test_an_event_that_cannot_be_read_breaks_the_stream(loopback):
    """In the middle of an answer base_url is not to blame."""
    pieces = [event({"content": "half"}), b"data: {oops\n\n", DONE]
    server = loopback(Answer(pieces, kind="text/event-stream"))
    with pytest.raises(StreamError, match=r"begins: \{oops") as caught:
        stream(server.url)
    assert "base_url" not in str(caught.value)


LABELS = ["text/event-stream", "application/json", "text/plain", "text/html", "x/y"]


@pytest.mark.parametrize("label", LABELS)
@BOTH
def test_the_bytes_tell_a_stream_from_a_whole_answer(loopback, call, label):
    """Labels of either are often wrong."""
    for answer in (completion("right"), streamed("ri", "ght")):
        told = call(loopback(replace(answer, kind=label)).url)
        assert (told if isinstance(told, str) else told.text) == "right"


def test_no_state_of_a_servers_is_kept(loopback):
    """A cookie goes nowhere, and one that cannot be read breaks nothing."""
    cookie = {"Set-Cookie": "a=b; Path=/\r\nSet-Cookie: \x01=;;;;"}
    server = loopback(replace(completion("first"), headers=cookie), either("then"))

    async def work(client):
        await client.send(REQUEST)
        await client.models()
        await client.send(REQUEST)
        return [delta.text async for delta in client.stream(REQUEST)]

    run(work, server.url)
    assert all("cookie" not in seen.headers for seen in server.seen)


PADDING = {
    "blanks before JSON": b" ",
    "comments": b": wait\n\n",
    "empty data": b"data:\n\n",
    "an event's name": b"event: ping\n\n",
    "a ping": b'event: ping\ndata: {"type": "ping"}\n\n',
    "null": b"data: null\n\n",
    "no choices": sse({"choices": []}),
    "the rest of an empty stream": b"id: 1\nretry: 5\n\n",
}
EARLY = {
    "a wait that is announced": [b"HTTP/1.1 102 Processing\r\n\r\n"] * 100,
    "hints": [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"] * 100,
    "a head without end": [b"HTTP/1.1 200 OK\r\n", *[b"X-A: a\r\n"] * 100],
    "a line without end": [b"HTTP/1.1 200 OK\r\nX-A: ", *[b"a"] * 100],
    "empty lines": [b"\r\n"] * 100,
}


@pytest.mark.parametrize("early", EARLY.values(), ids=EARLY)
@BOTH
def test_what_comes_instead_of_a_head_is_silence(loopback, call, early):
    """It ends as soon, although bytes arrive all the time."""
    server = loopback(Answer(early=early, pause=0.05))
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        call(server.url, timeout=0.4, attempts=1)
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("pad", PADDING.values(), ids=PADDING)
@BOTH
def test_what_only_keeps_the_connection_open_is_silence(loopback, call, pad):
    """Nothing of the answer comes, so the timeout ends it."""
    server = loopback(Answer([pad] * 100, pause=0.05))
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        call(server.url, timeout=0.4, attempts=1)
    assert time.monotonic() - begun < 4


DRIPS = {
    "a stream": [event({"content": "x"})] * 100,
    "a body": [b'{"choices": ['] + [b"1,"] * 100,
}


@pytest.mark.parametrize("pieces", DRIPS.values(), ids=DRIPS)
@BOTH
def test_a_whole_answer_has_a_time_of_its_own(loopback, call, pieces):
    """One that never falls silent is ended too, and is not asked for again."""
    server = loopback(Answer(pieces, pause=0.1))

    async def work(client):
        if call is send:
            return await client.send(REQUEST, most=0.5)
        return [delta async for delta in client.stream(REQUEST, most=0.5)]

    with pytest.raises(LimitError, match=r"not whole after 0\.5 s.*max_seconds"):
        run(work, server.url)
    assert len(server.seen) == 1


@pytest.mark.parametrize("start", [b"", b"data: ", b"{", event({"content": "x"})])
@BOTH
def test_an_endless_answer_is_an_error(loopback, call, start):
    """Memory is bounded, for a body as for a line of a stream."""
    server = loopback(Answer([start or b" ", *[b"x" * 2**20] * 80]))
    with pytest.raises(WcodeError, match="64 MB"):
        call(server.url, attempts=1)


def test_an_endless_error_is_read_in_part(loopback):
    """What the server says first is enough."""
    pieces = [b"no room " * 2**14] * 100
    with pytest.raises(ServerError, match="no room"):
        send(loopback(Answer(pieces, status=500)).url, attempts=1)


def test_an_error_that_drips_is_read_for_a_while(loopback, monkeypatch):
    """The status is known, and what has come so far is shown."""
    monkeypatch.setattr(wire, "OF_ERROR_S", 0.4)
    server = loopback(Answer([b"no room "] * 100, status=500, pause=0.05))
    begun = time.monotonic()
    with pytest.raises(ServerError, match="no room"):
        send(server.url, attempts=1)
    assert time.monotonic() - begun < 4


def test_an_error_object_inside_a_stream_is_raised(loopback):
    """Before the first delta it is tried again, after it never."""
    error = sse({"error": {"message": "boom", "code": 500}})
    early = Answer([error, DONE], kind="text/event-stream")
    late = Answer([event({"content": "x"}), error], kind="text/event-stream")
    server = loopback(early, streamed("fine"))
    assert stream(server.url) == "fine"
    server = loopback(late, streamed("fine"))
    with pytest.raises(ServerError, match="boom"):
        stream(server.url)
    assert len(server.seen) == 1


@BOTH
def test_a_silent_server_times_out(loopback, call):
    """The seconds and the way to raise them are told."""
    server = loopback(Answer(hang=True))
    with pytest.raises(TimedOut, match=r"nothing for 0\.2 s.*timeout"):
        call(server.url, timeout=0.2, attempts=1)


def test_a_stream_that_stalls_times_out(loopback):
    """The timeout is the longest silence, not the length of the answer."""
    words = [event({"content": "x"})] * 6
    steady = Answer([*words, event({}, "stop")], kind="text/event-stream", pause=0.1)
    assert stream(loopback(steady).url, timeout=0.4) == "x" * 6
    stalled = Answer(words, kind="text/event-stream", pause=2)
    with pytest.raises(TimedOut):
        stream(loopback(stalled).url, timeout=0.4)


def test_closing_a_stream_hangs_up(loopback):
    """The server stops working for an answer that nobody reads."""
    words = [event({"content": "x"})] * 200
    server = loopback(Answer(words, kind="text/event-stream", pause=0.05))

    async def work(client):
        deltas = client.stream(REQUEST)
        await anext(deltas)
        await deltas.aclose()
        return await asyncio.to_thread(server.hung_up.wait, 2)

    assert run(work, server.url)


@BOTH
def test_a_server_that_is_gone_is_one_line(call):
    """The URL and what to check are told."""
    with pytest.raises(ConnectionFailed, match="Check base_url"):
        call("http://127.0.0.1:1/v1", attempts=2)


URLS = ["", "nonsense", "localhost:8000/v1", "ftp://h/v1", "http://", "http://h:x/v1"]
URLS += ["http://h:99999/v1", "http://\x00/v1"]
URLS += ["https://a..b/v1", "https://xn--/v1", f"https://{'a' * 64}.example/v1"]


@pytest.mark.parametrize("url", URLS)
@BOTH
def test_a_wrong_url_is_a_setting_to_mend(call, url):
    """What can be no address is told before anything is sent."""
    with pytest.raises(SettingError, match="https://host/v1"):
        call(url)


@pytest.mark.parametrize("key", ["密钥", "a\nb", "a\u00a0b"])
@BOTH
def test_a_key_that_can_be_no_key_is_told_without_showing_it(loopback, call, key):
    """A slip in copying is not blamed on the URL, and the key is not printed."""
    with pytest.raises(SettingError, match="API key") as caught:
        call(loopback().url, key)
    assert key not in str(caught.value)
    assert caught.value.__cause__ is None


NOT_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "a broken archive": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    b"Content-Length: 4\r\n\r\n\x1fabc",
    "brotli": b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n"
    b"Content-Length: 4\r\n\r\n\x8b\x03\x80{",
    "an endless head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", NOT_HTTP.values(), ids=NOT_HTTP)
@BOTH
def test_what_is_not_http_is_told_in_one_line(call, answer):
    """Whatever listens there, nobody sees a traceback of a library."""
    with bare(answer) as url, pytest.raises(AnswerError, match="HTTP") as caught:
        call(url)
    assert not re.search(r"\n|\\n|message=|url=", str(caught.value))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", StreamError),
        (b"HTTP/1.1 200 OK\r\nContent-", StreamError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{", StreamError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\ndata: {", StreamError),
    ],
)
@BOTH
def test_a_connection_that_breaks_is_told(call, answer, kind):
    """Once the request was sent it may have been paid for, whatever came."""
    with bare(answer) as url, pytest.raises(kind, match="broke the connection"):
        call(url, attempts=1)


@BOTH
def test_an_address_that_moved_is_told_and_the_key_stays_here(loopback, call):
    """A redirect is not followed: the key goes to no other host."""
    there = Answer(status=308, headers={"Location": "https://new.example/v1"})
    server = loopback(there)
    with pytest.raises(RejectedError, match="moved to https://new"):
        call(server.url, KEY)
    assert len(server.seen) == 1


@BOTH
def test_a_web_page_in_place_of_the_api_is_told(loopback, call):
    """A base URL without /v1 often leads to a site."""
    page = Answer([b"<!doctype html>\n<h1>Welcome</h1>"], kind="text/html")
    with pytest.raises(AnswerError, match="it begins: <!doctype html>"):
        call(loopback(page).url)


def test_a_whole_answer_in_place_of_a_stream_is_taken(loopback):
    """A server that cannot stream still answers."""
    assert stream(loopback(completion("whole")).url) == "whole"


ECHOES = [
    failing(400, f"bad key {KEY}"),
    failing(401, f"{KEY} is wrong"),
    failing(500, KEY),
    Answer([f"<html>{KEY}</html>".encode()], kind="text/html"),
    Answer([sse({"error": {"message": f"no {KEY}"}})], kind="text/event-stream"),
    Answer([b"data: {" + KEY.encode() + b"\n\n"], kind="text/event-stream"),
    Answer(status=307, headers={"Location": f"https://x/{KEY}"}),
    Answer([json.dumps({"echo": KEY}).encode()]),
    Answer([event({"content": "x"}), sse({"error": KEY})], kind="text/event-stream"),
]


@pytest.mark.parametrize("answer", ECHOES, ids=range(len(ECHOES)))
@BOTH
def test_the_key_is_masked_in_every_error(loopback, call, answer):
    """A server that echoes the key does not put it into the notebook."""
    with pytest.raises(WcodeError) as caught:
        call(loopback(answer).url, KEY, attempts=1)
    shown = f"{caught.value} {caught.value!r} {caught.value.facts}"
    assert KEY not in shown


def test_the_key_is_masked_when_models_are_listed(loopback):
    """The same for the list of models."""
    server = loopback(failing(500, f"no {KEY}"))
    with pytest.raises(ServerError) as caught:
        run(lambda client: client.models(), server.url, KEY)
    assert KEY not in str(caught.value.facts)


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (
            {"data": [{"id": "a", "max_model_len": 5}]},
            [{"id": "a", "max_model_len": 5}],
        ),
        ({"data": None, "models": [{"name": "a"}]}, []),
        ({"data": ["a", 5]}, []),
        ([], []),
        ({}, []),
    ],
)
def test_models_are_listed_as_the_endpoint_lists_them(loopback, body, models):
    """What is no list of models is an empty one."""
    server = loopback(Answer([json.dumps(body).encode()]))
    assert run(lambda client: client.models(), server.url) == models
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/v1/models")


def test_connections_are_kept_between_calls(loopback):
    """The second cell does not shake hands again."""
    server = loopback(either("a b"))

    async def work(client):
        for _ in range(3):
            await client.send(REQUEST)
            _all = [delta async for delta in client.stream(REQUEST)]

    run(work, server.url)
    assert {seen.connection for seen in server.seen} == {1}


def test_a_server_that_lingers_behind_done_keeps_nobody_waiting(loopback):
    """The answer is over with ``[DONE]``, whatever the connection does then."""
    pieces = [*streamed("quick").pieces, *[b": still here\n\n"] * 400]
    server = loopback(Answer(pieces, kind="text/event-stream", pause=0.1))
    begun = time.monotonic()
    assert stream(server.url) == "quick"
    assert time.monotonic() - begun < 20


def test_a_kept_connection_that_died_is_opened_anew(loopback):
    """A server that was restarted between cells costs no error."""
    server = loopback(completion("a"))
    dying = Answer(completion("a").pieces, headers={"Connection": "close"})
    server.script = [dying, Answer(cut=True), completion("b")]

    async def work(client):
        first = await client.send(REQUEST)
        return first.text, (await client.send(REQUEST)).text

    assert run(work, server.url) == ("a", "b")


def picky(seen):
    """A server that refuses ``stream_options``, as FastAPI says it."""
    if "stream_options" not in seen.body:
        return Answer([event({"content": "hi"}, "stop")], kind="text/event-stream")
    loc = {"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}
    return Answer([json.dumps({"detail": [loc]}).encode()], status=422)


def test_a_server_that_refuses_stream_options_is_asked_without(loopback):
    """Once refused, never asked again."""
    server = loopback(picky)

    async def work(client):
        texts = []
        for _ in range(2):
            async for delta in client.stream(REQUEST):
                texts.append(delta.text)
        return texts

    assert run(work, server.url) == ["hi", "hi"]
    asked = ["stream_options" in seen.body for seen in server.seen]
    assert asked == [True, False, False]


@pytest.mark.parametrize(
    "words",
    [
        "This model only support stream mode, please enable the stream parameter.",
        "Non-streaming is not supported for this model",
        "stream must be true",
        "该模型仅支持流式调用",
        "parameter.enable_thinking must be set to false for non-streaming calls",
        "parameter.enable_thinking only support stream call",
    ],
)
def test_a_model_that_only_streams_is_asked_to_stream(loopback, words):
    """Rows and ``--no-stream`` get its answer too; once refused, never asked again."""

    def streaming(seen):
        return streamed("hi") if seen.body.get("stream") else failing(400, words)

    server = loopback(streaming)

    async def work(client):
        return [await client.send(REQUEST) for _ in range(2)]

    answers = run(work, server.url)
    assert [one.text for one in answers] == ["hi", "hi"]
    assert all(one.usage and one.finish_reason == "stop" for one in answers)
    assert [bool(seen.body.get("stream")) for seen in server.seen] == [0, 1, 1]


def test_a_provider_that_always_tells_usage_is_not_asked_for_it(loopback, monkeypatch):
    """Its row says so."""
    server = loopback(picky)
    row = replace(providers.named("openrouter"), base_url=server.url)
    monkeypatch.setattr(providers, "PROVIDERS", (row,))
    assert stream(server.url)
    assert ["stream_options" in seen.body for seen in server.seen] == [False]


def test_a_refusal_inside_a_stream_stays_a_refusal(loopback):
    """An error object that names stream_options is told like any other."""
    error = {"error": {"message": "stream_options are not for you", "code": 400}}
    server = loopback(Answer([sse(error)], kind="text/event-stream"))
    with pytest.raises(RejectedError, match="not for you"):
        stream(server.url)


def test_a_compressed_answer_is_read(loopback):
    """Servers may answer in gzip, whole or streamed."""
    whole = Answer(
        [gzip.compress(completion("zipped").pieces[0])],
        headers={"Content-Encoding": "gzip"},
    )
    assert send(loopback(whole).url).text == "zipped"
    packer = zlib.compressobj(wbits=31)
    pieces = [
        packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        for piece in streamed("zip", "ped").pieces
    ]
    head = {"Content-Encoding": "gzip"}
    flowing = Answer([*pieces, packer.flush()], 200, head, "text/event-stream")
    assert stream(loopback(flowing).url) == "zipped"


def packed(megabytes: int) -> bytes:
    """An answer that is long once it is unpacked, and a thousandth of it in gzip."""
    packer = zlib.compressobj(9, wbits=31)
    start, end = completion("|").pieces[0].split(b"|")
    parts = [start, *[b"a" * 2**20] * megabytes, end]
    return b"".join([*map(packer.compress, parts), packer.flush()])


def bomb(answer: bytes, packing: str) -> bytes:
    """An answer as it stands on the wire."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {packing}\r\n\r\n"
    return head.encode() + answer


BOMBS = {
    "gzip": (lambda: packed(300), "gzip", LimitError),
    "gzip in gzip": (lambda: gzip.compress(packed(300)), "gzip, gzip", AnswerError),
    "gzip without end": (
        lambda: b"\x1f\x8b\x08" + bytes(7) + b"\0\0\0\xff\xff" * 2**20,
        "gzip",
        AnswerError,
    ),
}


@pytest.mark.parametrize(("make", "packing", "kind"), BOMBS.values(), ids=BOMBS)
@BOTH
def test_what_is_packed_is_unpacked_within_the_bounds(call, make, packing, kind):
    """A few bytes stand for gigabytes: neither memory nor time is taken by them."""
    with bare(bomb(make(), packing)) as url:
        start = time.process_time()
        tracemalloc.start()
        try:
            with pytest.raises(kind) as caught:
                call(url)
            _now, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert time.process_time() - start < 5
    assert most < 2.5 * MOST_BYTES
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Somebody who signs certificates."""
    return trustme.CA()


@pytest.fixture
def secure(authority) -> Iterator[Loopback]:
    """A server over TLS that the authority vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Loopback(either("secret"), tls=context) as server:
        yield server


@BOTH
def test_a_certificate_that_is_not_trusted_is_told(secure, call):
    """The remedy for company proxies is named, and nothing is tried again."""
    with pytest.raises(CertificateError, match="SSL_CERT_FILE"):
        call(secure.url)
    assert secure.seen == []


def test_a_bundle_from_the_environment_is_trusted(
    secure, authority, monkeypatch, tmp_path
):
    """``SSL_CERT_FILE`` works as the error says."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert send(secure.url).text == "secret"


@BOTH
def test_https_to_a_server_without_it_is_no_certificate_error(call):
    """The wrong scheme is a connection that cannot be made, and is named."""
    with bare(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        wrong = url.replace("http:", "https:")
        with pytest.raises(ConnectionFailed, match="Use http://") as caught:
            call(wrong, attempts=1)
    assert not isinstance(caught.value, CertificateError)


def test_https_to_a_server_that_waits_for_a_line_end_is_named():
    """A server of plain http may wait for more of what it takes for a request."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        said = r"no TLS connection within 0\.2 s.*http://"
        with pytest.raises(ConnectionFailed, match=said):
            send(url, timeout=0.2, attempts=1)


@contextmanager
def full() -> Iterator[int]:
    """A port whose queue of connections is full, so that it accepts none."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as it:
        for _ in range(8):
            one = it.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@BOTH
def test_a_connection_that_is_not_accepted_in_time_is_no_silence(call):
    """Its limit is its own: a longer timeout would not help, so none is advised."""
    with full() as port:
        said = r"accepted no connection within 0\.2 s. Check base_url"
        with pytest.raises(ConnectionFailed, match=said) as caught:
            call(f"http://127.0.0.1:{port}/v1", timeout=0.2, attempts=1)
    assert "raise" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@BOTH
def test_a_proxy_that_accepts_no_connection_in_time_is_named(monkeypatch, call, scheme):
    """It is not the endpoint, whose address is right."""
    with full() as port:
        monkeypatch.setenv("all_proxy", f"{scheme}://127.0.0.1:{port}")
        with pytest.raises(ConnectionFailed, match=r"proxy .*timed out") as caught:
            call("http://far.example/v1", timeout=0.2, attempts=1)
    assert "base_url" not in str(caught.value)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_from_the_environment_is_used(loopback, monkeypatch, variable):
    """Behind a company's proxy the endpoint is reached through it."""
    proxy = loopback(completion("by proxy"))
    monkeypatch.setenv(variable, proxy.url.removesuffix("/v1"))
    assert send("http://far.example/v1").text == "by proxy"
    assert proxy.seen[0].path == "http://far.example/v1/chat/completions"


REFUSING = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
PROXIES = {
    "it speaks plain http": ("https", REFUSING, r"proxy .*TLS.* http:// before"),
    "it refuses": ("http", REFUSING, r"proxy .*: 407 Proxy Authentication Required\."),
}


@BOTH
def test_a_proxy_that_refuses_a_forwarded_request_is_named(monkeypatch, call):
    """Its status, which no endpoint has, comes as if it were the endpoint's answer."""
    with bare(REFUSING) as url:
        monkeypatch.setenv("http_proxy", url.removesuffix("/v1"))
        with pytest.raises(ConnectionFailed, match=PROXIES["it refuses"][2]):
            call("http://far.example/v1", attempts=1)


@pytest.mark.parametrize(("scheme", "answer", "said"), PROXIES.values(), ids=PROXIES)
@BOTH
def test_a_proxy_that_fails_is_named(monkeypatch, call, scheme, answer, said):
    """It is not taken for the endpoint, whose address is right."""
    with bare(answer) as url:
        proxy = url.removesuffix("/v1").replace("http", scheme)
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(ConnectionFailed, match=said) as caught:
            call("https://far.example/v1", attempts=1)
    assert "base_url" not in str(caught.value)


def test_a_handshake_that_fails_is_told_in_its_own_words():
    """An alert of TLS has a number that means something else to the system."""
    with bare(b"\x15\x03\x01\x00\x02\x02\x28") as url:
        wrong = url.replace("http:", "https:")
        with pytest.raises(ConnectionFailed, match="handshake failure"):
            send(wrong, attempts=1)


def test_no_proxy_is_kept_to(loopback, monkeypatch):
    """A host that the environment excepts is reached directly."""
    server, proxy = loopback(completion("direct")), loopback(completion("by proxy"))
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert send(server.url).text == "direct"
    assert proxy.seen == []
