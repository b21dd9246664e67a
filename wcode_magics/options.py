"""What can be set, on a cell's line and for a session: rows, reading, checking.

The parameters of :mod:`wcode_magics.params` are rows here by walking that table.
Help stands in ``locale/`` under ``options.<name>`` (``params.<name>.help`` for a
parameter). Magic, shell, configuration and completion walk :data:`OPTIONS`.
"""

import json
import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal

from wcode_magics import params, text
from wcode_magics.errors import OptionError, SettingError, VariableError
from wcode_magics.params import Param

Kind = Literal[
    "text",
    "name",
    "flag",
    "switch",
    "number",
    "choice",
    "language",
    "pair",
    "param",
    "functions",
    "schema",
    "grid",
    "words",
    "variable",
    "answer",
    "count",
]

REPLAYS = ("off", "read", "only")
FORMATS = ("markdown", "text", "code", "json", "html")
TRIMS = ("stop", "oldest", "middle")
_FORMS = {
    "functions": "f,g · $list",
    "schema": "$Type · JSON · @file",
    "variable": "$name",
    "answer": "$reply · $runs[0]",
    "count": "int ≥ 1",
    "grid": "name=v1,v2 …",
    "words": "a,b,c",
    "pair": "name=value",
}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True, slots=True)
class Option:
    """A row. ``cell``: a flag of the magic; ``setting``: a value of the session.

    A ``switch`` is on or off by ``--name`` and ``--no-name``; a ``flag`` is given;
    a ``pair`` is ``name=value`` and may be repeated; ``functions`` are names of
    variables, a ``schema`` is anything that :mod:`wcode_magics.schema` reads, a
    ``grid`` is ``name=v1,v2`` once or more, an ``answer`` is a reply. ``low`` bounds a
    number from below, exclusive; ``form`` is how a text looks. ``bare`` is the value
    of a flag that has none behind it, and takes one behind ``=`` alone.
    """

    name: str
    kind: Kind
    short: str = ""
    choices: tuple[str, ...] = ()
    default: Any = None
    cell: bool = True
    setting: bool = False
    low: float | None = None
    bare: Any = None
    form: str = ""
    param: Param | None = None

    @property
    def flag(self) -> str:
        """``--top-p``"""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flags(self) -> tuple[str, ...]:
        """All spellings, the preferred one first."""
        spelt = [self.flag, f"--{self.name}"]
        if self.switch:
            spelt += [f"--no-{self.name.replace('_', '-')}", f"--no_{self.name}"]
        if self.short:
            spelt.append(f"-{self.short}")
        return tuple(dict.fromkeys(spelt))

    @property
    def switch(self) -> bool:
        """Whether ``--no-name`` exists."""
        kind = self.kind if self.param is None else self.param.kind
        return kind in {"switch", "bool"}

    @property
    def takes_value(self) -> bool:
        """Whether a value follows the flag, or may stand behind ``=``."""
        return not self.switch and self.kind != "flag"

    @property
    def needs_value(self) -> bool:
        """Whether the flag is nothing without one."""
        return self.takes_value and self.bare is None

    @property
    def words(self) -> tuple[str, ...]:
        """What a value is one of, if it is one of some words."""
        if self.kind == "language":
            from wcode_magics import snippets

            return snippets.KEYS
        return self.choices

    @property
    def repeats(self) -> bool:
        """Whether the flag may be given more than once."""
        return self.kind in {"pair", "grid"} or self.name == "stop"

    @property
    def allowed(self) -> str:
        """What a value may be, in one short phrase."""
        if self.param is not None:
            return self.param.allowed
        if self.words:
            return " · ".join(self.words)
        if self.low is not None:
            return f"number > {self.low:g}"
        return self.form or _FORMS.get(self.kind, self.kind)

    @property
    def help(self) -> str:
        """One sentence in the person's language."""
        if self.param is not None:
            return text.say(f"params.{self.name}.help")
        return text.say(f"options.{self.name}")


