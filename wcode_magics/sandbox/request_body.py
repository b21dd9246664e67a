"""Parse and validate the JSON body of a request; errors name the allowed range."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .bad_request import BadRequest, shown
from .chat_turns import ChatTurn, read_turns
from .offered_tools import OfferedTool, read_tool_choice, read_tools
from .output_format import Form, read_form
from .sampler import Sampling

MODEL = "wcode-sandbox"
STANDS_IN_FOR = "qwen/qwen-2.5-7b-instruct"
CONTEXT = 65_536
MOST_STOPS = 16
MOST_TOP_LOGPROBS = 20

_RANGES: dict[str, tuple[type, float | None, float | None]] = {
    "temperature": (float, 0, 2),
    "top_p": (float, 0, 1),
    "top_k": (int, 0, None),
    "frequency_penalty": (float, -2, 2),
    "presence_penalty": (float, -2, 2),
    "repetition_penalty": (float, 0, 2),
    "min_p": (float, 0, 1),
    "top_a": (float, 0, 1),
    "seed": (int, None, None),
    "max_tokens": (int, 1, None),
    "max_completion_tokens": (int, 1, None),
    "top_logprobs": (int, 0, MOST_TOP_LOGPROBS),
    "n": (int, 1, 1),
    "thinking_budget": (int, 1, None),
}
_FLAGS = (
    *("stream", "logprobs", "parallel_tool_calls", "continue_final_message"),
    *("add_generation_prompt", "enable_thinking"),
)
_OTHERS = ("logit_bias", "response_format", "stop", "structured_outputs", "verbosity")
_OF_TOOLS = ("tools", "tool_choice")
NAMES = frozenset({*_RANGES, *_FLAGS, *_OTHERS, *_OF_TOOLS})
"""Parameters that it reads."""
_LEVELS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """Validated request."""

    turns: tuple[ChatTurn, ...]
    sampling: Sampling
    max_tokens: int | None
    stop: tuple[str, ...]
    top_logprobs: int | None
    form: Form
    tools: tuple[OfferedTool, ...]
    tool_choice: str
    parallel: bool
    verbosity: str
    stream: bool
    include_usage: bool
    continues: bool
    thinks: bool
    thinking_budget: int | None

    @property
    def system(self) -> str:
        """Text of the system prompts."""
        prompts = (turn for turn in self.turns if turn.role in {"system", "developer"})
        return " ".join(turn.text for turn in prompts)


def read(raw: bytes, vocabulary: int) -> ParsedRequest:
    """Parse a JSON body into a request; raises BadRequest."""
    body = parse(raw)
    found = _model(body)
    if found not in {MODEL, STANDS_IN_FOR}:
        message = (
            f"The model `{found}` does not exist; this is the sandbox: use `{MODEL}`."
        )
        raise BadRequest(message, "model", "model_not_found", 404)
    turns = read_turns(body)
    if found != MODEL and any(turn.pictures for turn in turns):
        message = f"The model `{found}` reads no images; `{MODEL}` does."
        raise BadRequest(message, "messages", "invalid_content_type")
    numbers = {name: _number(body, name, *row) for name, row in _RANGES.items()}
    flags = {name: _flag(body, name) for name in _FLAGS}
    tools = read_tools(body)
    if numbers["top_logprobs"] is not None and not flags["logprobs"]:
        raise BadRequest("`top_logprobs` needs `logprobs` to be true.", "top_logprobs")
    alternatives = int(numbers["top_logprobs"] or 0) if flags["logprobs"] else None
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise BadRequest("`stream_options` must be an object.", "stream_options")
    budget = numbers["thinking_budget"]
    if flags["enable_thinking"] and found != MODEL:
        message = f"The model `{found}` does not think; `{MODEL}` does."
        raise BadRequest(message, "enable_thinking")
    limit = numbers["max_completion_tokens"] or numbers["max_tokens"]
    return ParsedRequest(
        turns=turns,
        sampling=_sampling(numbers, _bias(body, vocabulary)),
        max_tokens=None if limit is None else int(limit),
        stop=_stops(body),
        top_logprobs=alternatives,
        form=read_form(body, [turn.text for turn in turns]),
        tools=tools,
        tool_choice=read_tool_choice(body, tools),
        parallel=flags["parallel_tool_calls"] is not False,
        verbosity=_verbosity(body),
        stream=bool(flags["stream"]),
        include_usage=options.get("include_usage") is True,
        continues=_continues(flags, turns),
        thinks=flags["enable_thinking"] is True,
        thinking_budget=None if budget is None else int(budget),
    )


def parse(raw: bytes) -> dict[str, Any]:
    """Decode bytes into a JSON object; raises BadRequest."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        message = f"The body is not valid JSON: {error}."
        raise BadRequest(message, code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _model(body: Mapping[str, Any]) -> str:
    found = body.get("model")
    if not isinstance(found, str) or not found:
        raise BadRequest("`model` is missing: it must be a string.", "model")
    return found


def _number(
    body: Mapping[str, Any],
    name: str,
    kind: type,
    low: float | None,
    high: float | None,
) -> float | int | None:
    value = body.get(name)
    if value is None:
        return None
    word = "an integer" if kind is int else "a number"
    span = _span(low, high)
    fits = isinstance(value, int) or (kind is float and isinstance(value, float))
    if isinstance(value, bool) or not fits:
        raise BadRequest(f"`{name}` must be {word}{span}, not {shown(value)}.", name)
    if not ((low is None or value >= low) and (high is None or value <= high)):
        raise BadRequest(f"`{name}` is {shown(value)}; it must be {word}{span}.", name)
    return float(value) if kind is float else int(value)


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return ""
    return f" of at least {low}" if high is None else f" from {low} to {high}"


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"`{name}` must be true or false, not {shown(value)}.", name)
    return value


