"""What widgets of a panel have in common: their room and their label."""

from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets

from wcode_magics.protocol.parameters import Param
from wcode_magics.text import say

FULL = widgets.Layout(width="auto", min_width="0", margin="2px")
"""Shared by many widgets, which halves the messages at the opening: never change it."""


def label(row: Param) -> str:
    """The row's label in the person's language."""
    return say(f"params.{row.name}.label")


def tip(kind: Any, shown: str) -> dict[str, str]:
    """Return the argument that gives a widget of this kind a tooltip.

    ipywidgets 7 has another name for it on all but buttons.
    """
    name = "tooltip" if "tooltip" in kind.class_traits() else "description_tooltip"
    return {name: shown}


def name_pages(book: Any, titles: Iterable[str]) -> None:
    """Set the titles of tabs or an accordion, as ipywidgets 7 and 8 both can."""
    with book.hold_sync():
        for place, title in enumerate(titles):
            if book.get_title(place) != title:
                book.set_title(place, title)
