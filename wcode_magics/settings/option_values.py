"""Parsing of an option's written value.

A word, ``$name``, ``@path`` or JSON. The content of a variable or a file is used as
it is, without further parsing.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wcode_magics.errors import OptionError, VariableError
from wcode_magics.protocol import parameters
from wcode_magics.protocol.json_extraction import parsed, where_invalid
from wcode_magics.runtime.shell_variables import public
from wcode_magics.settings import options
from wcode_magics.settings.option import Option

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_VARIABLE = re.compile(r"\$[^\W\d]\w*(\[-?\d+\])*")


def read(row: Option, raw: str, variables: Mapping[str, Any]) -> Any:
    """Parse and check a written value: a word, ``$name``, ``@path`` or JSON.

    Raises:
        OptionError, ParameterError: it cannot be parsed or is not allowed.
        VariableError: ``$name`` or ``@path`` does not exist.
    """
    if _VARIABLE.fullmatch(raw):
        return options.checked(row, variable(raw[1:], variables))
    if row.kind == "functions":
        names = [name.strip() for name in raw.split(",") if name.strip()]
        return options.checked(row, [variable(name, variables) for name in names])
    if row.kind == "words":
        words = [word.strip() for word in raw.split(",") if word.strip()]
        return options.checked(row, words)
    structured = row.takes_object or row.kind in {"schema", "headers"}
    if row.param is not None and row.param.kind in {"object", "array"}:
        structured = True
    if raw.startswith("@") and (structured or row.template):
        content = read_text(raw[1:])
        return options.checked(row, _structure(row, content) if structured else content)
    if row.kind == "grid":
        return _dimension(row, raw, variables)
    if row.kind == "pair":
        return _pair(row, raw, variables)
    if structured and raw.lstrip()[:1] in {"{", "["}:
        return options.checked(row, _structure(row, raw))
    return options.checked(row, _scalar(row, raw))


def points(raw: str) -> bool:
    """Return whether a written value refers to a variable or a file."""
    return raw.startswith("@") or _VARIABLE.fullmatch(raw) is not None


def variable(name: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of ``name`` or ``name[0]``; raises VariableError with a hint."""
    name, *places = name.replace("]", "").split("[")
    if name not in variables:
        hint = parameters.hint(name, public(variables), "${}")
        raise VariableError("unknown_variable", given=name, hint=hint)
    value = variables[name]
    for place in places:
        try:
            value = value[int(place)]
        except (IndexError, KeyError, TypeError) as wrong:
            raise VariableError("no_item", given=name, place=place) from wrong
    return value


def _scalar(row: Option, raw: str) -> Any:
    kind = row.param.kind if row.param is not None else row.kind
    if kind in {"bool", "switch", "flag"}:
        word = raw.lower()
        return True if word in _TRUE else False if word in _FALSE else raw
    if kind in {"float", "int", "number", "count"}:
        try:
            return int(raw)
        except ValueError:
            pass
        try:
            return float(raw)
        except ValueError:
            return raw
    return unescaped(raw) if row.name == "stop" else raw


def _structure(row: Option, raw: str) -> Any:
    start = raw.lstrip()[:1]
    if start not in {"{", "["}:
        return raw
    try:
        return parsed(raw)
    except ValueError as wrong:
        reason = where_invalid(wrong)
        raise OptionError("bad_json", name=row.flag, reason=reason) from wrong


def _pair(row: Option, raw: str, variables: Mapping[str, Any]) -> tuple[str, Any]:
    name, equals, value = raw.partition("=")
    if not equals or not name.strip():
        raise OptionError("bad_option", name=row.flag, given=raw, allowed="name=value")
    if value.startswith("$") and value[1:].isidentifier():
        return name.strip(), variable(value[1:], variables)
    try:
        return name.strip(), parsed(value)
    except ValueError:
        return name.strip(), value


def _dimension(
    row: Option, raw: str, variables: Mapping[str, Any]
) -> tuple[str, list[Any]]:
    """Parse ``name=v1,v2``, ``name=[…]`` or ``name=$list`` to a name and its values."""
    name, equals, value = raw.partition("=")
    if not equals or not name.strip():
        raise OptionError("bad_option", name=row.flag, given=raw, allowed=row.expected)
    name = name.strip().replace("-", "_")
    if value.startswith("$") and value[1:].isidentifier():
        return name, variable(value[1:], variables)
    try:
        listed = parsed(value)
        return name, listed if isinstance(listed, list) else [listed]
    except ValueError:
        words = [word.strip() for word in value.split(",") if word]
        read_word = unescaped if name == "stop" else _literal
        return name, [read_word(word) for word in words]


def _literal(word: str) -> Any:
    lowered = word.lower()
    if lowered in {"true", "false"}:
        return lowered == "true"
    return _scalar(_NUMBER, word)


_NUMBER = Option("", "number")


def read_text(path: str | Path) -> str:
    """Return the text of a file; raises VariableError if it cannot be read."""
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, RuntimeError, ValueError) as wrong:  # ~nobody, a NUL
        raise VariableError("unreadable_file", path=path, reason=wrong) from wrong


def escaped(text: str) -> str:
    """Return the text with JSON escapes written out."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"')


def unescaped(text: str) -> str:
    """Invert :func:`escaped`; invalid escapes stay as typed."""
    quoted = text.replace("\\\\", "\0").replace('"', '\\"').replace("\0", "\\\\")
    try:
        return str(json.loads(f'"{quoted}"'))
    except ValueError:
        return text
