"""The panel's part of the page, if anywidget is installed.

It handles keys, names, new cells, and images that are dropped or pasted.

ipywidgets sends no keys to the kernel. ``set_next_input`` from a widget's callback
takes effect only after the next cell has run (measured in JupyterLab 4.6 and Notebook
7.6), so the front end inserts the cell.
"""

from collections.abc import Callable
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

        def __init__(self) -> None:
            super().__init__()
            self.take: Callable[[tuple[str, bytes]], None] = lambda _image: None
            self.on_msg(self._received)

        def _received(self, _widget: Any, content: Any, buffers: Any) -> None:
            """Pass on the name and data of an image dropped or pasted."""
            if isinstance(content, dict) and "image" in content and buffers:
                self.take((str(content["image"]), bytes(buffers[0])))

        def __repr__(self) -> str:
            return "FrontEnd()"

        def insert(self, source: str) -> None:
            """Insert a cell below the panel."""
            self.send({"source": source})

    return FrontEnd()
