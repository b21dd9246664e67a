"""One editor per kind of parameter: what a value is typed, slid or chosen with.

An editor holds one or two widgets. ``read`` gives its value as :mod:`params` takes
it; ``show`` puts a value in without telling anybody.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from wcode_magics import params, tokens
from wcode_magics.errors import ParameterError
from wcode_magics.params import Param
from wcode_magics.text import say

PLACES = 6
LARGEST = 2**53 - 1
FULL = widgets.Layout(width="auto", min_width="0", margin="2px")
"""Shared by many widgets, which halves the messages at the opening: never change it."""


class Editor(Protocol):
    """The widgets of one value."""

    widgets: tuple[Any, ...]

    def read(self, source: Any) -> Any:
        """The value after ``source``, one of the widgets, was touched.

        Raises:
            ParameterError: it cannot be read, or is not allowed.
        """

    def show(self, value: Any) -> None:
        """Put a value into the widgets."""


def editor_of(row: Param) -> Editor:
    """The editor that fits a row of the table."""
    return _OF_NAME.get(row.name, _OF_KIND[row.kind])(row)


class Number:
    """A slider where both ends are known, and always a typed number."""

    def __init__(self, row: Param) -> None:
        self._row = row
        told = {"tooltip": label(row), "continuous_update": False}
        whole = row.kind == "int"
        self._typed = (widgets.IntText if whole else widgets.FloatText)(
            value=_start(row), step=row.step, layout=FULL, **told
        )
        self._slider: Any = None
        if row.low is not None and row.high is not None:
            low, high = (int(e) if whole else e for e in (row.low, row.high))
            kind = widgets.IntSlider if whole else widgets.FloatSlider
            span = {"min": low, "max": high, "step": row.step, "readout": False}
            self._slider = kind(value=_start(row), layout=FULL, **span, **told)
        self.widgets = tuple(w for w in (self._slider, self._typed) if w is not None)

    def read(self, source: Any) -> Any:
        """The rounded, checked number."""
        value = source.value
        return params.check(
            self._row.name, round(value, PLACES) if self._row.kind == "float" else value
        )

    def show(self, value: Any) -> None:
        """Move slider and typed number."""
        for widget in self.widgets:
            widget.value = _start(self._row) if value is None else value


class Menu:
    """A choice among words, or yes and no."""

    def __init__(self, row: Param) -> None:
        pairs: list[tuple[str, Any]] = [(word, word) for word in row.choices]
        pairs = pairs or [(say("panel.yes"), True), (say("panel.no"), False)]
        self._first = pairs[0][1] if row.default is None else row.default
        self._menu = widgets.Dropdown(
            options=pairs, value=self._first, description=label(row), layout=FULL
        )
        self.widgets = (self._menu,)

    def read(self, source: Any) -> Any:
        """The chosen value."""
        return source.value

    def show(self, value: Any) -> None:
        """Choose."""
        self._menu.value = self._first if value is None else value


class Strings:
    r"""Strings, one on each line; ``\n``, ``\t`` and the like as in JSON.

    ipywidgets' TagsInput takes no Enter in JupyterLab 4.6, which enters the cell.
    """

    def __init__(self, row: Param) -> None:
        self._row = row
        self._text = widgets.Textarea(
            layout=_tall("4em"),
            description=label(row),
            placeholder=say("panel.strings"),
            continuous_update=False,
        )
        self._text.add_class("wcode-mono")
        self.widgets = (self._text,)

    def read(self, source: Any) -> Any:
        """The strings, or ParameterError where there are none."""
        lines = [unescaped(line) for line in source.value.split("\n") if line]
        return params.check(self._row.name, lines)

    def show(self, value: Any) -> None:
        """Write the strings."""
        self._text.value = "\n".join(escaped(one) for one in value or ())


class Json:
    """JSON in a field, checked when it is left; a menu puts beginnings in."""

    def __init__(self, row: Param) -> None:
        self._row = row
        self._text = widgets.Textarea(
            layout=_tall("6em"),
            description=label(row),
            placeholder=row.allowed,
            continuous_update=False,
        )
        self._text.add_class("wcode-mono")
        self._menu = widgets.Dropdown(
            options=[(say("panel.begin"), ""), *_beginnings(row)],
            description=say("panel.begin"),
            layout=FULL,
        )
        self.widgets = (self._text, self._menu)

    def read(self, source: Any) -> Any:
        """The checked value of the JSON; a bare word of the choices is one too."""
        if source is self._menu:
            self._text.value, self._menu.value = self._menu.value, ""
        typed = self._text.value.strip()
        if typed in self._row.choices:
            return typed
        try:
            value = json.loads(typed)
        except ValueError as wrong:
            name, reason = self._row.name, str(wrong)
            raise ParameterError("bad_json", name=name, reason=reason) from wrong
        return params.check(self._row.name, value)

    def show(self, value: Any) -> None:
        """Write the value, indented."""
        shown = json.dumps(value, ensure_ascii=False, indent=2)
        self._text.value = (
            "" if value is None else value if isinstance(value, str) else shown
        )


class Bias:
    """Lines of ``word = shift``: words where the vocabulary is there, else ids."""

    def __init__(self, row: Param) -> None:
        self._row = row
        self._text = widgets.Textarea(
            layout=_tall("4.5em"),
            description=label(row),
            placeholder=say("panel.bias"),
            continuous_update=False,
        )
        self._text.add_class("wcode-mono")
        self.widgets = (self._text,)

    def read(self, source: Any) -> Any:
        """Token ids with their shifts; SettingError where words need a vocabulary."""
        bias: dict[str, float] = {}
        for line in filter(str.strip, source.value.splitlines()):
            word, equals, shift = line.rpartition("=")
            try:
                number = float(shift)
            except ValueError:
                number, equals = 0.0, ""
            if not equals or not word.strip():
                raise ParameterError(
                    "bad_value", name=self._row.name, given=line, allowed="word = 5"
                )
            bias |= dict.fromkeys(_ids(word.strip()), _short(number))
        return params.check(self._row.name, bias)

    def show(self, value: Any) -> None:
        """Write the ids."""
        self._text.value = "\n".join(f"{k} = {v}" for k, v in (value or {}).items())


def label(row: Param) -> str:
    """The row's label in the person's language."""
    return say(f"params.{row.name}.label")


def escaped(text: str) -> str:
    """A text with what JSON escapes written out."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"')


