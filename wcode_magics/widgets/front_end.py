"""The panel's part of the page, if anywidget is installed: keys, names, new cells.

ipywidgets sends no keys to the kernel. ``set_next_input`` from a widget's callback
takes effect only after the next cell has run (measured in JupyterLab 4.6 and Notebook
7.6), so the front end inserts the cell.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any


def front_end() -> Any:
    """Return a widget with a method ``insert(source)``, or None without anywidget."""
    if find_spec("anywidget") is None:
        return None
    import anywidget

    class FrontEnd(anywidget.AnyWidget):
        """Widget that handles keys and inserts cells; none of it is saved."""

        _esm = Path(__file__).with_name("front_end.js")

        def __repr__(self) -> str:
            return "FrontEnd()"

        def insert(self, source: str) -> None:
            """Insert a cell below the panel."""
            self.send({"source": source})

    return FrontEnd()
