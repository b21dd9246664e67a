"""The commands: functions of the extension and the line, named as they are called."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wcode_magics import line as lines
from wcode_magics import options, params, snippets
from wcode_magics.commands import ask, catalogue, keys, panel, requests, setup

COMMANDS: tuple[Callable[..., Any], ...] = (
    ask.wcode,
    setup.wcode_config,
    keys.wcode_login,
    keys.wcode_logout,
    catalogue.wcode_models,
    catalogue.wcode_params,
    requests.wcode_show,
    requests.wcode_code,
    panel.wcode_panel,
)

_SETTINGS = tuple(f"{row.name}=" for row in options.SETTINGS)


def complete(
    command: str, line: str, variables: Mapping[str, Any]
) -> Iterator[lines.Completion]:
    """What may stand at the end of a command's line."""
    if command in {"wcode", "wcode_show", "wcode_panel"}:
        yield from lines.complete(line, variables)
    elif command == "wcode_params":
        yield from lines.complete_names(line, params.NAMES)
    elif command == "wcode_config":
        yield from lines.complete_names(line, _SETTINGS)
    elif command == "wcode_code":
        yield from lines.complete_names(line, snippets.KEYS)
