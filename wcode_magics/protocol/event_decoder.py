"""Parse one JSON payload into a delta, checking type and limits of every field.

All data from a server passes through here. Text is accepted in any form. Any other
part that is malformed (usage, log probabilities, ids, a finish reason) is dropped on
its own and named in ``Delta.unread``.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.finish_reasons import finish
from wcode_magics.protocol.lenient_json import clean
from wcode_magics.protocol.messages import MOST_CALLS, CallPiece, Delta
from wcode_magics.protocol.usage_counts import Unread, count, first, usage_of

MOST_BYTES = 2**20
MOST_ALTERNATIVES = 1024
LONGEST_WORD = 256
ROUNDING = 0.01
"""Amount by which a log probability may exceed 0."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
"""Fields with reasoning outside the text (DeepSeek, vLLM; OpenRouter, Ollama)."""
OLLAMA = "fp_ollama"
"""Ollama's constant ``system_fingerprint``; a digest of each model stands beside it."""
ARGUMENTS = ("arguments", "parameters", "input")
"""Fields with the arguments of a call; the second is Llama's."""


class NoAnswerError(ValueError):
    """Raised if a payload is not of the chat-completions form."""


def delta_of(payload: Any, inner: str) -> Delta | None:
    """Parse a chunk (``inner`` is ``delta``) or a complete answer (``message``).

    Returns None if the payload has no part of an answer.

    Raises:
        NoAnswerError: the payload is not of the chat-completions form.
    """
    if not isinstance(payload, dict):
        raise NoAnswerError
    unread: Unread = {}
    choice = _first_choice(payload.get("choices"))
    usage = usage_of(payload, choice, unread)
    model = _word(payload.get("model"), "model", unread)
    if choice is None:
        return Delta(usage=usage, model=model, unread=(*unread,)) if usage else None
    message = _message(choice, inner)
    text, thought, field = _texts(message, unread)
    return Delta(
        text=text,
        calls=tuple(_calls(message, unread)),
        tokens=_tokens(choice.get("logprobs"), unread),
        finish_reason=finish(_finish_word(choice.get("finish_reason"), unread)),
        usage=usage,
        model=model,
        refusal=_word(message.get("refusal"), "refusal", unread, MOST_BYTES),
        reasoning=thought or None,
        reasoning_field=field if thought else None,
        unread=(*unread,),
        has_digest=payload.get("system_fingerprint") == OLLAMA,
    )


def is_finished(payload: Any) -> bool:
    """Return whether a payload is an answer with a finish reason."""
    choices = payload.get("choices") if isinstance(payload, dict) else None
    choice = _first_choice(choices) if isinstance(choices, list) else None
    return choice is not None and bool(choice.get("finish_reason"))


def _first_choice(choices: Any) -> Mapping[str, Any] | None:
    if choices is not None and not isinstance(choices, list):
        raise NoAnswerError
    for choice in choices or ():
        if isinstance(choice, dict) and choice.get("index") in (None, 0, "0", ""):
            return choice
    return None


def _message(choice: Mapping[str, Any], inner: str) -> Mapping[str, Any]:
    other = "delta" if inner == "message" else "message"
    message = choice.get(inner, choice.get(other))
    if message is None:
        message = {"content": choice.get("text")}
    if isinstance(message, str):
        message = {"content": message}
    if not isinstance(message, dict):
        raise NoAnswerError
    return message


def _word(
    value: Any, name: str, unread: Unread, longest: int = LONGEST_WORD
) -> str | None:
    if not value:
        return None
    if isinstance(value, str):
        return clean(value[:longest])
    unread[name] = None
    return str(value)[:longest] if isinstance(value, int | float) else "?"


def _texts(message: Mapping[str, Any], unread: Unread) -> tuple[str, str, str | None]:
    """Return the text, the reasoning, and the field of the reasoning."""
    text, thought = _content(message.get("content"), unread)
    for field in REASONING_FIELDS:
        value = message.get(field)
        if value and isinstance(value, str):
            return text, thought + value, field
        if value:
            unread["reasoning"] = None
    details = message.get("reasoning_details")
    if isinstance(details, list):
        thought += "".join(_part_text(part) for part in details)
    return text, thought, None


def _content(content: Any, unread: Unread) -> tuple[str, str]:
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        return _json(content), ""
    texts, thoughts = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("thinking", "reasoning"):
            thoughts.append(_part_text(part))
            continue
        text = _part_text(part)
        texts.append(text)
        if not text and part:
            unread["content"] = None
    return "".join(texts), "".join(thoughts)


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(_part_text(inner) for inner in part)
    if not isinstance(part, dict):
        return ""
    for name in ("text", "thinking", "reasoning", "summary"):
        if part.get(name):
            return _part_text(part[name])
    return ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _finish_word(value: Any, unread: Unread) -> str | None:
    if value and not isinstance(value, str):
        unread["finish_reason"] = None
        return None
    return _word(value, "finish_reason", unread)


