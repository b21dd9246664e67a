"""Layout, labels and tooltips shared by a panel's widgets."""

from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets

from wcode_magics.protocol.parameters import Param
from wcode_magics.text import say

FULL = widgets.Layout(width="auto", min_width="0", margin="2px")
"""Shared by many widgets, which halves the messages on opening: never modify it."""


def label(row: Param) -> str:
    """Return the row's label in the user's language."""
    return say(f"params.{row.name}.label")


def tip(kind: Any, shown: str) -> dict[str, str]:
    """Return the argument that gives a widget of this kind a tooltip.

    In ipywidgets 7 it has another name on all widgets but buttons.
    """
    name = "tooltip" if "tooltip" in kind.class_traits() else "description_tooltip"
    return {name: shown}


def name_pages(book: Any, titles: Iterable[str]) -> None:
    """Set the titles of tabs or an accordion, in ipywidgets 7 and 8 alike."""
    with book.hold_sync():
        for place, title in enumerate(titles):
            if book.get_title(place) != title:
                book.set_title(place, title)
