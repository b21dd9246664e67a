"""One JSON payload of an answer as a delta: the type and the limits of every field.

All that a server sends passes here and is taken by its type. The text is kept in
whatever form it comes. A part beside it that is malformed (usage, log probabilities,
ids, a finish reason) costs nothing but itself: it is left out, and ``Delta.unread``
names it.

Plain code over :mod:`json`. msgspec decodes a row's answer in 4 µs in place of 14, of
some 500 µs that the row takes; it refuses raw control characters, NaN, halves of
characters and broken UTF-8, which real servers send, so this code would be needed
behind it.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.finish_reasons import finish
from wcode_magics.protocol.messages import MOST_CALLS, CallPiece, Delta
from wcode_magics.protocol.usage_counts import Unread, count, first, usage_of

MOST_BYTES = 2**20
MOST_ALTERNATIVES = 1024
MOST_DEPTH = 64
MOST_BRACKETS = 1_000_000
"""Of a payload that is too deep or has too long a number, and is read once more."""
LONGEST_WORD = 256
ROUNDING = 0.01
"""A log probability may be so far above 0."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
"""Where thinking comes, apart from the text (DeepSeek, vLLM; OpenRouter, Ollama)."""
ARGUMENTS = ("arguments", "parameters", "input")
"""Where the arguments of a call stand; the second as Llama writes them."""

_DEEP = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


class NoAnswerError(ValueError):
    """When a payload is not of the chat-completions form."""


def decode(body: str) -> Any:
    """JSON, also with raw control characters, endless numbers or endless depth.

    Raises:
        ValueError: it is not JSON.
    """
    body = body.removeprefix("\ufeff")
    try:
        return json.loads(body, strict=False)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        pass  # too many digits, too deep
    shallow = _shallow(body)
    try:
        return json.loads(shallow, strict=False, parse_int=_int)
    except RecursionError as wrong:
        raise ValueError("too deep") from wrong


def delta_of(payload: Any, inner: str) -> Delta | None:
    """What a chunk (``inner`` is ``delta``) or a whole answer (``message``) says.

    None where it has nothing of an answer.

    Raises:
        NoAnswerError: it is of another form.
    """
    if not isinstance(payload, Mapping):
        raise NoAnswerError
    unread: Unread = {}
    choice = _first_choice(payload.get("choices"))
    usage = usage_of(payload, choice, unread)
    model = _word(payload.get("model"), "model", unread)
    if choice is None:
        return Delta(usage=usage, model=model, unread=(*unread,)) if usage else None
    said = _said(choice, inner)
    text, thought, field = _texts(said, unread)
    return Delta(
        text=text,
        calls=tuple(_calls(said, unread)),
        tokens=_tokens(choice.get("logprobs"), unread),
        finish_reason=finish(_said_end(choice.get("finish_reason"), unread)),
        usage=usage,
        model=model,
        refusal=_word(said.get("refusal"), "refusal", unread, MOST_BYTES),
        reasoning=thought or None,
        reasoning_field=field if thought else None,
        unread=(*unread,),
    )


