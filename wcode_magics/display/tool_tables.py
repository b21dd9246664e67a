"""Calls of tools as tables: those made before an answer, and those it asks for."""

from collections.abc import Sequence
from typing import Any

from wcode_magics.display.text_table import TextTable, shown_value
from wcode_magics.logprobs.number_format import number
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol.messages import ToolTrace
from wcode_magics.text import say

MOST_ARGUMENTS = 4_000
"""Maximum characters shown of a call's arguments."""


def trace_table(trace: Sequence[ToolTrace]) -> TextTable:
    """Return a table of the tool calls made before an answer."""
    heads = ("trace_round", "trace_call", "trace_result", "trace_seconds")
    rows = [
        (
            str(one.round),
            clipped(f"{one.name}({one.arguments})", MOST_ARGUMENTS),
            shown_value(("" if one.ok else say("ui.trace_failed")) + one.result),
            say("ui.seconds", seconds=number(one.seconds)),
        )
        for one in trace
    ]
    return TextTable([say(f"ui.{head}") for head in heads], rows)


def calls_table(calls: Sequence[Any]) -> TextTable:
    """Return a table of the tool calls that an answer asks for."""
    rows = [(call.name, clipped(call.arguments, MOST_ARGUMENTS)) for call in calls]
    return TextTable((say("ui.tool_call"), say("ui.arguments")), rows)
