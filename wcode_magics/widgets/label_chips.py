"""Labels as chips: typed one after the other, removed by a click."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from wcode_magics.text import say
from wcode_magics.widgets.label import entry, made, release


class LabelChips:
    """Field that takes labels, at Enter or between commas, and shows each as a chip.

    ipywidgets' TagsInput is missing in version 7. ``guarded`` wraps callbacks.
    """

    def __init__(self, guarded: Callable[[Any], Any]) -> None:
        self._guarded = guarded
        self.values: tuple[str, ...] = ()
        self._field = entry("labels", say("panel.labels_hint"))
        self._chips = made(widgets.HBox, classes="wcode-chips")
        self._field.observe(guarded(lambda _change: self._typed()), "value")
        row = [self._field, self._chips]
        self.widget = made(widgets.VBox, row, classes="wcode-labels")

    def _typed(self) -> None:
        words = [word.strip() for word in self._field.value.split(",")]
        if any(words):
            self._put(dict.fromkeys([*self.values, *filter(None, words)]))
            self._field.value = ""

    def _put(self, values: Any) -> None:
        self.values = tuple(values)
        old = self._chips.children
        self._chips.children = [self._chip(value) for value in self.values]
        release(*old)

    def _chip(self, value: str) -> Any:
        chip = made(
            widgets.Button,
            description=value,
            icon="times",
            tooltip=say("panel.remove_label", label=value),
            classes="wcode-chip",
        )

        def remove(_button: Any) -> None:
            self._put(one for one in self.values if one != value)

        chip.on_click(self._guarded(remove))
        return chip
