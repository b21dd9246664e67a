"""A real IPython shell, as in a terminal, and what a cell did in it."""

import atexit
import os
import pty
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from tests.loopback import Loopback

IPYTHON = ["-m", "IPython", "--colors=NoColor", "--no-banner", "-c"]


@dataclass
class Ran:
    """What a cell did."""

    success: bool
    stdout: str
    stderr: str
    outputs: list[Any]
    error: BaseException | None

    @property
    def plain(self) -> str:
        """All that was printed or displayed as text."""
        shown = [output.data.get("text/plain", "") for output in self.outputs]
        return "\n".join([self.stdout, *shown])

    @property
    def error_lines(self) -> list[str]:
        """The lines of the error's report."""
        return [line for line in self.stdout.splitlines() if line.strip()]


Runner = Callable[[str], Ran]


def new_shell() -> InteractiveShell:
    """The process's shell, made anew, without a history file.

    It is not cleaned up at exit, which would keep hundreds of shells alive until then
    and collect garbage once for each, for minutes.
    """
    InteractiveShell.clear_instance()
    config = Config({"HistoryManager": {"hist_file": ":memory:", "enabled": False}})
    shell = InteractiveShell.instance(config=config)
    atexit.unregister(shell.atexit_operations)
    shell.run_line_magic("colors", "nocolor")
    return shell


def run_in(
    shell: InteractiveShell, code: str, call: Callable[[str], Any] | None = None
) -> Ran:
    """Run a cell; ``call`` in place of the shell's own ``run_cell``."""
    with capture_output() as captured:
        result = (call or shell.run_cell)(code)
    return Ran(
        result.success,
        captured.stdout,
        captured.stderr,
        captured.outputs,
        result.error_in_exec,
    )


def in_terminal(words: Sequence[str], server: Loopback) -> str:
    """All that a program writes to a terminal of its own."""
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_RETRIES": "1"}
    env |= {"COLUMNS": "100", "WCODE_LANGUAGE": "en"}
    child, master = pty.fork()
    if not child:
        os.execve(sys.executable, [sys.executable, *words], env)
    parts = []
    with suppress(OSError):
        while part := os.read(master, 4096):
            parts.append(part)
    os.close(master)
    os.waitpid(child, 0)
    return b"".join(parts).decode()
