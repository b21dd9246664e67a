"""Closing widgets with all they hold, so that neither side remembers them.

A widget's ``close`` leaves its layout, its style and what is inside it alive, in the
kernel and in the front end.
"""

from typing import Any

import ipywidgets as widgets

from wcode_magics.widgets.label import FULL


def release(*roots: Any) -> None:
    """Close widgets, what is inside them, and their layouts and styles.

    What all panels share stays.
    """
    waiting, found = list(roots), {}
    while waiting:
        widget = waiting.pop()
        if widget is FULL or id(widget) in found:
            continue
        found[id(widget)] = widget
        for name in widget.trait_names():
            held = getattr(widget, name)
            inner = held if isinstance(held, tuple | list) else (held,)
            waiting += [one for one in inner if isinstance(one, widgets.Widget)]
    for widget in found.values():
        widget.unobserve_all()
        widget.close()
