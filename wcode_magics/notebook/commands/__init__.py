"""Commands by name, each in a module that is loaded on first use.

A command is a function of the shell state and the line, with the command's name.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from wcode_magics.runtime import imports

if TYPE_CHECKING:
    from wcode_magics.settings.option_completion import Completion

COMMANDS = {
    "wcode": "cell",
    "wcode_config": "config",
    "wcode_login": "login",
    "wcode_logout": "login",
    "wcode_models": "models",
    "wcode_params": "models",
    "wcode_probe": "probe",
    "wcode_show": "show_request",
    "wcode_code": "show_request",
    "wcode_diff": "diff_branch",
    "wcode_branch": "diff_branch",
    "wcode_tree": "tree",
    "wcode_history": "history",
    "wcode_usage": "usage",
    "wcode_panel": "panel",
    "wcode_review": "review",
    "wcode_chats": "chats",
    "wcode_reset": "chats",
    "wcode_fix": "repair",
    "wcode_repair": "repair",
}
ASKING = frozenset({"wcode", "wcode_fix", "wcode_repair", "wcode_branch"})
"""Commands that display the answer they return."""
SENDING = ASKING | {"wcode_probe"}
"""Commands that reach an endpoint, for which the network is imported meanwhile."""
_LINES = ASKING | {"wcode_show", "wcode_panel"}
PROMPTED = _LINES | {"wcode_code"}
"""Commands whose line may hold any text; in others, ``#`` begins a comment."""


def modules(name: str) -> list[str]:
    """Return the modules to import before first use, this package's own first."""
    own = [f"{__name__}.{COMMANDS[name]}", "wcode_magics.notebook.shell_state"]
    return [*own, *imports.DISPLAY]


def find(name: str) -> Callable[..., Any]:
    """Return the function of a command, called with the shell state and the line."""
    module = import_module(f"{__name__}.{COMMANDS[name]}")
    call: Callable[..., Any] = getattr(module, name)
    if name in PROMPTED:
        return call
    from wcode_magics.settings.option_line import uncommented

    return lambda home, line: call(home, uncommented(line))


def complete(
    command: str, line: str, variables: Mapping[str, Any]
) -> "Iterator[Completion]":
    """Yield completions at the end of a command's line."""
    from wcode_magics import snippets
    from wcode_magics.protocol import parameters
    from wcode_magics.settings import option_completion as completion
    from wcode_magics.settings import options

    if command in _LINES:
        yield from completion.complete(line, variables)
    elif command == "wcode_params":
        yield from completion.complete_names(line, parameters.NAMES)
    elif command == "wcode_config":
        names = tuple(f"{row.name}=" for row in options.SETTINGS)
        yield from completion.complete_names(line, names)
    elif command in {"wcode_diff", "wcode_review", "wcode_tree"}:
        names = tuple(name for name in variables if not name.startswith("__"))
        yield from completion.complete_names(line, names)
    elif command in {"wcode_history", "wcode_probe"}:
        flags = import_module(f"{__name__}.{COMMANDS[command]}").FLAGS
        yield from completion.complete(line, {}, flags)
    elif command == "wcode_code":
        yield from completion.complete_names(line, snippets.KEYS)