def unescaped(text: str) -> str:
    """The text of :func:`escaped`; what is no escape stays as it was typed."""
    quoted = text.replace("\\\\", "\0").replace('"', '\\"').replace("\0", "\\\\")
    try:
        return str(json.loads(f'"{quoted}"'))
    except ValueError:
        return text


def _start(row: Param) -> Any:
    if row.default is not None:
        return row.default
    return max(row.low or 0, 0) if row.name != "max_tokens" else 512


def _tall(height: str) -> Any:
    return widgets.Layout(width="auto", min_width="0", margin="2px", height=height)


def _short(number: float) -> float:
    return int(number) if number == int(number) else number


def _ids(word: str) -> list[str]:
    if word.isdigit():
        return [word]
    return [str(token) for token in tokens.encode_words(word.strip('"'))]


_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
_BEGINNINGS: dict[str, dict[str, Any]] = {
    "response_format": {
        "JSON": {"type": "json_object"},
        "JSON Schema": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": _SCHEMA},
        },
    },
    "tools": {
        "function": [
            {
                "type": "function",
                "function": {"name": "look_up", "parameters": _SCHEMA},
            }
        ]
    },
    "tool_choice": {
        "function": {"type": "function", "function": {"name": "look_up"}},
    },
}


def _beginnings(row: Param) -> list[tuple[str, str]]:
    begun = _BEGINNINGS.get(row.name, {})
    shown = [(name, json.dumps(value, indent=2)) for name, value in begun.items()]
    return [*((word, word) for word in row.choices), *shown]


_OF_KIND: dict[str, Callable[[Param], Editor]] = {
    "float": Number,
    "int": Number,
    "bool": Menu,
    "choice": Menu,
    "object": Json,
    "array": Json,
}
_OF_NAME: dict[str, Callable[[Param], Editor]] = {"stop": Strings, "logit_bias": Bias}