_PARAMS = tuple(
    Option(row.name, "param", row.short, row.choices, setting=True, param=row)
    for row in params.PARAMS
)
OPTIONS = (
    *_PARAMS,
    Option("model", "text", "m", setting=True),
    Option("system", "text", "S", setting=True),
    Option("out", "name", "o"),
    Option("format", "choice", "f", FORMATS, "markdown", setting=True),
    Option("code", "flag"),
    Option("stream", "switch", default=True, setting=True),
    Option("raw", "flag"),
    Option("continue", "flag"),
    Option("of", "answer"),
    Option("dry_run", "flag"),
    Option("panel", "flag"),
    Option("as", "language"),
    Option("timeout", "number", default=120.0, setting=True, low=0),
    Option("param", "pair"),
    Option("frame", "variable"),
    Option("into", "text"),
    Option("fresh", "flag"),
    Option("profile", "text", setting=True),
    Option("chat", "text"),
    Option("trim", "choice", choices=TRIMS, default="stop", setting=True),
    Option("functions", "functions"),
    Option("rounds", "number", default=8, setting=True, low=0),
    Option("schema", "schema"),
    Option("json", "flag"),
    Option("sweep", "grid"),
    Option("models", "words"),
    Option("repeat", "count"),
    Option("yes", "flag"),
    Option("budget", "number", setting=True, low=0),
    Option("base_url", "text", cell=False, setting=True),
    Option("retries", "number", default=3.0, cell=False, setting=True, low=-1),
    Option("store", "text", cell=False, setting=True),
    Option("replay", "choice", "", REPLAYS, "read", setting=True, bare="read"),
    Option("concurrency", "number", default=64.0, cell=False, setting=True, low=0),
    Option("requests_per_minute", "number", cell=False, setting=True, low=0),
    Option("tokens_per_minute", "number", cell=False, setting=True, low=0),
    Option("language", "choice", choices=text.LANGUAGES, cell=False, setting=True),
)
CELL = tuple(row for row in OPTIONS if row.cell)
SETTINGS = tuple(row for row in OPTIONS if row.setting)
FLAGS = {flag: row for row in CELL for flag in row.flags}
_SETTINGS = {row.name: row for row in SETTINGS}
_NAMES = {row.name: row for row in OPTIONS}


def setting(name: str) -> Option:
    """The row of a setting; raises SettingError with the nearest name."""
    spelt = name.replace("-", "_")
    if spelt not in _SETTINGS:
        hint = params.hint(spelt, tuple(_SETTINGS))
        raise SettingError("unknown_setting", given=name, hint=hint)
    return _SETTINGS[spelt]


def default(name: str) -> Any:
    """The value that holds when nobody set one (None for parameters)."""
    row = _NAMES.get(name)
    return row.default if row is not None else None


def flag(word: str, flags: Mapping[str, Option] = FLAGS) -> Option:
    """The row of a flag; raises OptionError with the nearest flag and its range."""
    row = flags.get(word)
    if row is None:
        near = params.nearest(word, tuple(flags))
        page = "%%wcode?" if flags is FLAGS else " · ".join(flags)
        spelt = f"{near} ({flags[near].allowed})" if near else page
        raise OptionError("unknown_option", given=word, near=spelt)
    return row


def read(row: Option, raw: str, variables: Mapping[str, Any]) -> Any:
    """The checked value of what was written: a word, ``$name``, ``@path``, JSON.

    Raises:
        OptionError, ParameterError: it cannot be read or is not allowed.
        VariableError: ``$name`` or ``@path`` points at nothing.
    """
    if _VARIABLE.fullmatch(raw):
        return checked(row, variable(raw[1:], variables))
    if row.kind == "functions":
        names = [name.strip() for name in raw.split(",") if name.strip()]
        return checked(row, [variable(name, variables) for name in names])
    if row.kind == "words":
        return checked(row, [word.strip() for word in raw.split(",") if word.strip()])
    structured = row.kind == "schema" or (
        row.param is not None and row.param.kind in {"object", "array"}
    )
    if raw.startswith("@") and (structured or row.name == "system"):
        raw = _file(raw[1:])
    if row.kind == "grid":
        return _dimension(row, raw, variables)
    if row.kind == "pair":
        return _pair(row, raw, variables)
    if structured:
        return checked(row, _structure(row, raw))
    return checked(row, _scalar(row, raw))


