"""Which cell is running: the front end's name for it, and what stands where in it.

JupyterLab, Notebook and VS Code name their cells, so a cell that is run again is known
again. Where nobody does (a terminal, nbclient), each run is a cell of its own. Two
prompts of one cell are told apart by their order.
"""

import os
from pathlib import Path
from typing import Any

from wcode_magics.runtime import private_files

_NOTEBOOK = "JPY_SESSION_NAME"
_VSCODE = "__vsc_ipynb_file__"


class CellWatch:
    """Follows a shell's cells from ``start`` to ``stop``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._life = os.urandom(4).hex()
        self._runs = 0
        self._cell = f"{self._life}-0"
        self._asked = 0

    def start(self) -> None:
        """Listen to the shell."""
        self._shell.events.register("pre_run_cell", self._begin)

    def stop(self) -> None:
        """Listen no more."""
        self._shell.events.unregister("pre_run_cell", self._begin)

    def next_place(self) -> str:
        """A name for the next prompt of the running cell: ``cell#0``, ``cell#1``, …."""
        place = f"{self._cell}#{self._asked}"
        self._asked += 1
        return place

    def _begin(self, info: Any) -> None:
        self._runs += 1
        self._asked = 0
        named = getattr(info, "cell_id", None)
        self._cell = named or f"{self._life}-{self._runs}"


def notebook_name(shell: Any) -> str | None:
    """The path of the notebook that a shell serves, or None where nobody tells it."""
    return os.environ.get(_NOTEBOOK) or shell.user_ns.get(_VSCODE) or None


def chats_folder(notebook: str) -> Path:
    """Where the conversations of a notebook are kept."""
    import hashlib

    mark = hashlib.sha256(notebook.encode()).hexdigest()[:12]
    stem = "".join(c if c.isalnum() else "-" for c in Path(notebook).stem)[:40]
    return private_files.data_folder() / "chats" / f"{stem}-{mark}"
