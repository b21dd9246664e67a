"""Table of the options of a cell line and of a session, and the checks of values.

The parameters of :mod:`wcode_magics.protocol.parameters` become rows here. Help texts
are in ``locale/`` under ``options.<name>`` (``params.<name>.help`` for a parameter).
Magic, shell, configuration and completion iterate over :data:`OPTIONS`.
"""

import keyword
import math
import os
from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any

from wcode_magics import text
from wcode_magics.errors import OptionError, SettingError, mistyped
from wcode_magics.output.secret_forms import MASK
from wcode_magics.protocol import endpoint_url, parameters
from wcode_magics.protocol.extra_headers import headers_in
from wcode_magics.settings.option import Option, Stage

REPLAYS = ("off", "read", "only")
FORMATS = ("markdown", "text", "code", "json", "html")
TRIMS = ("stop", "oldest", "middle")
_PARAMS = tuple(
    Option(row.name, "param", row.short, row.choices, setting=True, param=row)
    for row in parameters.PARAMS
)
_of_turns = partial(Option, stage="conversation")
_setting = partial(Option, stage="session", setting=True)
_TABLE, _SWEEP = "df.wcode.ask(template)", "session.sweep(prompt, grid)"
OPTIONS = (
    *_PARAMS,
    Option("model", "text", "m", setting=True),
    Option("system", "text", "S", setting=True, template=True),
    Option("image", "image"),
    Option("out", "name", "o", stage="cell"),
    Option("format", "choice", "f", FORMATS, "markdown", setting=True),
    Option("code", "flag", stage="cell", method="reply.code_blocks"),
    Option("stream", "switch", default=True, setting=True),
    Option("raw", "flag", stage="run"),
    Option("continue", "flag", stage="cell", method="session.go_on(reply)"),
    Option("of", "answer", stage="cell", method="session.go_on(reply)"),
    Option("dry_run", "flag", stage="run", method="session.prepare(prompt)"),
    Option("panel", "flag", stage="cell", method="wcode_magics.panel(prompt)"),
    Option("as", "language", stage="run", method="reply.code(language)"),
    Option("think", "switch", setting=True),
    Option("think_budget", "count", setting=True),
    Option("timeout", "number", default=120.0, setting=True, positive=True),
    Option("max_seconds", "number", default=600.0, setting=True, low=0),
    Option("param", "pair"),
    Option("frame", "variable", stage="table", method=_TABLE),
    Option("into", "text", stage="table", method=_TABLE),
    Option("fresh", "flag"),
    Option("keep_going", "flag", stage="table", method=_TABLE),
    Option("profile", "text", setting=True),
    _of_turns("chat", "text", method="session.chat(name)"),
    _of_turns("trim", "choice", choices=TRIMS, default="stop", setting=True),
    _of_turns("functions", "functions"),
    _of_turns("rounds", "number", default=8, setting=True, low=1, whole=True),
    Option("schema", "schema"),
    Option("json", "flag"),
    Option("sweep", "grid", stage="run", method=_SWEEP),
    Option("models", "words", stage="run", method=_SWEEP),
    Option("repeat", "count", stage="cell", method="session.repeat(prompt, times)"),
    Option("yes", "flag", stage="run"),
    Option("budget", "number", setting=True, positive=True),
    _setting("price", "price"),
    _setting("provider", "provider"),
    _setting("base_url", "url"),
    _setting("headers", "headers"),
    _setting("allow_http", "switch", default=False),
    _setting("retries", "number", default=3.0, low=0, whole=True),
    _setting("store", "path"),
    Option("replay", "choice", "", REPLAYS, "read", setting=True, bare="read"),
    _setting("concurrency", "number", default=64.0, low=1, whole=True),
    _setting("requests_per_minute", "number", positive=True),
    _setting("tokens_per_minute", "number", positive=True),
    _setting("language", "choice", choices=text.LANGUAGES),
)
CELL = tuple(row for row in OPTIONS if row.stage != "session")
SETTINGS = tuple(row for row in OPTIONS if row.setting)
FLAGS = {flag: row for row in CELL for flag in row.flags}
_SETTINGS = {row.name: row for row in SETTINGS}
_NAMES = {row.name: row for row in OPTIONS}


_IN_PYTHON = {"schema", "functions"}
"""Kinds whose values in Python are other than on a line."""
_MEANT = {"--n": "--repeat", "--best-of": "--repeat", "--choices": "--repeat"}
"""Flags of the same meaning in other tools."""


def staged(*stages: Stage) -> frozenset[str]:
    """Return the names of the options that apply at these stages."""
    return frozenset(row.name for row in OPTIONS if row.stage in stages)


_OF_CELLS = staged("run", "cell") | {"chat"}


