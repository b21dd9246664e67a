"""A real kernel, driven by the Jupyter protocol."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager


@dataclass
class Shown:
    """What a front end would have on the screen, and all messages behind it."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    status: str = ""
    seconds: float = 0.0
    _clear: bool = False
    _by_id: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> None:
        """Do to the screen what a front end does."""
        kind, content = message["msg_type"], message["content"]
        self.messages.append(message)
        if kind == "clear_output":
            self._clear = True
        elif kind == "update_display_data":
            name = content["transient"]["display_id"]
            self._by_id[name].update(data=content["data"], metadata=content["metadata"])
        elif kind in {"display_data", "execute_result", "stream", "error"}:
            if self._clear:
                self.outputs.clear()
                self._clear = False
            name = content.get("transient", {}).get("display_id")
            if name:
                self._by_id[name] = content
            self.outputs.append(content)


class Kernel:
    """Runs cells and keeps what they show."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client

    def run(
        self,
        code: str,
        *,
        on_output: Callable[[Shown], None] | None = None,
        typed: str | None = None,
        cell: str | None = None,
    ) -> Shown:
        """Run a cell; ``on_output`` is called after each message that shows.

        An error aborts no cell that is sent a moment later, as older kernels would.

        ``typed`` answers the cell's one question, as a person would; ``cell`` names
        the cell, as JupyterLab and VS Code do.
        """
        shown = Shown()
        begun = time.monotonic()
        asked = (
            self._client.execute(
                code, allow_stdin=typed is not None, stop_on_error=False
            )
            if cell is None
            else self._named(code, cell)
        )
        if typed is not None:
            question = self._client.get_stdin_msg(timeout=60)["content"]
            assert question["password"], question
            self._client.input(typed)
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != asked:
                continue
            state = message["content"].get("execution_state")
            if message["msg_type"] == "status" and state == "idle":
                break
            shown.take(message)
            if on_output is not None:
                on_output(shown)
        shown.seconds = time.monotonic() - begun
        shown.status = self._reply_to(asked)["status"]
        return shown

    def _reply_to(self, asked: str) -> dict[str, Any]:
        """Past replies to nobody's questions: older clients ask twice at the start."""
        while True:
            message = self._client.get_shell_msg(timeout=60)
            if message["parent_header"].get("msg_id") == asked:
                return dict(message["content"])

    def _named(self, code: str, cell: str) -> str:
        content = {"code": code, "silent": False, "store_history": True}
        content |= {"user_expressions": {}, "allow_stdin": False}
        content["stop_on_error"] = False
        message = self._client.session.msg(
            "execute_request", content, metadata={"cellId": cell}
        )
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def complete(self, code: str) -> list[str]:
        """What Tab makes of a line, at its end."""
        asked = self._client.complete(code, len(code))
        found = self._reply_to(asked)
        start = found["cursor_start"]
        return [code[:start] + word for word in found["matches"]]

    def value(self, expression: str) -> str:
        """The repr of an expression."""
        shown = self.run(f"print(repr(({expression})))")
        return "".join(output.get("text", "") for output in shown.outputs).strip()


@contextmanager
def kernel(env: Mapping[str, str]) -> Iterator[Kernel]:
    """A kernel with the extension loaded.

    It is reached by sockets in a folder: ports that a manager chose may be taken by
    others before the kernel opens them.
    """
    with tempfile.TemporaryDirectory() as place:
        manager = KernelManager(transport="ipc", ip=f"{place}/kernel")
        manager.start_kernel(env=dict(env))
        client = manager.blocking_client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=60)
            made = Kernel(manager, client)
            made.run("%load_ext wcode_magics")
            yield made
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