def variable(name: str, variables: Mapping[str, Any]) -> Any:
    """The value of ``name`` or ``name[0]``.

    Raises:
        VariableError: there is none, with the nearest name.
    """
    name, *places = name.replace("]", "").split("[")
    if name not in variables:
        names = [key for key in variables if not key.startswith("_")]
        hint = params.hint(name, names, "${}")
        raise VariableError("unknown_variable", given=name, hint=hint)
    value = variables[name]
    for place in places:
        try:
            value = value[int(place)]
        except (IndexError, KeyError, TypeError) as wrong:
            raise VariableError("no_item", given=name, place=place) from wrong
    return value


_VARIABLE = re.compile(r"\$[^\W\d]\w*(\[-?\d+\])*")


def checked(row: Option, value: Any) -> Any:
    """The value if the row allows it; raises OptionError or ParameterError."""
    if row.param is not None:
        return params.check(row.name, value)
    if not _allows(row, value):
        raise OptionError("bad_option", name=row.flag, given=value, allowed=row.allowed)
    return value


def checked_any(name: str, value: Any) -> Any:
    """The same for a name from a file."""
    return checked(setting(name), value)


def check_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a call by name, each checked; None means not given.

    Raises:
        OptionError: no such option, with the nearest; or two exclude each other.
        ParameterError: a value is not allowed.
    """
    values = {}
    for name, value in given.items():
        if value is not None:
            row = _NAMES.get(name) or flag(f"--{name.replace('_', '-')}")
            values[row.name] = value if row.repeats else checked(row, value)
    if values.get("fresh") and "replay" in values:
        raise OptionError("not_together", one="--fresh", other="--replay")
    return values


def _allows(row: Option, value: Any) -> bool:
    if row.words:
        return value in row.words
    if row.kind == "number":
        real = isinstance(value, Real) and not isinstance(value, bool)
        return real and (-math.inf if row.low is None else row.low) < value < math.inf
    if row.kind in {"flag", "switch"}:
        return isinstance(value, bool)
    if row.kind == "name":
        named = isinstance(value, str) and value.isidentifier()
        return named and not keyword.iskeyword(value)
    if row.kind == "functions":
        listed = isinstance(value, list | tuple) and bool(value)
        return listed and all(callable(item) for item in value)
    if row.kind == "words":
        return isinstance(value, list) and bool(value)
    if row.kind == "answer":
        return hasattr(value, "tokens") and hasattr(value, "request")
    if row.kind == "count":
        return type(value) is int and value >= 1
    if row.kind in {"schema", "variable"}:
        return not isinstance(value, str) and value is not None
    return row.kind in {"pair", "grid"} or (isinstance(value, str) and bool(value))


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
    return raw


def _structure(row: Option, raw: str) -> Any:
    start = raw.lstrip()[:1]
    if start not in {"{", "["}:
        return raw
    try:
        return json.loads(raw)
    except ValueError as wrong:
        reason = str(wrong)
        raise OptionError("bad_json", name=row.flag, reason=reason) from wrong


def _pair(row: Option, raw: str, variables: Mapping[str, Any]) -> tuple[str, Any]:
    name, equals, value = raw.partition("=")
    if not equals or not name.strip():
        raise OptionError("bad_option", name=row.flag, given=raw, allowed="name=value")
    if value.startswith("$") and value[1:].isidentifier():
        return name.strip(), variable(value[1:], variables)
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _dimension(
    row: Option, raw: str, variables: Mapping[str, Any]
) -> tuple[str, list[Any]]:
    """``name=v1,v2``, ``name=[…]`` or ``name=$list`` as a name and its values."""
    name, equals, value = raw.partition("=")
    if not equals or not name.strip():
        raise OptionError("bad_option", name=row.flag, given=raw, allowed=row.allowed)
    name = name.strip().replace("-", "_")
    if value.startswith("$") and value[1:].isidentifier():
        return name, variable(value[1:], variables)
    try:
        listed = json.loads(value)
        return name, listed if isinstance(listed, list) else [listed]
    except ValueError:
        return name, [_literal(word.strip()) for word in value.split(",") if word]


def _literal(word: str) -> Any:
    lowered = word.lower()
    if lowered in {"true", "false"}:
        return lowered == "true"
    return _scalar(_NUMBER, word)


_NUMBER = Option("", "number")


def _file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise VariableError("unreadable_file", path=path, reason=wrong) from wrong
