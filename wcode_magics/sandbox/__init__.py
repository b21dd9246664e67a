"""The sandbox: a small offline model behind an OpenAI-compatible server.

It is a real language model in the sense that counts here: at every step it has a
true probability for each token, which every sampling parameter reshapes. It is
not a knowledgeable one; it says so when asked. Importing this costs nothing;
NumPy, Tornado and llguidance are loaded when a server starts.
"""

from typing import TYPE_CHECKING, Self

from wcode_magics.runtime import lifetime
from wcode_magics.runtime.lifetime import Stage

if TYPE_CHECKING:
    from types import TracebackType

    from .server import Server

__all__ = ["Sandbox", "serve"]


class Sandbox:
    """An offline endpoint on 127.0.0.1, as a context manager or by start and stop.

    ``key``: the API key that requests must carry; None accepts any or none.
    ``tokens_per_second``: the pace of writing; None is as fast as it can.
    ``port``: 0 takes a free one.
    """

    __slots__ = ("_server", "_settings")

    def __init__(
        self,
        *,
        key: str | None = None,
        tokens_per_second: float | None = None,
        port: int = 0,
    ) -> None:
        """Keep the settings; nothing starts yet."""
        self._settings = (key, tokens_per_second, port)
        self._server: Server | None = None

    def start(self) -> Self:
        """Start the server if it is not running; raises OSError on a taken port."""
        if self._server is None:
            from .server import Server

            key, pace, port = self._settings
            self._server = Server(key=key, tokens_per_second=pace, port=port)
            lifetime.begin(Stage.CONNECTIONS, self.stop)
        return self

    def stop(self, seconds: float | None = None) -> None:
        """Stop the server if it is running; streams under way are cut.

        ``seconds``: how long to wait for its end at most.
        """
        lifetime.finish(self.stop)
        server, self._server = self._server, None
        if server is not None:
            server.stop(seconds)

    @property
    def base_url(self) -> str:
        """The address for clients, ``http://127.0.0.1:PORT/v1``; starts the server."""
        return f"http://127.0.0.1:{self._running().port}/v1"

    @property
    def active(self) -> int:
        """Number of answers that are being written now."""
        return self._running().service.active

    def _running(self) -> "Server":
        self.start()
        assert self._server is not None
        return self._server

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        """Stop."""
        self.stop()


def serve(*, port: int = 0, key: str | None = None) -> None:
    """Serve until interrupted; prints the address when ready."""
    import threading

    with Sandbox(port=port, key=key) as sandbox:
        print(f"sandbox on {sandbox.base_url}", flush=True)  # noqa: T201
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
