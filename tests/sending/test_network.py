"""The short way of prompts and that of httpx: the same bytes, shared connections."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.loopback import completion
from tests.sending.test_client import REQUEST, bare, run, send, stream
from wcode_magics.errors import RejectedError
from wcode_magics.protocol.messages import Endpoint
from wcode_magics.sending.client import Client
from wcode_magics.sending.network import Network

KEY = "sk-0123456789abcdef"


def test_both_ways_send_the_same_head_over_one_connection(loopback):
    """A stream and a whole answer differ in their bodies alone."""
    server = loopback(completion("one"), completion("two"), completion("three"))

    async def work(client):
        await client.send(REQUEST)
        async for _delta in client.stream(REQUEST):
            pass
        await client.send(REQUEST)

    run(work, server.url, KEY)
    short, long, again = (
        {**seen.headers, "content-length": "–"} for seen in server.seen
    )
    assert short == long == again
    assert short["authorization"] == f"Bearer {KEY}"
    assert [seen.connection for seen in server.seen] == [1, 1, 1]
    assert server.seen[0].content == REQUEST.content()


def test_own_headers_go_the_short_way(loopback):
    """What a gateway wants with each request is not lost."""
    server = loopback(completion("yes"))

    async def ask():
        endpoint = Endpoint(server.url, KEY, headers=(("X-Team", "blue"),))
        client = Client(endpoint)
        try:
            return await client.send(REQUEST)
        finally:
            await client.aclose()

    assert asyncio.run(ask()).text == "yes"
    assert server.seen[0].headers["x-team"] == "blue"
    assert server.seen[0].path == "/v1/chat/completions"


def test_an_http_proxy_is_left_to_httpx():
    """It takes other request lines, or a tunnel."""
    import httpx

    url, headers = httpx.URL("https://far.example/v1"), httpx.Headers()
    assert Network(None, "http://proxy.example:8080").line(url, headers) is None
    assert Network(None, "socks5://proxy.example:1080").line(url, headers) is not None
    assert Network(None, None).line(url, headers) is not None


def test_an_announcement_before_an_answer_is_passed_over():
    """A server may send ``100 Continue`` or ``103 Early Hints`` first."""
    body = b'{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}'
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with bare(hints + head + body) as url:
        assert send(url, attempts=1).text == "yes"


def test_what_comes_after_an_answer_is_no_answer_to_the_next_request():
    """A server may say 408 on an idle connection, or a whole answer twice."""
    body = b'{"choices":[{"message":{"content":"right"},"finish_reason":"stop"}]}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    stale = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"

    async def work():
        writers = []

        async def serve(reader, writer):
            writers.append(writer)
            with suppress(asyncio.IncompleteReadError):
                while await reader.readuntil(b"\r\n\r\n"):
                    await reader.readexactly(len(REQUEST.content()))
                    writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(Endpoint(f"http://127.0.0.1:{port}/v1"))
        texts = []
        for _ in range(3):
            texts.append((await client.send(REQUEST)).text)
            writers[-1].write(stale)
            for _ in range(10):  # it arrives
                await asyncio.sleep(0)
        await client.aclose()
        server.close()
        return texts, len(writers)

    assert asyncio.run(work()) == (["right"] * 3, 3)


def test_a_long_head_is_read(loopback):
    """Policies and cookies of gateways are longer than aiohttp allows by default."""
    head = {"Content-Security-Policy": "x" * 20_000}
    whole = completion("yes")
    server = loopback(replace(whole, headers=head))

    async def work(client):
        parts = [delta.text async for delta in client.stream(REQUEST)]
        return (await client.send(REQUEST)).text, "".join(parts)

    assert run(work, server.url) == ("yes", "yes")


def test_a_change_of_protocol_is_no_announcement():
    """Nobody asked for it, and no answer follows."""
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade"
    with bare(head + b"\r\n\r\n", 5.0) as url:
        for call in (send, stream):
            with pytest.raises(RejectedError, match="101"):
                call(url, attempts=1)
