"""A server that costs next to nothing, in a process of its own.

HTTP/1.1 by hand: each request is answered after a fixed time with the same short
completion, or, under ``/responses``, with one for each message of a packed request, as
openaivec asks. ``python -m tests.bench.stub MILLISECONDS`` prints its port.
"""

import asyncio
import json
import subprocess
import sys
from types import TracebackType
from typing import Self

TEXT = "A short answer of some words about this row."
BODY = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "qwen/qwen-2.5-7b-instruct",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 25, "completion_tokens": 10, "total_tokens": 35},
    }
).encode()
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
ANSWER = HEAD % len(BODY) + BODY
END = b"\r\n\r\n"


def packed(body: bytes) -> bytes:
    """An answer of the Responses API with a text for each message inside."""
    asked = json.loads(json.loads(body)["input"])["user_messages"]
    said = {"assistant_messages": [{"id": m["id"], "body": TEXT} for m in asked]}
    text = {"type": "output_text", "text": json.dumps(said), "annotations": []}
    message = {"type": "message", "id": "m1", "role": "assistant", "content": [text]}
    whole = {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "stub",
        "status": "completed",
        "output": [{**message, "status": "completed"}],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }
    data = json.dumps(whole).encode()
    return HEAD % len(data) + data


class Stub(asyncio.Protocol):
    """One connection; requests on it come one after another."""

    delay = 0.0

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request, later."""
        self._held += data
        while (end := self._held.find(END)) >= 0:
            head = self._held[:end].lower()
            _, _, rest = head.partition(b"content-length:")
            size = int(rest.split(b"\r\n", 1)[0] or 0)
            whole = end + len(END) + size
            if len(self._held) < whole:
                return
            answer = ANSWER
            if b"/responses " in head[:64]:
                answer = packed(self._held[end + len(END) : whole])
            self._held = self._held[whole:]
            if self.delay:
                loop = asyncio.get_running_loop()
                loop.call_later(self.delay, self._transport.write, answer)
            else:
                self._transport.write(answer)


class Server:
    """The stub as a process: ``with Server(milliseconds) as server: server.url``."""

    def __init__(self, milliseconds: float) -> None:
        argv = [sys.executable, "-m", "tests.bench.stub", str(milliseconds)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{port}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()


async def serve(milliseconds: float) -> None:
    """Serve until killed."""
    Stub.delay = milliseconds / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
