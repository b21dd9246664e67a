"""Completion of an option line at the cursor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wcode_magics.protocol import parameters
from wcode_magics.runtime.shell_variables import public
from wcode_magics.settings import options
from wcode_magics.settings.option import Option
from wcode_magics.text import say


@dataclass(frozen=True, slots=True)
class Completion:
    """``text`` replaces the line from ``start``; a flag, choice, name or function."""

    text: str
    start: int
    kind: str
    meta: str = ""


def complete(
    line: str,
    variables: Mapping[str, Any],
    flags: Mapping[str, Option] = options.FLAGS,
) -> Iterator[Completion]:
    """Yield completions for the end of ``line`` (the line up to the cursor)."""
    start = max(line.rfind(" "), line.rfind("\t")) + 1
    word = line[start:]
    before = line[:start].split()
    row = flags.get(before[-1]) if before else None
    name, equals, _given = word.partition("=")
    if equals and name in flags:
        row, start, word = flags[name], start + len(name) + 1, _given
    if row is not None and (row.takes_value if equals else row.needs_value):
        yield from _values(row, word, start, variables)
    elif not word or word.startswith("-"):
        yield from _flags(word, start, flags)


def _flags(word: str, start: int, flags: Mapping[str, Option]) -> Iterator[Completion]:
    for spelt, row in flags.items():
        underscored = "_" in spelt and "_" not in word
        short = len(spelt) == 2 and spelt != word
        if spelt.startswith(word) and not underscored and not short:
            yield Completion(spelt, start, "flag", _meant(row))


def _meant(row: Option) -> str:
    """Return the range of an option and its default, for the menu of completions."""
    usual = row.usual
    return f"{row.allowed} · {say('ui.usual', value=usual)}" if usual else row.allowed


def _values(
    row: Option, word: str, start: int, variables: Mapping[str, Any]
) -> Iterator[Completion]:
    for choice in row.words:
        if choice.startswith(word):
            yield Completion(choice, start, "choice")
    if row.kind == "functions" and not word.startswith("$"):
        yield from _functions(word, start, variables)
        return
    if row.kind == "grid" and "=" not in word:
        for name in ("model", *parameters.NAMES):
            if name.startswith(word):
                yield Completion(f"{name}=", start, "name")
        return
    if word.startswith("$") or (not row.words and not word):
        for name in public(variables):
            if f"${name}".startswith(word):
                yield Completion(f"${name}", start, "name")


def _functions(
    word: str, start: int, variables: Mapping[str, Any]
) -> Iterator[Completion]:
    begun, comma, last = word.rpartition(",")
    for name in public(variables):
        value = variables[name]
        named = callable(value) and not isinstance(value, type)
        if named and name.startswith(last):
            yield Completion(f"{begun}{comma}{name}", start, "function")


def complete_names(line: str, names: Sequence[str]) -> Iterator[Completion]:
    """Yield the names that complete the last word of ``line``."""
    start = max(line.rfind(" "), line.rfind("\t")) + 1
    for name in names:
        if name.startswith(line[start:]):
            yield Completion(name, start, "name")
