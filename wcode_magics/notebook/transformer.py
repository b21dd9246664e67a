"""Input transformers: ``%wcode what?``, ``x = %wcode what?``, ``%%wcode`` alone.

IPython takes a trailing question mark as a request for help, and assigns no value from
a magic that displays its result. A line that calls one of our commands, also through
another magic (``%time %wcode what?``), is therefore rewritten before IPython reads it.
Only tokens are examined, so text inside strings is never changed.
"""

import re
import tokenize
from collections.abc import Sequence
from typing import Any

from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    assemble_continued_line,
    find_end_of_continued_line,
)

from wcode_magics.notebook.commands import COMMANDS

_CALL = re.compile(r"%(\w+)[ \t]+(\S.*)", re.DOTALL)
_OURS = re.compile(r"%wcode\w*[ \t]+\S")
_CELL = re.compile(r"%%wcode(\s.*)?", re.DOTALL)
_OPENING, _CLOSING = {"(", "[", "{"}, {")", "]", "}"}
_SPACE = {tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.NEWLINE}


class CommandLine(TokenTransformBase):
    """Line, or right-hand side of an assignment, that calls one of our commands."""

    priority = 1
    """Runs before IPython's own handling of question marks."""

    def __init__(self, start: tuple[int, int], column: int) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]
        self._column = column

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[Any]]) -> "CommandLine | None":
        """Return the first such line."""
        for tokens in tokens_by_line:
            words = [token for token in tokens if token.type not in _SPACE]
            at = _percent(words)
            if at is not None and _is_ours(words[at]):
                return cls(words[0].start, words[at].start[1])
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Return the cell with the line replaced by a Python call."""
        first, column = self.start_line, self._column
        last = find_end_of_continued_line(lines, first)
        head = lines[first][:column]
        call = assemble_continued_line(lines, (first, column), last).rstrip()
        match = _CALL.fullmatch(call)
        assert match is not None
        name, line = match.groups()
        if name in COMMANDS and head.strip():
            called = f"get_ipython().find_line_magic({name!r}).value({line!r})"
        else:
            called = f"get_ipython().run_line_magic({name!r}, {line!r})"
        return [*lines[:first], f"{head}{called}\n", *lines[last + 1 :]]


class CellWithoutBody:
    """Gives ``%%wcode`` an empty body if it has none, which IPython itself refuses.

    ``--continue`` and ``--panel`` need no prompt, and the command says what is missing
    in the user's language.
    """

    has_side_effects = True
    """Keeps it out of IPython's check whether more lines are to come."""

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the cell, with a blank line if the command line is its only one."""
        alone = len(lines) == 1 and _CELL.fullmatch(lines[0])
        return [*lines, "\n"] if alone else lines


def _percent(tokens: Sequence[Any]) -> int | None:
    """Return the index of the percent sign that begins the line or assigned value."""
    depth = 0
    for at, token in enumerate(tokens[:-1]):
        named = token.string == "%" and tokens[at + 1].type == tokenize.NAME
        if named and at == 0:
            return at
        if named and depth == 0 and tokens[at - 1].string == "=":
            same_line = token.start[0] == tokens[0].start[0]
            return at if same_line else None
        depth += (token.string in _OPENING) - (token.string in _CLOSING)
    return None


def _is_ours(percent: Any) -> bool:
    """Return whether the line is one of our commands with an argument.

    A line of another magic counts if it passes a question to one of our commands.
    """
    line = percent.line.splitlines()[0][percent.start[1] :]
    match = _CALL.match(line.rstrip())
    if match is None:
        return False
    name, rest = match.groups()
    if name in COMMANDS:
        return rest not in {"?", "??"}
    return bool(_OURS.search(rest)) and rest.endswith("?")