def _sampling(numbers: Mapping[str, Any], bias: Mapping[int, float]) -> Sampling:
    names = Sampling.__dataclass_fields__.keys() & numbers.keys()
    known = {name: numbers[name] for name in names if numbers[name] is not None}
    return Sampling(**known, logit_bias=bias)


def _bias(body: Mapping[str, Any], vocabulary: int) -> dict[int, float]:
    biases = body.get("logit_bias") or {}
    if not isinstance(biases, dict):
        raise BadRequest("`logit_bias` must map token ids to numbers.", "logit_bias")
    found = {}
    for key, value in biases.items():
        if not key.isdecimal() or int(key) >= vocabulary:
            message = (
                f"`logit_bias` has the key {shown(key)}; "
                f"token ids go from 0 to {vocabulary - 1}."
            )
            raise BadRequest(message, "logit_bias")
        number = _number({"logit_bias": value}, "logit_bias", float, -100, 100)
        found[int(key)] = float(number or 0.0)
    return found


def _stops(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("stop")
    stops = [] if value is None else [value] if isinstance(value, str) else value
    right = isinstance(stops, list) and all(isinstance(s, str) and s for s in stops)
    if not right or len(stops) > MOST_STOPS:
        message = (
            f"`stop` must be a string or a list of at most {MOST_STOPS} "
            "non-empty strings."
        )
        raise BadRequest(message, "stop")
    return tuple(stops)


def _verbosity(body: Mapping[str, Any]) -> str:
    value = body.get("verbosity")
    if value is None:
        return "medium"
    if value not in _LEVELS:
        message = (
            f"`verbosity` is {shown(value)}; it must be one of {', '.join(_LEVELS)}."
        )
        raise BadRequest(message, "verbosity")
    return str(value)


def _continues(flags: Mapping[str, bool | None], turns: tuple[ChatTurn, ...]) -> bool:
    if not flags["continue_final_message"]:
        return False
    if flags["add_generation_prompt"]:
        message = (
            "`continue_final_message` and `add_generation_prompt` exclude each other."
        )
        raise BadRequest(message, "continue_final_message")
    if turns[-1].role != "assistant":
        message = "`continue_final_message` needs an assistant message at the end."
        raise BadRequest(message, "continue_final_message")
    return True
