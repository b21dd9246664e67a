"""The short way of prompts and that of httpx: the same bytes, shared connections."""

import asyncio

from tests.loopback import completion
from tests.sending.test_client import REQUEST, run
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
    from tests.sending.test_client import bare, send

    body = b'{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}'
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with bare(hints + head + body) as url:
        assert send(url, attempts=1).text == "yes"
