"""Tools of a request, and the choice among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .bad_request import BadRequest, shown

_CHOICES = ("none", "auto", "required")


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """Function that may be called; ``parameters`` is its JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


def read_tools(body: Mapping[str, Any]) -> tuple[OfferedTool, ...]:
    """Return the functions that a body offers; raises BadRequest."""
    listed = body.get("tools")
    listed = [] if listed is None else listed
    if not isinstance(listed, list):
        raise BadRequest("`tools` must be a list of functions.", "tools")
    found = []
    for place, item in enumerate(listed):
        function = item.get("function") if isinstance(item, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            message = (
                f"`tools[{place}]` must be {{type: function, function: {{name, …}}}}."
            )
            raise BadRequest(message, "tools")
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(schema, dict):
            raise BadRequest(
                f"`tools[{place}].function.parameters` must be a schema.", "tools"
            )
        found.append(OfferedTool(name, str(function.get("description") or ""), schema))
    return tuple(found)


def read_tool_choice(body: Mapping[str, Any], tools: tuple[OfferedTool, ...]) -> str:
    """Return none, auto, required, or a colon and a function's name.

    Raises:
        BadRequest: it is none of these, or names no function of ``tools``.
    """
    choice = body.get("tool_choice")
    if choice is None:
        return "auto" if tools else "none"
    names = [tool.name for tool in tools]
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if name in names:
            return f":{name}"
        message = (
            f"`tool_choice` names {shown(name)}, which is not in `tools`: "
            f"{shown(names)}."
        )
        raise BadRequest(message, "tool_choice")
    if choice not in _CHOICES:
        allowed = ", ".join(_CHOICES)
        message = f"`tool_choice` is {shown(choice)}; it must be one of {allowed}."
        raise BadRequest(message, "tool_choice")
    if choice == "required" and not tools:
        raise BadRequest(
            "`tool_choice` is required, but there are no `tools`.", "tool_choice"
        )
    return str(choice)
