"""A real HTTP server on the loopback that answers what a test tells it to.

It speaks HTTP/1.1 by hand, so that a test can cut, stall and split the bytes.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Answer:
    """``pieces`` are sent one by one with ``pause`` seconds between them.

    ``early`` are sent as they are before the head, with the same pause.
    ``cut`` closes the socket before the end of the body; ``delay`` waits before the
    head; ``hang`` never answers; ``until`` holds the head back until it is true, but
    no longer than :data:`PATIENCE_S`.
    """

    pieces: Sequence[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    pause: float = 0.0
    delay: float = 0.0
    cut: bool = False
    hang: bool = False
    until: Callable[[], bool] | None = None
    early: Sequence[bytes] = ()


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes
    connection: int

    @property
    def body(self) -> Any:
        """The JSON of the request."""
        return json.loads(self.content)


def completion(text: str = "Hello.", **more: Any) -> Answer:
    """A whole answer; ``more`` overrides fields of its only choice."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
        **more,
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"id": "c1", "model": "stub", "choices": [choice], "usage": usage}
    return Answer([json.dumps(body, ensure_ascii=False).encode()])


def event(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return sse({"model": "stub", "choices": [choice]})


def sse(payload: Any) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


USAGE = sse({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
DONE = b"data: [DONE]\n\n"


def streamed(*texts: str, **more: Any) -> Answer:
    """A stream of texts that ends well, with usage."""
    pieces = [event({"content": text}) for text in texts]
    end = [event({}, "stop"), USAGE, DONE]
    return Answer([*pieces, *end], kind="text/event-stream", **more)


def either(text: str = "Hello.") -> Callable[[Seen], Answer]:
    """Streams to whom asks for a stream, else answers whole."""

    def answer(seen: Seen) -> Answer:
        wants_stream = seen.content and seen.body.get("stream")
        return streamed(*text.split(" ")) if wants_stream else completion(text)

    return answer


Script = Answer | Callable[[Seen], Answer]


class Loopback:
    """The server; ``script`` answers in turn, its last entry for ever.

    ``most`` is how many requests waited for the end of their answers at one time.
    """

    def __init__(self, *script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script: list[Script] = list(script) or [either()]
        self.seen: list[Seen] = []
        self.hung_up = threading.Event()
        self.flying = self.most = 0
        self._tls = tls
        self._connections = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def url(self) -> str:
        """The base URL for a client."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/v1"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        server = self._loop.run_until_complete(start)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(_turns())  # who is accepted begins to be served
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for writer in self._writers:
            with suppress(AttributeError):  # TLS closed twice, before Python 3.13
                writer.transport.abort()  # though the peer has not read all of it
        self._loop.run_until_complete(_turns())
        self._loop.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._connections += 1
        self._writers.append(writer)
        connection = self._connections
        try:
            while await self._one(reader, writer, connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        except asyncio.CancelledError:
            return
        finally:
            writer.close()

    async def _one(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: int,
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, path, _version = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(method, path, headers, content, connection)
        self.seen.append(seen)
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            step = self.script[min(len(self.seen), len(self.script)) - 1]
            answer = step if isinstance(step, Answer) else step(seen)
            stays = headers.get("connection", "").lower() != "close"
            return await self._answer(answer, reader, writer) and stays
        finally:
            self.flying -= 1

    async def _held(self, true: Callable[[], bool]) -> None:
        end = self._loop.time() + PATIENCE_S
        while not true() and self._loop.time() < end:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.005)

    async def _answer(
        self,
        answer: Answer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        if answer.hang:
            await reader.read(1)
            raise ConnectionError
        await asyncio.sleep(answer.delay)
        if answer.until is not None:
            await self._held(answer.until)
        headers = {
            "Content-Type": answer.kind,
            "Transfer-Encoding": "chunked",
            **answer.headers,
        }
        for piece in answer.early:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(answer.pause)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} X\r\n{head}\r\n".encode())
        for piece in answer.pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            if answer.pause:
                await asyncio.sleep(answer.pause)
            if reader.at_eof():
                raise ConnectionError
        if answer.cut:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


async def _turns(count: int = 5) -> None:
    """Let what is ready on the loop run."""
    for _ in range(count):
        await asyncio.sleep(0)
