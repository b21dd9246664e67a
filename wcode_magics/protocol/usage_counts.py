"""Parse the token usage of an answer from the field names of all providers.

An invalid count discards the whole usage, as a partial one would be a guess.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from wcode_magics.protocol.messages import Usage

Unread = dict[str, None]

MOST_COUNTED = 2**53
PROMPT_COUNTS = ("prompt_tokens", "input_tokens")
ANSWER_COUNTS = ("completion_tokens", "output_tokens")
"""Names of the counts; the second is used by gateways to Anthropic's models."""


def usage_of(payload: Mapping[str, Any], choice: Any, unread: Unread) -> Usage | None:
    """Return the usage in a payload or its choice, or None."""
    usage = _reported(payload, choice)
    return _read(usage, unread) if usage else None


def _reported(payload: Mapping[str, Any], choice: Any) -> Any:
    """Return the usage of the payload, of ``x_groq``, or of the choice (Moonshot)."""
    usage = payload.get("usage") or (choice and choice.get("usage"))
    groq = None if usage else payload.get("x_groq")
    return groq.get("usage") if isinstance(groq, dict) else usage


def _read(usage: Any, unread: Unread) -> Usage | None:
    if not isinstance(usage, dict):
        unread["usage"] = None
        return None
    asked, answered = first(usage, PROMPT_COUNTS), first(usage, ANSWER_COUNTS)
    if asked is None and answered is None:
        return None
    prompt, answer = count(asked or 0), count(answered or 0)
    total = usage.get("total_tokens")
    if asked is None:
        prompt = _rest(total, answer)
    elif answered is None:
        answer = _rest(total, prompt)
    if prompt is None or answer is None:
        unread["usage"] = None
        return None
    if not prompt and not answer:  # not counted yet, or never
        return None
    cached = _inner(usage, "prompt_tokens_details", "cached_tokens")
    thought = _inner(usage, "completion_tokens_details", "reasoning_tokens")
    return Usage(
        prompt,
        answer,
        count(cached if cached is not None else usage.get("prompt_cache_hit_tokens")),
        count(thought if thought is not None else usage.get("reasoning_tokens")),
        _charge(usage.get("cost")),
    )


def first(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the value of the first of these fields that is not None."""
    for name in names:
        value = values.get(name)
        if value is not None:
            return value
    return None


def _rest(total: Any, known: int | None) -> int | None:
    """Return the count that is not reported: 0 where the total is not, either."""
    counted = count(total)
    return 0 if counted is None else count(counted - (known or 0))


def _inner(usage: Mapping[str, Any], details: str, name: str) -> Any:
    inner = usage.get(details)
    return inner.get(name) if isinstance(inner, dict) else None


def count(value: Any) -> int | None:
    """Convert to a number of tokens; None if it cannot be one."""
    if value is None or (type(value) is int and 0 <= value < MOST_COUNTED):
        return value
    try:
        whole = isinstance(value, int | float) and int(value) == value
        number = int(value) if whole or isinstance(value, str) else -1
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < MOST_COUNTED else None


def _charge(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < MOST_COUNTED else None