def clean(text: str) -> str:
    """A text that can be stored and sent: halves joined, a half alone as U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _int(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else math.inf


def _shallow(body: str) -> str:
    """The same with null in place of what is nested too deep."""
    if body.count("[") + body.count("{") > MOST_BRACKETS:
        raise ValueError("too deep")
    depth = at = 0
    parts = []
    for found in _DEEP.finditer(body):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth == MOST_DEPTH + 1:
                parts.append(body[at : found.start()])
        elif sign in "]}":
            depth -= 1
            if depth == MOST_DEPTH:
                parts.append("null")
                at = found.end()
    return "".join([*parts, body[at:]])


def _first_choice(choices: Any) -> Mapping[str, Any] | None:
    if choices is not None and not isinstance(choices, list):
        raise NoAnswerError
    for choice in choices or ():
        if isinstance(choice, Mapping) and choice.get("index") in (None, 0, "0", ""):
            return choice
    return None


def _said(choice: Mapping[str, Any], inner: str) -> Mapping[str, Any]:
    other = "delta" if inner == "message" else "message"
    said = choice.get(inner, choice.get(other))
    if said is None:
        said = {"content": choice.get("text")}
    if isinstance(said, str):
        said = {"content": said}
    if not isinstance(said, Mapping):
        raise NoAnswerError
    return said


def _word(
    value: Any, name: str, unread: Unread, longest: int = LONGEST_WORD
) -> str | None:
    if not value:
        return None
    if isinstance(value, str):
        return clean(value[:longest])
    unread[name] = None
    return str(value)[:longest] if isinstance(value, int | float) else "?"


def _texts(said: Mapping[str, Any], unread: Unread) -> tuple[str, str, str | None]:
    """The text, the thinking, and the field that it came in."""
    text, thought = _content(said.get("content"), unread)
    for field in REASONING_FIELDS:
        value = said.get(field)
        if isinstance(value, str) and value:
            return text, thought + value, field
        if value and not isinstance(value, str):
            unread["reasoning"] = None
    details = said.get("reasoning_details")
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
        kind = part.get("type") if isinstance(part, Mapping) else None
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
    if not isinstance(part, Mapping):
        return ""
    for name in ("text", "thinking", "reasoning", "summary"):
        if part.get(name):
            return _part_text(part[name])
    return ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _said_end(value: Any, unread: Unread) -> str | None:
    if value and not isinstance(value, str):
        unread["finish_reason"] = None
        return None
    return _word(value, "finish_reason", unread)


def _calls(said: Mapping[str, Any], unread: Unread) -> Iterator[CallPiece]:
    calls = said.get("tool_calls")
    if not calls and said.get("function_call"):
        calls = [{"function": said["function_call"]}]
    if isinstance(calls, Mapping):
        calls = [calls]
    if calls and not isinstance(calls, list):
        unread["tool_calls"] = None
        return
    for call in calls or ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            function = call
        if not isinstance(function, Mapping):
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
    """As JSON text, also where a server sends the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else _json(arguments)


def _tokens(logprobs: Any, unread: Unread) -> tuple[TokenLogprob, ...]:
    if not isinstance(logprobs, Mapping):
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
    """The entries of ``{tokens, token_logprobs, top_logprobs}`` in today's form."""
    tokens = logprobs["tokens"]
    told, tops = (
        column if isinstance(column, list) else []
        for column in map(logprobs.get, ("token_logprobs", "top_logprobs"))
    )
    missing = [None] * len(tokens)
    return [
        {"token": token, "logprob": logprob, "top_logprobs": _pairs(top)}
        for token, logprob, top in zip(
            tokens, [*told, *missing], [*tops, *missing], strict=False
        )
    ]


def _pairs(top: Any) -> list[Any]:
    """Alternatives from a ``{token: log probability}``."""
    if not isinstance(top, Mapping):
        return []
    return [{"token": token, "logprob": logprob} for token, logprob in top.items()]


def _token(entry: Any, unread: Unread) -> TokenLogprob | None:
    chosen = _alternative(entry, unread, least=-math.inf)
    if chosen is None:
        return None
    top = entry.get("top_logprobs")
    if isinstance(top, Mapping):
        top = _pairs(top)
    if top and not isinstance(top, list):
        unread["logprobs"] = None
        top = None
    few: Iterable[Any] = top[:MOST_ALTERNATIVES] if top else ()
    others = (_alternative(item, unread) for item in few)
    return TokenLogprob(
        chosen.token,
        chosen.logprob,
        chosen.bytes,
        tuple(other for other in others if other is not None),
    )


def _alternative(
    entry: Any, unread: Unread, least: float | None = None
) -> Alternative | None:
    """A token; None where it is malformed.

    ``least`` stands for a number that cannot be one, None: such a token is malformed.
    """
    token = entry.get("token") if isinstance(entry, Mapping) else 0
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
