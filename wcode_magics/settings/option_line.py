"""Parser of an option line.

A word is a shell word, except that one beginning with ``{`` or ``[``, also after
``name=``, is a whole JSON value, including spaces and quotes. Nothing else in a line
is expanded.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from wcode_magics.errors import OptionError, SettingError, called_from
from wcode_magics.prompts.template import Template
from wcode_magics.protocol import parameters
from wcode_magics.protocol.json_extraction import end_of_value, where_invalid
from wcode_magics.settings import option_values, options
from wcode_magics.settings.option import Option

_WORD = re.compile(r"""(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*')+""")
_QUOTED_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\S)+""")
_QUOTED = re.compile(r""""((?:\\.|[^"\\])*)"|'([^']*)'""")
_NAME = re.compile(r"([\w-]+)(=?)")
_SPACE = re.compile(r"\s*")
_COUNT = re.compile(r"\s+(\d+)(?!\S)")
_DIMENSION = re.compile(r"([\w-]+)=")
_DIMENSIONS = frozenset({"model", *parameters.NAMES})
_LONG_DASH = re.compile(r"[‒–—―−]+([\w-]+)")
_NAMED_JSON = re.compile(r"(?:[\w-]+=)+(?=[{\[])")


@dataclass(frozen=True, slots=True)
class OptionLine:
    """The values by option name, and the rest of the line after the options."""

    values: Mapping[str, Any]
    rest: str
    is_closed: bool = False

    @property
    def overlooked(self) -> str:
        """The first word after the options that looks like one, or an empty string.

        With ``is_closed``, ``--`` ends the options and none is looked for.
        """
        words = [] if self.is_closed else self.rest.split()
        dashed = _LONG_DASH.match(self.rest)
        if words and dashed and {f"-{dashed[1]}", f"--{dashed[1]}"} & {*options.FLAGS}:
            return words[0]
        return next(filter(_is_flag, words[1:]), "")

    @called_from("cell")
    def refuse_rest(self, key: str = "unexpected_word") -> None:
        """Raise OptionError ``key`` if anything but a comment follows the options."""
        if not self.rest or self.rest.startswith("#"):
            return
        word = self.rest.split()[0]
        for row in options.CELL:
            apart = row.name in self.values and not row.needs_value
            if apart and word in row.words:
                raise OptionError("value_apart", name=row.flag, given=word)
        raise OptionError(key, given=word)


@called_from("cell")
def parse(line: str, variables: Mapping[str, Any]) -> OptionLine:
    """Parse the options at the beginning of ``line``; the rest is left unchanged.

    Raises:
        OptionError: an unknown, repeated or unreadable option.
        ParameterError: a value that is not allowed.
        VariableError: ``$name`` or ``@path`` does not exist.
    """
    values: dict[str, Any] = {}
    at, is_closed = _skip(line, 0), False
    while at < len(line) and line[at] == "-":
        word, after = _word(line, at)
        if word == "--":
            at, is_closed = _skip(line, after), True
            break
        name, equals, given = word.partition("=")
        row = options.flag(name)
        if not row.takes_value:
            value: Any = not name.startswith("--no")
            if value and row.count:
                counted, after = _count(line, after, given if equals else None)
                equals = "" if counted else equals
                _put_count(values, row, counted)
            if equals and not (row.switch and value):
                raise OptionError("no_value", name=name, given=given)
            if not equals and value and row.takes_object and _is_object(line, after):
                equals, (given, after) = "=", _value(line, after, row)
            if equals:
                value = option_values.read(row, given, variables)
        elif equals or row.needs_value:
            if not equals:
                given, after = _value(line, after, row)
            value = option_values.read(row, given, variables)
            if row.template and not option_values.points(given):
                value = Template(value)
        else:
            value = row.bare
        _put(values, row, value)
        at = _skip(line, after)
        if row.kind == "grid":
            at = _more_dimensions(line, at, values, row, variables)
    return OptionLine(values, line[at:].strip(), is_closed)


def _more_dimensions(
    line: str,
    at: int,
    values: dict[str, Any],
    row: Option,
    variables: Mapping[str, Any],
) -> int:
    """Parse the words ``name=v1,v2`` that follow the first of a grid."""
    while at < len(line) and _is_dimension(line[at:]):
        word, after = _word(line, at)
        _put(values, row, option_values.read(row, word, variables))
        at = _skip(line, after)
    return at


def uncommented(line: str) -> str:
    """Return the line up to a word that begins with ``#``."""
    words = _QUOTED_WORD.finditer(line)
    return next((line[: w.start()] for w in words if w.group()[0] == "#"), line)


def first_words(line: str, count: int) -> tuple[list[str], str]:
    """Return at most ``count`` words from the start of ``line``, and the rest.

    Raises:
        OptionError: a quotation mark is not closed.
    """
    words: list[str] = []
    at = _skip(line, 0)
    while at < len(line) and len(words) < count:
        word, after = _word(line, at)
        words.append(word)
        at = _skip(line, after)
    return words, line[at:]


def parse_command(
    line: str, flags: Mapping[str, Option], variables: Mapping[str, Any]
) -> OptionLine:
    """Parse the line of a command with options of its own, in any order."""
    words, _rest = first_words(line, len(line))
    return parse_words(words, flags, variables)


