"""What widgets of a panel have in common: their room and their label."""

import ipywidgets as widgets

from wcode_magics.params import Param
from wcode_magics.text import say

FULL = widgets.Layout(width="auto", min_width="0", margin="2px")
"""Shared by many widgets, which halves the messages at the opening: never change it."""


def label(row: Param) -> str:
    """The row's label in the person's language."""
    return say(f"params.{row.name}.label")
