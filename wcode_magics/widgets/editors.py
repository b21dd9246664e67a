"""One editor per kind of parameter, with a text field, slider or menu.

An editor holds one or two widgets. ``read`` returns its value as :mod:`parameters`
expects it; ``show`` puts a value into the widgets.
"""

from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from wcode_magics.protocol import parameters
from wcode_magics.protocol.parameters import Param
from wcode_magics.text import say
from wcode_magics.widgets.label import label, made
from wcode_magics.widgets.text_editors import Bias, Json, Strings

PLACES = 6


class Editor(Protocol):
    """Widgets that edit one value."""

    widgets: tuple[Any, ...]

    def read(self, source: Any) -> Any:
        """Return the value after a change of ``source``, one of the widgets.

        Raises:
            ParameterError: the value cannot be read, or is not allowed.
        """

    def show(self, value: Any) -> None:
        """Put a value into the widgets."""


def editor_of(row: Param) -> Editor:
    """Return the editor for a row of the parameter table."""
    return _OF_NAME.get(row.name, _OF_KIND[row.kind])(row)


class Number:
    """Number field, with a slider if both bounds are known."""

    def __init__(self, row: Param) -> None:
        self._row = row
        whole = row.kind == "int"
        kind = widgets.IntText if whole else widgets.FloatText
        traits: dict[str, Any] = {"tooltip": label(row), "continuous_update": False}
        traits |= {"value": _start(row), "step": row.step}
        slid = row.low is not None and row.high is not None
        wide = "" if slid else "wcode-wide"
        self._typed = made(kind, description=label(row), classes=wide, **traits)
        self._slider: Any = None
        if slid:
            low, high = (int(e or 0) if whole else e for e in (row.low, row.high))
            kind = widgets.IntSlider if whole else widgets.FloatSlider
            self._slider = made(kind, min=low, max=high, readout=False, **traits)
        self.widgets = tuple(w for w in (self._slider, self._typed) if w is not None)

    def read(self, source: Any) -> Any:
        """Return the rounded, checked number."""
        value = source.value
        return parameters.check(
            self._row.name, round(value, PLACES) if self._row.kind == "float" else value
        )

    def show(self, value: Any) -> None:
        """Set the slider and the number field."""
        for widget in self.widgets:
            widget.value = _start(self._row) if value is None else value


class Menu:
    """Menu of choices, or of yes and no."""

    def __init__(self, row: Param) -> None:
        pairs: list[tuple[str, Any]] = [(word, word) for word in row.choices]
        pairs = pairs or [(say("panel.yes"), True), (say("panel.no"), False)]
        self._first = pairs[0][1] if row.default is None else row.default
        self._menu = made(
            widgets.Dropdown,
            options=pairs,
            value=self._first,
            description=label(row),
            classes="wcode-wide",
        )
        self.widgets = (self._menu,)

    def read(self, source: Any) -> Any:
        """Return the selected value."""
        return source.value

    def show(self, value: Any) -> None:
        """Select a value."""
        self._menu.value = self._first if value is None else value


def _start(row: Param) -> Any:
    if row.default is not None:
        return row.default
    return max(row.low or 0, 0) if row.name != "max_tokens" else 512


_OF_KIND: dict[str, Callable[[Param], Editor]] = {
    "float": Number,
    "int": Number,
    "bool": Menu,
    "choice": Menu,
    "object": Json,
    "array": Json,
}
_OF_NAME: dict[str, Callable[[Param], Editor]] = {
    "stop": Strings,
    "logit_bias": Bias,
    "structured_outputs": Json,
}
