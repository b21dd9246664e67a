"""HTTP server: OpenAI's endpoints on the loopback, one event loop in one thread.

Answers are generated in slices of a few milliseconds and yield to the event loop in
between, so that several streams advance concurrently, a disconnected client is
noticed immediately, and other threads of the process can run.
"""

import asyncio
import hmac
import json
import socket
import threading
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from tornado import httpserver, iostream, netutil, web

from . import (
    answer,
    model,
    parameter_faults,
    request_body,
    responses,
    retrieval,
    tokenizer,
)
from .bad_request import BadRequest

HOST = "127.0.0.1"
BIGGEST_BODY = 8 * 2**20
"""Maximum bytes of a request body."""

_SLICE = 0.004
"""Seconds of generation between yields to the event loop."""


@dataclass(slots=True)
class Service:
    """Settings shared by the handlers, and the number of answers in flight."""

    key: str | None
    switches: Mapping[str, str]
    active: int = 0


class Base(web.RequestHandler):
    """Base handler: authorizes requests and returns errors in OpenAI's format."""

    service: Service

    def initialize(self, service: Service) -> None:
        """Store the service."""
        self.service = service
        self.gone = False

    def prepare(self) -> Awaitable[None] | None:
        """Reject cross-origin requests of browsers, foreign hosts and wrong keys."""
        name = self.request.host.rsplit(":", 1)[0]
        if name not in {HOST, "localhost"} or "Origin" in self.request.headers:
            raise BadRequest("Only local clients are served, no web pages.", status=403)
        if self.service.key is not None:
            sent = self.request.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(sent, f"Bearer {self.service.key}".encode()):
                message = "The API key is missing or wrong."
                raise BadRequest(message, code="invalid_api_key", status=401)
        return None

    def on_connection_close(self) -> None:
        """Note that the client has disconnected."""
        self.gone = True

    def reply(self, data: dict[str, Any]) -> None:
        """Finish the response with a JSON body."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(data, ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send an exception as an error body."""
        found = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(found, BadRequest):
            message = {404: "There is no such path.", 405: "Use another method here."}
            reason = message.get(status_code, self._reason)
            found = BadRequest(reason, status=status_code)
        self.set_status(found.status)
        self.reply(found.body)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log unexpected exceptions; a BadRequest is a normal response."""
        if not isinstance(value, BadRequest):
            super().log_exception(typ, value, tb)


class ChatHandler(Base):
    """POST /v1/chat/completions."""

    async def post(self) -> None:
        """Validate the request and send the answer as one body or as a stream."""
        raw = parameter_faults.applied(self.request.body, self.service.switches)
        request = request_body.read(raw, tokenizer.load().size)
        writing = answer.Writing(request)
        head = responses.Head(f"{time.time_ns():x}")
        self.service.active += 1
        try:
            if request.stream:
                await self._stream(writing, head)
            else:
                await self._whole(writing, head)
        except iostream.StreamClosedError:
            pass
        finally:
            self.service.active -= 1

    async def _whole(self, writing: answer.Writing, head: responses.Head) -> None:
        found = []
        turn = time.perf_counter()
        for piece in writing.pieces():
            if piece is not None:
                found.append(piece)
            turn = await self._yield(turn)
            if self.gone:
                return
        self.reply(head.whole(writing, found))

    async def _stream(self, writing: answer.Writing, head: responses.Head) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        logprobs = writing.request.top_logprobs is not None
        turn, sent = 0.0, False
        for piece in writing.pieces():
            if not sent:
                calls = piece is not None and piece.call is not None
                self.write(responses.event(head.first(calls=calls)))
                sent = True
            if piece is not None:
                self.write(responses.event(head.piece(piece, logprobs=logprobs)))
            before, turn = turn, await self._yield(turn)
            if turn != before:
                await self.flush()
            if self.gone:
                return
        if not sent:
            self.write(responses.event(head.first(calls=False)))
        self.write(responses.event(head.last(writing)))
        if writing.request.include_usage:
            self.write(responses.event(head.usage(writing)))
        await self.finish(responses.DONE)

    async def _yield(self, turn: float) -> float:
        """Yield to the event loop if the slice that began at ``turn`` is over.

        Returns the start of the current slice, in seconds of ``time.perf_counter``.
        """
        if time.perf_counter() - turn < _SLICE:
            return turn
        await asyncio.sleep(0)
        return time.perf_counter()


class Models(Base):
    """GET /v1/models and /v1/models/{id}."""

    def get(self, name: str | None = None) -> None:
        """List the only model, or return its entry."""
        if name is None:
            self.reply({"object": "list", "data": [responses.listed()]})
        elif name in {request_body.MODEL, request_body.STANDS_IN_FOR}:
            self.reply(responses.listed())
        else:
            message = f"The model `{name}` does not exist."
            raise BadRequest(message, "model", "model_not_found", 404)


class Tokenize(Base):
    """POST /v1/tokenize: the ids that ``logit_bias`` takes."""

    def post(self) -> None:
        """Return the ids and texts of the tokens of ``{"text": …}``."""
        text = request_body.parse(self.request.body).get("text")
        if not isinstance(text, str):
            raise BadRequest("`text` must be a string.", "text")
        tok = tokenizer.load()
        ids = tok.encode(text)
        shown = [tokenizer.spell(tok.bytes_of[i]) for i in ids]
        self.reply({"count": len(ids), "ids": ids, "tokens": shown})


class Server:
    """Running server: its event loop runs in a daemon thread until :meth:`stop`."""

    __slots__ = ("_halt", "_loop", "_thread", "port", "service")

    def __init__(
        self,
        *,
        port: int,
        key: str | None,
        switches: Mapping[str, str],
    ) -> None:
        """Bind, start and load the model; raises OSError if the port is in use."""
        sockets = netutil.bind_sockets(port, HOST, socket.AF_INET)
        self.port: int = sockets[0].getsockname()[1]
        self.service = Service(key, switches)
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(sockets, ready)),
            name="wcode-sandbox",
            daemon=True,
        )
        self._thread.start()
        model.load()
        retrieval.warm()
        ready.wait()

    def stop(self, seconds: float | None = None) -> None:
        """Close the port and all connections, and end the thread.

        ``seconds``: the maximum time to wait for the thread; None is unlimited.
        """
        self._loop.call_soon_threadsafe(self._halt.set)
        self._thread.join(seconds)

    async def _serve(
        self, sockets: list[socket.socket], ready: threading.Event
    ) -> None:
        self._loop, self._halt = asyncio.get_running_loop(), asyncio.Event()
        server = httpserver.HTTPServer(_app(self.service), max_body_size=BIGGEST_BODY)
        server.add_sockets(sockets)
        ready.set()
        await self._halt.wait()
        server.stop()
        await server.close_all_connections()


def _app(service: Service) -> web.Application:
    shared = {"service": service}
    routes: list[Any] = [
        (r"/v1/chat/completions", ChatHandler, shared),
        (r"/v1/models", Models, shared),
        (r"/v1/models/(.+)", Models, shared),
        (r"/v1/tokenize", Tokenize, shared),
    ]
    return web.Application(
        routes,
        default_handler_class=Missing,
        default_handler_args=shared,
        log_function=lambda _handler: None,  # it would stand in the notebook's output
    )


class Missing(Base):
    """Handler of all unknown paths."""

    def prepare(self) -> None:
        """Respond with 404."""
        raise BadRequest(f"There is no {self.request.path}.", status=404)
