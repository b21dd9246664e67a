"""Closing of widgets with their contents, so that both sides free them.

A widget's ``close`` leaves its layout, style and children alive, in the kernel and in
the front end.
"""

from typing import Any

import ipywidgets as widgets

from wcode_magics.widgets.label import is_shared


def release(*roots: Any) -> None:
    """Close widgets with their children, layouts and styles.

    What all panels share is kept.
    """
    waiting, found = list(roots), {}
    while waiting:
        widget = waiting.pop()
        if is_shared(widget) or id(widget) in found:
            continue
        found[id(widget)] = widget
        for name in widget.trait_names():
            value = getattr(widget, name)
            inner = value if isinstance(value, tuple | list) else (value,)
            waiting += [one for one in inner if isinstance(one, widgets.Widget)]
    for widget in found.values():
        widget.unobserve_all()
        widget.close()