@called_from("shell")
def parse_words(
    words: Sequence[str],
    flags: Mapping[str, Option] = options.FLAGS,
    variables: Mapping[str, Any] = MappingProxyType({}),
) -> OptionLine:
    """Parse the words of a shell command line, with options in any order.

    Words that are neither options nor their values form the prompt, joined with spaces.
    A shell has no ``variables``.
    """
    values: dict[str, Any] = {}
    prompt: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            prompt += left
            break
        if not word.startswith("-") or len(word) == 1:
            prompt.append(word)
            continue
        name, equals, given = word.partition("=")
        row = options.flag(name, flags)
        if not row.takes_value:
            on = not name.startswith("--no")
            counts = on and row.count and not equals and left and left[0].isdecimal()
            _put_count(values, row, left.pop(0) if counts else "")
            if equals:
                raise OptionError("no_value", name=name, given=given)
            _put(values, row, on)
            continue
        if not equals and not row.needs_value:
            _put(values, row, row.bare)
            continue
        if not equals and not left:
            raise OptionError("value_missing", name=row.flag, allowed=row.expected)
        raw = given if equals else left.pop(0)
        _put(values, row, option_values.read(row, raw, variables))
        while row.kind == "grid" and left and _is_dimension(left[0]):
            _put(values, row, option_values.read(row, left.pop(0), variables))
    return OptionLine(values, " ".join(prompt))


def misplaced(body: str) -> str:
    """Return the first word of a cell's body if it is a flag, else an empty string."""
    words = body.split(maxsplit=1)
    return words[0] if words and _is_flag(words[0]) else ""


def _is_flag(word: str) -> bool:
    return word.partition("=")[0] in options.FLAGS


def _is_dimension(word: str) -> bool:
    match = _DIMENSION.match(word)
    return match is not None and match.group(1).replace("-", "_") in _DIMENSIONS


def _put(values: dict[str, Any], row: Option, value: Any) -> None:
    if row.repeats:
        more = value if isinstance(value, list) else [value]
        values[row.name] = [*values.get(row.name, []), *more]
    elif row.name in values:
        raise OptionError("given_twice", name=row.flag)
    else:
        values[row.name] = value


def _count(line: str, at: int, given: str | None) -> tuple[str, int]:
    """Return the whole number after ``=`` or as the next word, or an empty string."""
    if given is not None:
        return (given if given.isdecimal() else ""), at
    match = _COUNT.match(line, at)
    return (match[1], match.end()) if match else ("", at)


def _put_count(values: dict[str, Any], row: Option, counted: str) -> None:
    if counted:
        more = options.flag(row.count)
        _put(values, more, option_values.read(more, counted, {}))


def _skip(line: str, at: int) -> int:
    match = _SPACE.match(line, at)
    return match.end() if match else at


def _is_object(line: str, at: int) -> bool:
    return line[_skip(line, at) :][:1] == "{"


def _word(line: str, at: int) -> tuple[str, int]:
    named = _NAMED_JSON.match(line, at)
    if named is not None:
        with suppress(ValueError):
            end = end_of_value(line, named.end())
            return line[at:end], end
    match = _WORD.match(line, at)
    if match is None:
        raise OptionError("open_quote", given=line[at : at + 40])
    end = match.end()
    if end < len(line) and not line[end].isspace():
        raise OptionError("open_quote", given=line[end : end + 40])
    return _QUOTED.sub(_unquoted, match.group()), end


def _unquoted(match: re.Match[str]) -> str:
    double, single = match.groups()
    return single if double is None else re.sub(r"\\([\"\\])", r"\1", double)


def _value(line: str, at: int, row: Option) -> tuple[str, int]:
    at = _skip(line, at)
    if at >= len(line):
        raise OptionError("value_missing", name=row.flag, allowed=row.expected)
    if line[at] not in "{[":
        return _word(line, at)
    try:
        end = end_of_value(line, at)
    except ValueError as wrong:
        if row.kind in {"text", "path"}:
            return _word(line, at)
        reason = where_invalid(wrong)
        raise OptionError("bad_json", name=row.flag, reason=reason) from wrong
    return line[at:end], end


def parse_assignments(
    line: str, variables: Mapping[str, Any]
) -> Iterator[tuple[Option, Any, bool]]:
    """Parse ``name=value`` words to (setting, checked value, whether one was present).

    ``name=`` alone yields the value None: restore the lower layers.

    Raises:
        SettingError: no such setting.
        OptionError, ParameterError, VariableError: its value is not allowed.
    """
    at = _skip(line, 0)
    while at < len(line):
        match = _NAME.match(line, at)
        if match is None:
            raise OptionError("bad_assignment", given=line[at : at + 40])
        row, at = _setting(line, at, match), match.end()
        if not match.group(2):
            yield row, None, False
        elif at >= len(line) or line[at].isspace():
            yield row, None, True
        else:
            with called_from("setting"):
                raw, at = _value(line, at, row)
                value = option_values.read(row, raw, variables)
            yield row, value, True
        at = _skip(line, at)


def _setting(line: str, at: int, match: re.Match[str]) -> Option:
    """Return the setting that a word names; names the form of a value written apart."""
    before = line[:at].split()
    try:
        return options.setting(match[1])
    except SettingError:
        apart = line[at:].split(maxsplit=1)[0]
        if not before or "=" in apart:
            raise
        name, equals, _value = before[-1].partition("=")
        key = "assignment_unquoted" if equals else "assignment_apart"
        raise OptionError(key, given=apart, name=name) from None
