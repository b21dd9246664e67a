"""Table of all request parameters, and validation of their values.

Labels and help are in ``locale/`` under ``params.<name>``. Flags, completion,
validation, panels, columns and the table in the README are built from :data:`PARAMS`.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wcode_magics import text
from wcode_magics.errors import ParameterError
from wcode_magics.logprobs.number_format import NO_NUMBER, decimal
from wcode_magics.output.escaping import clipped

Kind = Literal["float", "int", "bool", "choice", "object", "array"]

GROUPS = ("sampling", "repetition", "output", "logprobs", "structure", "tools")


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: ``low`` and ``high`` are inclusive; ``default`` is the server's.

    ``default`` is None if the service documents none. ``choices`` are the allowed
    values of a ``choice``; ``form`` validates the contents of an object or array and
    returns it in the API's form, or raises ValueError with what is allowed. A ``bool``
    with a ``form`` may be an object instead. ``count`` is the parameter that a number
    after the flag of a ``bool`` sets as well: ``-l 5``.
    """

    name: str
    kind: Kind
    group: str
    low: float | None = None
    high: float | None = None
    default: float | bool | str | None = None
    choices: tuple[str, ...] = ()
    short: str = ""
    step: float | None = None
    form: Callable[[Any], Any] | None = None
    count: str = ""

    @property
    def allowed(self) -> str:
        """Allowed values in the table's notation: ``float 0 … 2``."""
        words = " · ".join(self.choices)
        if self.kind == "choice":
            return words
        if self.kind == "object" and words:
            return f"{words} · object"
        if self.kind == "bool" and self.form is not None:
            return f"{self.kind} · object"
        return f"{self.kind} {self.range}".strip()

    @property
    def range(self) -> str:
        """Allowed numbers, such as ``0 … 2``; empty if all are."""
        if self.low is None:
            return ""
        if self.high is None:
            return f"≥ {decimal(self.low)}"
        return f"{decimal(self.low)} … {decimal(self.high)}"

    @property
    def expected(self) -> str:
        """Allowed values in the words of an error: ``a number (0 … 2)``."""
        if self.kind == "choice":
            return self.allowed
        more = self.range or " · ".join(self.choices)
        word = text.say(f"kinds.{self.kind}")
        return f"{word} ({more})" if more else word

    @property
    def usual(self) -> str:
        """The server's default as people write it; a dash if none is documented."""
        if self.default is None:
            return NO_NUMBER
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return self.default if isinstance(self.default, str) else decimal(self.default)


def _stop(value: Any) -> list[str]:
    items = [value] if isinstance(value, str) else value
    if not items or not all(isinstance(item, str) and item for item in items):
        raise ValueError('["END"]')
    return list(items)


def _logit_bias(value: Any) -> dict[str, float]:
    bias: dict[str, float] = {}
    for key, given in value.items():
        token, shift = str(key), _float(given)
        is_id = token.isascii() and token.isdigit()
        if not is_id or shift is None or not -100 <= shift <= 100:
            raise ValueError('{"token id": -100 … 100}')
        bias[token] = shift
    return bias


def _response_format(value: Any) -> dict[str, Any]:
    kind = value.get("type")
    if kind == "json_schema":
        inner = value.get("json_schema")
        if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):
            return dict(value)
        raise ValueError(
            '{"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}'
        )
    if kind not in ("text", "json_object"):
        raise ValueError('{"type": "json_object"} · {"type": "json_schema", …}')
    return dict(value)


def _structured_outputs(value: Any) -> dict[str, Any]:
    """Validate the one vLLM guide in an object and its type."""
    held = [name for name in _GUIDES if value.get(name) is not None]
    if len(held) != 1 or not isinstance(value[held[0]], _GUIDES[held[0]]):
        raise ValueError('true · false · {"choice" | "regex" | "grammar" | "json": …}')
    return dict(value)


_GUIDES: dict[str, tuple[type, ...]] = {
    "choice": (list, tuple),
    "regex": (str,),
    "grammar": (str,),
    "json": (Mapping, str),
    "json_object": (bool,),
    "structural_tag": (Mapping, str),
}
"""Guides of vLLM's ``structured_outputs`` and their types."""


def _tools(value: Any) -> list[dict[str, Any]]:
    for tool in value:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(
            function.get("name"), str
        ):
            raise ValueError('[{"type": "function", "function": {"name": …}}]')
    return list(value)


def _tool_choice(value: Any) -> dict[str, Any]:
    function = value.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ValueError('{"type": "function", "function": {"name": …}}')
    return dict(value)


