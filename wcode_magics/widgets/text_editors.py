"""Editors of values typed as text: strings, JSON, token biases."""

import json
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import ParameterError
from wcode_magics.protocol import parameters, token_counts
from wcode_magics.protocol.json_extraction import parsed, where_invalid
from wcode_magics.protocol.parameters import Param
from wcode_magics.settings.option_values import escaped, unescaped
from wcode_magics.text import say
from wcode_magics.widgets.label import label, made


class Strings:
    r"""Strings, one per line, with ``\n``, ``\t`` and other escapes as in JSON.

    ipywidgets' TagsInput gets no Enter in JupyterLab 4.6: the key enters the cell
    instead.
    """

    def __init__(self, row: Param) -> None:
        self._row = row
        self._text = _area(row, say("panel.strings"))
        self.widgets = (self._text,)

    def read(self, source: Any) -> Any:
        """Return the strings; raises ParameterError if there are none."""
        lines = [unescaped(line) for line in source.value.split("\n") if line]
        return parameters.check(self._row.name, lines)

    def show(self, value: Any) -> None:
        """Show the strings."""
        self._text.value = "\n".join(escaped(one) for one in value or ())


class Json:
    """JSON field, checked when it loses focus, with a menu of starting values."""

    def __init__(self, row: Param) -> None:
        self._row = row
        self._text = _area(row, say("panel.json"))
        self._menu = made(
            widgets.Dropdown,
            options=[(say("panel.begin"), ""), *_beginnings(row)],
            description=say("panel.begin"),
            classes="wcode-wide",
        )
        self.widgets = (self._text, self._menu)

    def read(self, source: Any) -> Any:
        """Return the checked JSON value, or a bare word if it is one of the choices."""
        if source is self._menu:
            self._text.value, self._menu.value = self._menu.value, ""
        typed = self._text.value.strip()
        if typed in self._row.choices:
            return typed
        try:
            value = parsed(typed)
        except ValueError as wrong:
            name, reason = self._row.name, where_invalid(wrong)
            raise ParameterError("bad_json", name=name, reason=reason) from wrong
        return parameters.check(self._row.name, value)

    def show(self, value: Any) -> None:
        """Show the value, indented."""
        shown = json.dumps(value, ensure_ascii=False, indent=2)
        self._text.value = (
            "" if value is None else value if isinstance(value, str) else shown
        )


class Bias:
    """Lines of ``word = shift``: words if the vocabulary is available, else ids."""

    def __init__(self, row: Param) -> None:
        self._row = row
        self._text = _area(row, say("panel.bias"))
        self.widgets = (self._text,)

    def read(self, source: Any) -> Any:
        """Return token ids with their shifts.

        Raises:
            ParameterError: a line is not ``word = shift``, or a value is not allowed.
            SettingError: a word is used without a vocabulary.
        """
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
        return parameters.check(self._row.name, bias)

    def show(self, value: Any) -> None:
        """Show the ids with their shifts."""
        self._text.value = "\n".join(f"{k} = {v}" for k, v in (value or {}).items())


def _area(row: Param, hint: str) -> Any:
    return made(
        widgets.Textarea,
        description=label(row),
        placeholder=hint,
        continuous_update=False,
        rows=3,
        classes="wcode-mono wcode-wide",
    )


def _short(number: float) -> float:
    return int(number) if number == int(number) else number


def _ids(word: str) -> list[str]:
    if word.isdigit():
        return [word]
    return [str(token) for token in token_counts.encode_words(word.strip('"'))]


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
    "structured_outputs": {
        "true": True,
        "false": False,
        "choice": {"choice": ["yes", "no"]},
        "regex": {"regex": "[0-9]{4}"},
        "json": {"json": _SCHEMA},
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
