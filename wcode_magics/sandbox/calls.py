"""Choose the tools that a prompt asks for, and hints for their arguments."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import analysis, fields, library, schema_bounds
from .chat_turns import ChatTurn
from .offered_tools import OfferedTool
from .request_body import ParsedRequest

_COMMON = library.words("dull")
_SYNONYMS = (
    ("weather", "天气", "forecast", "气温"),
    ("time", "时间", "clock", "几点"),
    ("search", "搜索", "查找", "look up"),
    ("calculate", "计算", "add", "sum", "plus", "multiply", "times"),
    ("email", "邮件", "mail"),
    ("price", "价格", "cost", "多少钱"),
    ("translate", "翻译"),
    ("stock", "股票", "股价"),
    ("convert", "换算", "转换"),
    ("news", "新闻"),
    ("temperature", "温度", "气温"),
    ("population", "人口"),
    ("distance", "距离", "多远"),
    ("book", "预订", "预定", "reserve"),
)
_STEM = 5
_ENOUGH = 1.0
_SEEN = 4_000
"""Characters at either end of a long message that are analysed."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """Planned tool call; ``hints`` is its arguments' schema, with known values."""

    tool: OfferedTool
    hints: Mapping[str, Any]


def chosen(request: ParsedRequest) -> tuple[PlannedCall, ...]:
    """Return the tool calls of the answer; empty for an answer in prose."""
    if (
        request.tool_choice == "none"
        or not request.tools
        or request.turns[-1].role == "tool"
    ):
        forced = request.tool_choice == "required" or request.tool_choice[:1] == ":"
        if not forced or not request.tools:
            return ()
    text = last_user(request)
    if request.tool_choice[:1] == ":":
        tools = [tool for tool in request.tools if tool.name == request.tool_choice[1:]]
    else:
        rated = sorted(
            ((_match(t, text), t.name, t) for t in request.tools), reverse=True
        )
        tools = [tool for rate, _, tool in rated if rate >= _ENOUGH]
        if request.tool_choice == "required":
            tools = tools or [rated[0][2]]
    calls = tuple(call for tool in tools for call in _spread(tool, text))
    return calls if request.parallel else calls[:1]


def last_user(request: ParsedRequest) -> str:
    """Return the last user message; of a long one only the beginning and the end."""
    text = _last(request).text
    return text if len(text) <= 2 * _SEEN else f"{text[:_SEEN]}\n{text[-_SEEN:]}"


def seen(request: ParsedRequest) -> str:
    """Return the last user message with what is seen of its images."""
    notes = (picture.notes for picture in _last(request).pictures)
    return "\n\n".join([last_user(request), *notes])


def _last(request: ParsedRequest) -> ChatTurn:
    turns = [turn for turn in request.turns if turn.role == "user"]
    return turns[-1] if turns else request.turns[-1]


def _match(tool: OfferedTool, text: str) -> float:
    """Score how well a text matches a tool; words of its name count most."""
    low = text.lower()
    stems = {word[:_STEM] for word in analysis.content_words(text)}
    name = (
        set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", tool.name).lower()))
        - _COMMON
    )
    described = set(analysis.content_words(tool.description)) - _COMMON - name
    rate = sum(word[:_STEM] in stems for word in name) * 1.0
    rate += sum(word[:_STEM] in stems for word in described if word.isascii()) * 0.5
    about = f"{tool.name} {tool.description}".lower()
    rate += sum(
        any(t in about for t in words) and any(t in low for t in words)
        for words in _SYNONYMS
    )
    runs = re.findall(r"[\u4e00-\u9fff]{2,}", tool.description)
    pairs = {run[i : i + 2] for run in runs for i in range(len(run) - 1)}
    return rate + 0.5 * sum(pair in text for pair in pairs)


def _spread(tool: OfferedTool, text: str) -> Iterator[PlannedCall]:
    """Yield one call per place named in the text, if the tool takes one place."""
    schema = schema_bounds.resolve(tool.parameters)
    rows = schema.get("properties") or {}
    spots = fields.places(analysis.source(text)) or fields.places(text)
    taking = [key for key in rows if fields.takes_place(key)]
    if len(taking) != 1 or len(spots) < 2:
        yield PlannedCall(tool, schema)
        return
    for spot in spots:
        fixed = {**rows, taking[0]: {**rows[taking[0]], "const": spot}}
        yield PlannedCall(tool, {**schema, "properties": fixed})


def tool_results(request: ParsedRequest) -> list[str]:
    """Return the latest tool results as text, objects on one line each."""
    found = []
    for turn in reversed(request.turns):
        if turn.role != "tool":
            break
        found.append(_flat(turn.text))
    return found[::-1]


def _flat(text: str) -> str:
    try:
        data = json.loads(text)
    except ValueError:
        return text.strip()
    if isinstance(data, dict):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in data.items())
    return _plain(data)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
