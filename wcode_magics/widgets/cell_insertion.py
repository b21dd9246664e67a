"""Cells put into the notebook, where anywidget is installed.

``set_next_input`` from a widget's callback arrives only after the next cell that is
run (measured in JupyterLab 4.6 and Notebook 7.6), so the front end does it.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any


def bridge() -> Any:
    """A widget with a method ``insert(source)``, or None without anywidget."""
    if find_spec("anywidget") is None:
        return None
    import anywidget

    class Bridge(anywidget.AnyWidget):
        """Sends sources of cells to the front end; nothing of it is saved."""

        _esm = Path(__file__).with_name("bridge.js")

        def __repr__(self) -> str:
            return "Bridge()"

        def insert(self, source: str) -> None:
            """Put a cell below the panel."""
            self.send({"source": source})

    return Bridge()