PARAMS = (
    Param("temperature", "float", "sampling", 0.0, 2.0, 1.0, short="t", step=0.05),
    Param("top_p", "float", "sampling", 0.0, 1.0, 1.0, short="p", step=0.01),
    Param("top_k", "int", "sampling", 0, None, 0, short="k", step=1),
    Param("min_p", "float", "sampling", 0.0, 1.0, 0.0, step=0.01),
    Param("top_a", "float", "sampling", 0.0, 1.0, 0.0, step=0.01),
    Param("seed", "int", "sampling", short="s", step=1),
    Param("frequency_penalty", "float", "repetition", -2.0, 2.0, 0.0, step=0.1),
    Param("presence_penalty", "float", "repetition", -2.0, 2.0, 0.0, step=0.1),
    Param("repetition_penalty", "float", "repetition", 0.0, 2.0, 1.0, step=0.05),
    Param("max_tokens", "int", "output", 1, None, None, short="n", step=1),
    Param("stop", "array", "output", form=_stop),
    Param(
        "verbosity",
        "choice",
        "output",
        default="medium",
        choices=("low", "medium", "high"),
    ),
    Param("logprobs", "bool", "logprobs", short="l", count="top_logprobs"),
    Param("top_logprobs", "int", "logprobs", 0, 20, None, step=1),
    Param("logit_bias", "object", "logprobs", form=_logit_bias),
    Param("response_format", "object", "structure", form=_response_format),
    Param("structured_outputs", "bool", "structure", form=_structured_outputs),
    Param("tools", "array", "tools", form=_tools),
    Param(
        "tool_choice",
        "object",
        "tools",
        choices=("none", "auto", "required"),
        form=_tool_choice,
    ),
    Param("parallel_tool_calls", "bool", "tools", default=True),
)
NAMES = tuple(param.name for param in PARAMS)
_ROWS = {param.name: param for param in PARAMS}


def find(name: str) -> Param:
    """Return the row of a name; raises ParameterError with the nearest name."""
    row = _ROWS.get(name.replace("-", "_"))
    if row is None:
        raise ParameterError("unknown_parameter", given=name, hint=hint(name, NAMES))
    return row


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the known word most similar to ``word``, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else ""


def hint(word: str, known: Sequence[str], form: str = "{}") -> str:
    """Return a "did you mean" question, else a list of known words, else ""."""
    near = nearest(word, known)
    if near:
        return text.say("ui.did_you_mean", near=form.format(near))
    few = ", ".join(form.format(name) for name in list(known)[:8])
    more = ", …" if len(known) > 8 else ""
    return text.say("ui.known", names=few + more) if few else ""


def check(name: str, value: Any) -> Any:
    """Validate a value and return it in the API's form, normalized.

    Whole floats are accepted as ints, ints become floats; booleans are neither.

    Raises:
        ParameterError: the value is invalid; names the value, the limit and the remedy.
    """
    row = find(name)
    checked = _CHECKS[row.kind](row, value)
    if checked is None:
        raise ParameterError(
            "bad_value", name=row.name, given=_shown(value), allowed=row.expected
        )
    if row.kind in {"float", "int"} and not _within(row, checked):
        raise ParameterError(
            "out_of_range", name=row.name, given=_shown(value), allowed=row.range
        )
    return checked


def check_all(values: Mapping[str, Any]) -> dict[str, Any]:
    """Validate all values and return them in the order of the table."""
    checked = {find(name).name: check(name, value) for name, value in values.items()}
    return {name: checked[name] for name in NAMES if name in checked}


def advice(values: Mapping[str, Any], prompt: str) -> list[str]:
    """Return keys of ``[advice]`` for combinations that the API advises against."""
    form = values.get("response_format") or {}
    found = {
        "temperature_top_p": "temperature" in values and "top_p" in values,
        "top_logprobs": "top_logprobs" in values and not values.get("logprobs"),
        "json_word": form.get("type") == "json_object" and "json" not in prompt.lower(),
        "tool_choice": "tool_choice" in values and not values.get("tools"),
    }
    return [key for key, applies in found.items() if applies]


def _within(row: Param, value: float) -> bool:
    above = row.low is None or value >= row.low
    return above and (row.high is None or value <= row.high)


def _check_int(_row: Param, value: Any) -> Any:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _check_bool(row: Param, value: Any) -> Any:
    if row.form is not None and isinstance(value, Mapping):
        return _formed(row, value)
    python = _as_python(value)
    return python if isinstance(python, bool) else None


def _check_choice(row: Param, value: Any) -> str | None:
    return value if isinstance(value, str) and value in row.choices else None


def _check_object(row: Param, value: Any) -> Any:
    if isinstance(value, str):
        return _check_choice(row, value)
    return _formed(row, value) if isinstance(value, Mapping) else None


def _check_array(row: Param, value: Any) -> Any:
    texts = isinstance(value, str) and row.name == "stop"
    if texts or (isinstance(value, Sequence) and not isinstance(value, str | bytes)):
        return _formed(row, value)
    return None


def _formed(row: Param, value: Any) -> Any:
    if row.form is None:
        return value
    try:
        return row.form(value)
    except ValueError as wrong:
        raise ParameterError(
            "bad_value", name=row.name, given=_shown(value), allowed=str(wrong)
        ) from None


def _number(value: Any) -> Any:
    """Return a value as a finite Python number, or None if it is not one."""
    number = _as_python(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return number if isinstance(number, int) or math.isfinite(number) else None


def _float(value: Any) -> float | None:
    """Convert to float: some servers reject 1 in place of 1.0."""
    number = _number(value)
    try:
        return None if number is None else float(number)
    except OverflowError:
        return None


def _as_python(value: Any) -> Any:
    """Convert a NumPy or pandas scalar to the Python value."""
    scalar = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return value.item() if scalar else value


def _shown(value: Any) -> str:
    try:
        shown = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        shown = repr(value)
    return clipped(shown, 60)


_CHECKS: dict[str, Callable[[Param, Any], Any]] = {
    "float": lambda _row, value: _float(value),
    "int": _check_int,
    "bool": _check_bool,
    "choice": _check_choice,
    "object": _check_object,
    "array": _check_array,
}
