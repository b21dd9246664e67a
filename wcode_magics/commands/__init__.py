"""The commands by name, each in the module that is loaded when it is first used.

A command is a function of the extension and the line, and bears the command's name.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wcode_magics.line import Completion

COMMANDS = {
    "wcode": "ask",
    "wcode_config": "setup",
    "wcode_login": "keys",
    "wcode_logout": "keys",
    "wcode_models": "catalogue",
    "wcode_params": "catalogue",
    "wcode_show": "requests",
    "wcode_code": "requests",
    "wcode_diff": "answers",
    "wcode_branch": "answers",
    "wcode_history": "history",
    "wcode_usage": "spent",
    "wcode_panel": "panel",
    "wcode_chats": "talks",
    "wcode_reset": "talks",
    "wcode_fix": "mend",
    "wcode_repair": "mend",
}
ASKING = frozenset({"wcode", "wcode_fix", "wcode_repair", "wcode_branch"})
"""Commands that show the answer that they give."""
_LINES = ASKING | {"wcode_show", "wcode_panel"}
PROMPTED = _LINES | {"wcode_code"}
"""Commands whose line may hold any text; in others, ``#`` begins a comment."""


def find(name: str) -> Callable[..., Any]:
    """The function of a command."""
    module = import_module(f"{__name__}.{COMMANDS[name]}")
    return getattr(module, name)  # type: ignore[no-any-return]


def complete(
    command: str, line: str, variables: Mapping[str, Any]
) -> "Iterator[Completion]":
    """What may stand at the end of a command's line."""
    from wcode_magics import line as lines
    from wcode_magics import options, params, snippets

    if command in _LINES:
        yield from lines.complete(line, variables)
    elif command == "wcode_params":
        yield from lines.complete_names(line, params.NAMES)
    elif command == "wcode_config":
        names = tuple(f"{row.name}=" for row in options.SETTINGS)
        yield from lines.complete_names(line, names)
    elif command == "wcode_diff":
        names = tuple(name for name in variables if not name.startswith("__"))
        yield from lines.complete_names(line, names)
    elif command == "wcode_history":
        yield from lines.complete(line, {}, import_module(f"{__name__}.history").FLAGS)
    elif command == "wcode_code":
        yield from lines.complete_names(line, snippets.KEYS)