def of_request(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a line that build or send a request."""
    return {n: value for n, value in values.items() if n not in _OF_CELLS}


def refuse_of_cells(options: Mapping[str, Any]) -> None:
    """Raise OptionError for an option that neither builds nor sends a request."""
    for name, value in options.items():
        unset = value is None or value is False
        if name in _OF_CELLS | staged("table") and not unset:
            method = _NAMES[name].method
            hint = text.say("ui.instead", method=method) if method else ""
            raise OptionError("of_cells", name=name, hint=hint)


def setting(name: str) -> Option:
    """Return the row of a setting; raises SettingError with the nearest name."""
    spelt = name.replace("-", "_")
    if spelt not in _SETTINGS:
        _refuse_key(spelt)
        hint = parameters.hint(spelt, tuple(_SETTINGS))
        raise SettingError("unknown_setting", given=name, hint=hint)
    return _SETTINGS[spelt]


def default(name: str) -> Any:
    """Return the default value of an option (None for parameters)."""
    row = _NAMES.get(name)
    return row.default if row is not None else None


def flag(word: str, flags: Mapping[str, Option] = FLAGS) -> Option:
    """Return the row of a flag; raises OptionError with the nearest and its range."""
    row = flags.get(word)
    if row is None:
        _refuse_key(word)
        names = {flag.strip("-"): flag for flag in flags}
        near = _MEANT.get(word, "")
        nearest = parameters.nearest(word.strip("-"), tuple(names))
        near = near if near in flags else names.get(nearest, "")
        if not near:
            if flags is FLAGS:
                raise OptionError("no_option", given=word)
            raise OptionError("no_option_of", given=word, known=" · ".join(flags))
        spelt = f"{near} ({flags[near].allowed})"
        raise OptionError("unknown_option", given=word, near=spelt)
    return row


def _refuse_key(word: str) -> None:
    """Raise SettingError if a word names an API key, which stands on no line."""
    if word.strip("-").replace("-", "_") in {"api_key", "apikey"}:
        raise SettingError("key_is_no_option")


def checked(row: Option, value: Any) -> Any:
    """Return the value if the row allows it.

    Raises:
        OptionError, ParameterError, SettingError: the value is not allowed.
    """
    if row.param is not None:
        return parameters.check(row.name, value)
    if row.kind == "url" and isinstance(value, str):
        return endpoint_url.checked(value)
    if row.kind == "price":
        return _price(row, value)
    if row.kind == "schema" and isinstance(value, str):
        from wcode_magics.protocol import schema_source

        value = schema_source.from_text(value)
    if row.kind == "path" and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if row.kind == "provider":
        from wcode_magics.protocol import providers

        return providers.named(str(value)).name
    if row.kind == "headers":
        value, given = headers_in(value), MASK
    else:
        given = value
    if not _allows(row, value):
        raise OptionError(
            "bad_option", name=row.flag, given=given, allowed=row.expected
        )
    return value


def _price(row: Option, value: Any) -> str:
    from wcode_magics.protocol.models import Price

    try:
        if isinstance(value, str):
            Price.parse(value)
            return value.strip()
    except ValueError:
        pass
    raise OptionError("bad_option", name=row.flag, given=value, allowed=row.expected)


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check a call's options by name; None counts as not set.

    Raises:
        OptionError: no such option, with the nearest; or two exclude each other.
        ParameterError: a value is not allowed.
    """
    values = {}
    for name, value in options.items():
        if value is not None:
            row = _NAMES.get(name) or flag(f"--{name.replace('_', '-')}")
            values.update(_checked_in_python(row, value))
    if values.get("fresh") and "replay" in values:
        raise OptionError("not_together", one="--fresh", other="--replay")
    return values


def _checked_in_python(row: Option, value: Any) -> dict[str, Any]:
    """Return the checked value; a number for logprobs sets top_logprobs as well."""
    if row.kind == "pair":
        return {row.name: _pairs(row, value)}
    if row.repeats:
        return {row.name: value}
    try:
        return counted(row, value) or {row.name: checked(row, value)}
    except OptionError as error:
        if error.key != "bad_option" or row.kind not in _IN_PYTHON:
            raise
        raise mistyped(row.name, value, row.kind) from None


def counted(row: Option, value: Any) -> dict[str, Any]:
    """Return the two parameters that a number for a switch sets, or nothing."""
    number = isinstance(value, Integral) and not isinstance(value, bool)
    if row.param is None or not row.param.count or not number:
        return {}
    more = _NAMES[row.param.count]
    return {row.name: True, more.name: checked(more, value)}


def _pairs(row: Option, value: Any) -> list[tuple[str, Any]]:
    """Return (name, value) pairs, which may be given as a dict.

    Raises:
        OptionError: they are something else.
    """
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    listed = isinstance(pairs, list | tuple)
    if not listed or not all(map(_is_pair, pairs)):
        raise mistyped(row.name, value, "pairs")
    return list(map(tuple, pairs))


def _is_pair(item: Any) -> bool:
    pair = isinstance(item, list | tuple) and len(item) == 2
    return pair and isinstance(item[0], str) and bool(item[0])


def _allows(row: Option, value: Any) -> bool:
    if row.words:
        return value in row.words
    if row.kind == "number":
        real = isinstance(value, Real) and not isinstance(value, bool)
        fits = real and -math.inf < value < math.inf
        fits = fits and (not row.positive or value > 0)
        fits = fits and (row.low is None or value >= row.low)
        return fits and (not row.whole or value == int(value))
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
    if row.kind == "headers":
        return value is not None
    if row.kind == "image":
        return value is not None and not (isinstance(value, str) and not value)
    if row.kind in {"schema", "variable"}:
        return not isinstance(value, str) and value is not None
    return row.kind in {"pair", "grid"} or (isinstance(value, str) and bool(value))
