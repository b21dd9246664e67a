"""Buttons of a panel, each named by a key of ``[panel]``."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from wcode_magics import text
from wcode_magics.text import say
from wcode_magics.widgets.label import made, mark
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.status import StatusLine


def button(
    state: PanelState,
    key: str,
    call: Callable[[], None],
    *,
    words: bool = True,
    status: StatusLine | None = None,
    **traits: Any,
) -> Any:
    """Return a button that calls ``call``; without ``words``, its name is a tooltip.

    Errors show in ``status``, or on the page that is shown.
    """
    name, tip = say(f"panel.{key}"), f"panel.{key}_tip"
    shown = made(
        widgets.Button,
        description=name if words else "",
        tooltip=say(tip) if text.has(tip) else name,
        **traits,
    )
    shown.on_click(state.guarded(lambda _button: call(), status))
    return shown


def send_and_stop(
    state: PanelState,
    key: str,
    icon: str,
    send: Callable[[], None],
    stop: Callable[[], None],
) -> tuple[Any, Any]:
    """Return the buttons that start and stop a page's work, with their keys if any."""
    go: Any = {"icon": icon, "button_style": "primary", "classes": "wcode-go"}
    halt: Any = {"icon": "stop", "disabled": True, "classes": "wcode-stop"}
    pair = button(state, key, send, **go), button(state, "stop", stop, **halt)
    if state.front_end is not None:
        for shown, pressed in zip(pair, ("key_send", "key_stop"), strict=True):
            shown.tooltip += f" ({say(f'panel.{pressed}')})"
            mark(shown, "wcode-keyed", on=True)
    return pair
