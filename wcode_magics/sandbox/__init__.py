"""Sandbox: a small offline model behind an OpenAI-compatible server.

It is a real language model: at each step it has a probability for every token of the
vocabulary, and all sampling parameters apply to these. It knows little, and says so
when asked. Importing this package is cheap; Tornado and llguidance are loaded when a
server starts.
"""

from typing import TYPE_CHECKING, Any, Self

from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .server import Server


class Sandbox:
    """Offline endpoint on 127.0.0.1; use as a context manager or call start and stop.

    ``key``: the API key that requests must carry; None accepts any or none.
    ``port``: 0 picks a free one.
    ``switches``: parameters that it does not obey, each ``ignored``, ``refused`` or
    ``wrong``; :mod:`wcode_magics.sandbox.parameter_faults` defines how.
    """

    __slots__ = ("_server", "_settings")

    def __init__(
        self,
        *,
        key: str | None = None,
        port: int = 0,
        switches: "Mapping[str, str] | None" = None,
    ) -> None:
        """Store the settings without starting the server."""
        self._settings: Any = {
            "key": key,
            "port": port,
            "switches": dict(switches or {}),
        }
        self._server: Server | None = None

    def start(self) -> Self:
        """Start the server unless it runs already; raises OSError on a taken port."""
        if self._server is None:
            from .server import Server

            self._server = Server(**self._settings)
            lifetime.begin(Stage.CONNECTIONS, self.stop)
        return self

    def stop(self, seconds: float | None = None) -> None:
        """Stop the server if it is running, and abort streams in flight.

        ``seconds``: the maximum time to wait for the server to end; None is unlimited.
        """
        lifetime.finish(self.stop)
        server, self._server = self._server, None
        if server is not None:
            server.stop(seconds)

    @property
    def base_url(self) -> str:
        """Base URL for clients, ``http://127.0.0.1:PORT/v1``; starts the server."""
        return f"http://127.0.0.1:{self._running().port}/v1"

    @property
    def active(self) -> int:
        """Number of answers in flight."""
        return self._running().service.active

    def _running(self) -> "Server":
        self.start()
        assert self._server is not None
        return self._server

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
