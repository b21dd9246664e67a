"""Identity of the running cell: the front end's cell id, and the prompt's position.

JupyterLab, Notebook and VS Code provide cell ids, so a cell that is run again is
recognized. Without ids (a terminal, nbclient), each run counts as a separate cell.
Prompts of one cell are distinguished by their order.
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
        self._prompts = 0

    def start(self) -> None:
        """Register with the shell's events."""
        self._shell.events.register("pre_run_cell", self._start_cell)

    def stop(self) -> None:
        """Unregister from the shell's events."""
        self._shell.events.unregister("pre_run_cell", self._start_cell)

    def next_id(self) -> str:
        """Return an id for the cell's next prompt: ``cell#0``, ``cell#1``, …."""
        place = f"{self._cell}#{self._prompts}"
        self._prompts += 1
        return place

    def _start_cell(self, info: Any) -> None:
        self._runs += 1
        self._prompts = 0
        named = getattr(info, "cell_id", None)
        self._cell = named or f"{self._life}-{self._runs}"


def notebook_name(shell: Any) -> str | None:
    """Return the path of the notebook that a shell serves, or None if unknown."""
    return os.environ.get(_NOTEBOOK) or shell.user_ns.get(_VSCODE) or None


def chats_folder(notebook: str) -> Path:
    """Return the folder that stores the conversations of a notebook."""
    import hashlib

    mark = hashlib.sha256(notebook.encode()).hexdigest()[:12]
    stem = "".join(c if c.isalnum() else "-" for c in Path(notebook).stem)[:40]
    return private_files.data_folder() / "chats" / f"{stem}-{mark}"
