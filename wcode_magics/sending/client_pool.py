"""Connections of a session: one client per endpoint, and the sandbox."""

import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any, NoReturn

from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import Endpoint
from wcode_magics.runtime import imports, lifetime, loop
from wcode_magics.runtime.lifetime import Stage
from wcode_magics.sending.client import Client

CLOSE_S = 5.0


class Bound:
    """Base of objects that cannot be pickled: connections, files and locks."""

    def __reduce__(self) -> NoReturn:
        raise UsageError("bound", kind=type(self).__name__)


class Connections(Bound):
    """Clients and sandbox, opened on first use and kept open.

    ``transport`` is an ``httpx.AsyncBaseTransport`` that replaces the network.
    """

    def __init__(self, transport: Any = None) -> None:
        self._transport = transport
        self._clients: dict[Endpoint, Client] = {}
        self._sandbox: Any = None
        self._lock = threading.Lock()
        lifetime.own(self)

    def forget(self) -> Any:
        """Detach the parent's resources in a forked process; return them."""
        left = self._clients, self._sandbox
        self._clients, self._sandbox, self._lock = {}, None, threading.Lock()
        return left

    def close(self, seconds: float = CLOSE_S) -> None:
        """Disconnect and stop the sandbox; the next use reopens them."""
        lifetime.finish(self.close)
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
            sandbox, self._sandbox = self._sandbox, None
        for closing in [loop.LoopTask(client.aclose) for client in clients]:
            with suppress(FutureTimeoutError):
                closing.future.result(seconds)
        if sandbox is not None:
            sandbox.stop()

    def client(self, endpoint: Endpoint) -> Client:
        """Return the client for an endpoint."""
        imports.prepare(imports.NETWORK)
        with self._lock:
            lifetime.begin(Stage.CONNECTIONS, self.close)
            if endpoint not in self._clients:
                self._clients[endpoint] = Client(endpoint, transport=self._transport)
            return self._clients[endpoint]

    def sandbox(self) -> Endpoint:
        """Return the endpoint of the sandbox, starting it if necessary."""
        imports.prepare(["wcode_magics.sandbox.server"])
        from wcode_magics.sandbox import Sandbox

        with self._lock:
            lifetime.begin(Stage.CONNECTIONS, self.close)
            if self._sandbox is None:
                self._sandbox = Sandbox().start()
            return Endpoint(self._sandbox.base_url, sandbox=True)
