"""Proxies: which one leads to a URL, and what is said to it."""

import select
import socketserver
import threading

import pytest

from tests.loopback import completion
from wcode_magics.errors import ConnectionFailed, SettingError
from wcode_magics.protocol.messages import Endpoint
from wcode_magics.sending.client import Client
from wcode_magics.settings.proxies import SPOKEN, bypassed, proxy_for

FAR = "http://llm.corp.example/v1"
KEY = "sk-canary-0123456789"

NAMED = [
    ("h.example", None, "*"),
    ("h.example", None, "h.example"),
    ("a.h.example", None, "h.example"),
    ("a.h.example", None, ".h.example"),
    ("a.h.example", None, "*.h.example"),
    ("H.Example.", None, " other , h.example"),
    ("h.example", 8080, "h.example:8080"),
    ("10.1.2.3", None, "10.0.0.0/8"),
    ("10.1.2.3", 80, "10.1.2.3:80"),
    ("10.1.2.3", None, "10.1.2.3"),
    ("fd07:b51a:cc66:f0::5", None, "fd07:b51a:cc66:f0::/64"),
    ("fd07:b51a:cc66:f0::5", None, "[fd07:b51a:cc66:f0::]/64,[fd07:b51a:cc66:f0::5]"),
    ("::1", 80, "[::1]:80"),
    ("h.example", None, "http://h.example"),
]
OTHERS = [
    ("h.example", None, ""),
    ("ah.example", None, "h.example"),
    ("h.example", 80, "h.example:8080"),
    ("11.1.2.3", None, "10.0.0.0/8"),
    ("fd08::1", None, "fd07:b51a:cc66:f0::/64"),
    ("h.example", None, "fd07:b51a:cc66:f0::/64,10.0.0.0/8,::1,[::1]:x,:,/"),
]


@pytest.mark.parametrize(("host", "port", "listed"), NAMED)
def test_no_proxy_names_hosts_domains_and_networks(host, port, listed):
    """IPv6 networks as well as anything that curl takes."""
    assert bypassed(host, port, listed)


@pytest.mark.parametrize(("host", "port", "listed"), OTHERS)
def test_other_hosts_go_through_the_proxy(host, port, listed):
    """No entry reaches further than it says, and none breaks the list."""
    assert not bypassed(host, port, listed)


@pytest.mark.parametrize("scheme", SPOKEN)
def test_every_kind_of_proxy_is_found(monkeypatch, scheme):
    """In any case of letters, by the scheme of the URL or for all."""
    monkeypatch.setenv("ALL_PROXY", f"{scheme.upper()}://u:p@127.0.0.1:9")
    assert proxy_for(FAR) == f"{SPOKEN[scheme]}://u:p@127.0.0.1:9"


def test_a_proxy_without_a_scheme_speaks_http(monkeypatch):
    """As everywhere."""
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:9")
    assert proxy_for(FAR) == "http://127.0.0.1:9"
    assert proxy_for("https://llm.corp.example/v1") is None


@pytest.mark.parametrize("proxy", ["quic://u:s3cret@h:1", "http://", "http://h:x"])
def test_an_unknown_kind_is_refused_by_name(monkeypatch, proxy):
    """What is not spoken is not sent a key; the error holds no password."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(SettingError, match=proxy.partition(":")[0]) as caught:
        proxy_for(FAR)
    assert "s3cret" not in str(caught.value)


class Socks(socketserver.BaseRequestHandler):
    """A SOCKS5 proxy that connects everybody to one server."""

    def handle(self) -> None:
        """Greet, take the request, and pass bytes on."""
        self.server.seen.append(self.request.recv(64))
        self.request.sendall(b"\x05\x00")
        self.server.seen.append(self.request.recv(256))
        with socketserver.socket.create_connection(self.server.goal) as far:
            self.request.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            beyond = {self.request: far, far: self.request}
            while True:
                for side in select.select([*beyond], [], [])[0]:
                    piece = side.recv(65536)
                    if not piece:
                        return
                    if side is self.request:
                        self.server.seen.append(piece)
                    beyond[side].sendall(piece)


@pytest.fixture
def socks(loopback):
    """The proxy before a server that answers."""
    server = loopback(completion("through"))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Socks) as proxy:
        proxy.daemon_threads, proxy.block_on_close = True, False
        proxy.goal, proxy.seen = ("127.0.0.1", server.port), []
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


def sent(url: str) -> str:
    """What answers there."""
    import asyncio

    from wcode_magics.protocol.messages import Message
    from wcode_magics.protocol.request import Request

    async def ask() -> str:
        client = Client(Endpoint(url, KEY))
        try:
            return (await client.send(Request("m", (Message("user", "a"),)))).text
        finally:
            await client.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks"])
def test_a_socks_proxy_is_spoken_to_in_socks(monkeypatch, socks, scheme):
    """The name goes to the proxy, the key to the endpoint."""
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{socks.server_address[1]}")
    assert sent(FAR) == "through"
    greeting, asked, *request = socks.seen
    assert greeting[:1] == asked[:1] == b"\x05"
    assert b"llm.corp.example" in asked
    assert KEY.encode() not in greeting + asked
    assert b"POST /v1/chat/completions" in b"".join(request)


@pytest.mark.parametrize("way", ["http://", "socks5://u:s3cret@", "socks4://"])
def test_a_proxy_that_is_down_is_told_as_the_proxy(monkeypatch, way):
    """The person looks at the right machine."""
    monkeypatch.setenv("ALL_PROXY", f"{way}127.0.0.1:9")
    with pytest.raises(ConnectionFailed, match="proxy") as caught:
        sent(FAR)
    assert "s3cret" not in str(caught.value)
    assert "ssl:default" not in str(caught.value)
