"""Buttons that start and stop a page's work, with the keys that press them."""

from typing import Any

import ipywidgets as widgets

from wcode_magics.text import say
from wcode_magics.widgets.label import made


def send_and_stop(key: str, icon: str, keys: Any) -> tuple[Any, Any]:
    """Return the buttons that start and stop a page's work, with their keys if any."""
    start, stop = say(f"panel.{key}"), say("panel.stop")
    send = made(
        widgets.Button,
        description=start,
        tooltip=f"{start} ({say('panel.key_send')})" if keys else start,
        icon=icon,
        button_style="primary",
        classes="wcode-go wcode-keyed" if keys else "wcode-go",
    )
    halt = made(
        widgets.Button,
        description=stop,
        tooltip=f"{stop} ({say('panel.key_stop')})" if keys else stop,
        icon="stop",
        disabled=True,
        classes="wcode-stop wcode-keyed" if keys else "wcode-stop",
    )
    return send, halt
