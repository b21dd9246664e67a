"""Insertion of cells into the notebook, if anywidget is installed.

``set_next_input`` from a widget's callback takes effect only after the next cell has
run (measured in JupyterLab 4.6 and Notebook 7.6), so the front end inserts the cell.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any


def bridge() -> Any:
    """Return a widget with a method ``insert(source)``, or None without anywidget."""
    if find_spec("anywidget") is None:
        return None
    import anywidget

    class Bridge(anywidget.AnyWidget):
        """Widget that sends cell sources to the front end; none of it is saved."""

        _esm = Path(__file__).with_name("bridge.js")

        def __repr__(self) -> str:
            return "Bridge()"

        def insert(self, source: str) -> None:
            """Insert a cell below the panel."""
            self.send({"source": source})

    return Bridge()
