"""Layouts, styles, labels and tooltips shared by a panel's widgets.

Every layout and every style is an object of its own in the front end, and a message on
opening. So widgets share them: never modify one.
"""

from typing import Any

import ipywidgets as widgets

from wcode_magics.protocol.parameters import Param
from wcode_magics.text import say

FULL = widgets.Layout(width="auto", min_width="0")


_styles: dict[Any, Any] = {}


def made(kind: Any, *args: Any, classes: str = "", **traits: Any) -> Any:
    """Return a widget with the shared layout and style, and with CSS classes.

    A ``tooltip`` has another name in ipywidgets 7 on all widgets but buttons.
    """
    known = kind.class_traits()
    if "tooltip" in traits and "tooltip" not in known:
        traits["description_tooltip"] = traits.pop("tooltip")
    if "style" in known:
        traits.setdefault("style", _style_of(known["style"].klass))
    traits.setdefault("layout", FULL)
    return kind(*args, _dom_classes=tuple(classes.split()), **traits)


def entry(name: str, hint: str = "", value: str = "") -> Any:
    """Return a line of text, read when it is left, named by a key of ``[panel]``."""
    return made(
        widgets.Text,
        value=value,
        description=say(f"panel.{name}"),
        placeholder=hint,
        continuous_update=False,
    )


def _is_shared(widget: Any) -> bool:
    """Return whether a widget belongs to all panels, and so outlives each of them."""
    return widget is FULL or widget is _styles.get(type(widget))


def _style_of(kind: Any) -> Any:
    if kind not in _styles:
        _styles[kind] = kind()
    return _styles[kind]


def mark(widget: Any, name: str, *, on: bool) -> None:
    """Add a CSS class to a widget, or remove it; nothing is sent without a change."""
    classes = widget.trait_values()["_dom_classes"]
    if (name in classes) != on:
        (widget.add_class if on else widget.remove_class)(name)


def label(row: Param) -> str:
    """Return the row's label in the user's language."""
    return say(f"params.{row.name}.label")


def release(*roots: Any) -> None:
    """Close widgets with their children, layouts and styles, but for the shared ones.

    A widget's own ``close`` leaves all of these alive, in the kernel and in the front
    end.
    """
    waiting, found = list(roots), {}
    while waiting:
        widget = waiting.pop()
        if _is_shared(widget) or id(widget) in found:
            continue
        found[id(widget)] = widget
        for name in widget.trait_names():
            value = getattr(widget, name)
            inner = value if isinstance(value, tuple | list) else (value,)
            waiting += [one for one in inner if isinstance(one, widgets.Widget)]
    for widget in found.values():
        widget.unobserve_all()
        widget.close()