def _calls(message: Mapping[str, Any], unread: Unread) -> Iterator[CallPiece]:
    calls = message.get("tool_calls")
    if not calls and message.get("function_call"):
        calls = [{"function": message["function_call"]}]
    if isinstance(calls, dict):
        calls = [calls]
    if calls and not isinstance(calls, list):
        unread["tool_calls"] = None
        return
    for call in calls or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            function = call
        if not isinstance(function, dict):
            unread["tool_calls"] = None
            continue
        yield CallPiece(
            _index(call.get("index")),
            _word(call.get("id"), "tool_calls", unread) or "",
            _word(function.get("name"), "tool_calls", unread) or "",
            _arguments(first(function, ARGUMENTS)),
        )


def _index(value: Any) -> int:
    index = count(value)
    return index if index is not None and index < MOST_CALLS else -1


def _arguments(arguments: Any) -> str:
    """Return arguments as JSON text, even if the server sends an object."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else _json(arguments)


def _tokens(logprobs: Any, unread: Unread) -> tuple[TokenLogprob, ...]:
    if not isinstance(logprobs, dict):
        if logprobs:
            unread["logprobs"] = None
        return ()
    content = logprobs.get("content")
    if content is None and isinstance(logprobs.get("tokens"), list):
        content = _of_old_form(logprobs)
    if content and not isinstance(content, list):
        unread["logprobs"] = None
        return ()
    made = (_token(entry, unread) for entry in content or ())
    return tuple(token for token in made if token is not None)


def _of_old_form(logprobs: Mapping[str, Any]) -> list[Any]:
    """Convert legacy ``{tokens, token_logprobs, top_logprobs}`` to current entries."""
    tokens = logprobs["tokens"]
    values, tops = (
        column if isinstance(column, list) else []
        for column in map(logprobs.get, ("token_logprobs", "top_logprobs"))
    )
    missing = [None] * len(tokens)
    return [
        {"token": token, "logprob": logprob, "top_logprobs": _pairs(top)}
        for token, logprob, top in zip(
            tokens, [*values, *missing], [*tops, *missing], strict=False
        )
    ]


def _pairs(top: Any) -> list[Any]:
    """Return alternatives from a ``{token: log probability}``."""
    if not isinstance(top, dict):
        return []
    return [{"token": token, "logprob": logprob} for token, logprob in top.items()]


def _token(entry: Any, unread: Unread) -> TokenLogprob | None:
    chosen = _alternative(entry, unread, least=-math.inf)
    if chosen is None:
        return None
    top = entry.get("top_logprobs")
    if isinstance(top, dict):
        top = _pairs(top)
    if top and not isinstance(top, list):
        unread["logprobs"] = None
        top = None
    few: Iterable[Any] = top[:MOST_ALTERNATIVES] if top else ()
    read = (_alternative(item, unread) for item in few)
    others = tuple(other for other in read if other is not None)
    logprob = chosen.logprob
    if logprob == -math.inf:  # none, or no number: its own entry may have it
        own = (other.logprob for other in others if other.token == chosen.token)
        logprob = max(own, default=logprob)
    return TokenLogprob(chosen.token, logprob, chosen.bytes, others)


def _alternative(
    entry: Any, unread: Unread, least: float | None = None
) -> Alternative | None:
    """Parse a token; None if it is malformed.

    ``least`` replaces an invalid log probability; with None, the token is malformed.
    """
    token = entry.get("token") if isinstance(entry, dict) else 0
    if not isinstance(token, str | None):
        unread["logprobs"] = None
        return None
    logprob = _logprob(entry.get("logprob"))
    if logprob is None:
        unread["logprobs"] = None
        if least is None:
            return None
        logprob = least
    return Alternative(clean(token or ""), logprob, _bytes(entry.get("bytes"), unread))


def _logprob(value: Any) -> float | None:
    if value is None:
        return -math.inf
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number <= ROUNDING else None


def _bytes(raw: Any, unread: Unread) -> bytes | None:
    if raw is None:
        return None
    try:
        if isinstance(raw, list) and len(raw) <= MOST_BYTES:
            return bytes(raw)
    except (TypeError, ValueError):
        pass
    unread["logprobs"] = None
    return None
