"""From bytes to deltas, sans-IO: right under any chunking of the bytes.

A server-sent event stream (WHATWG HTML, section 9.2) is lines that end in LF, CRLF
or CR; ``data`` lines of one event join with LF; a blank line ends the event; a line
that begins with a colon is a comment. Servers leave out the last blank line, send
``[DONE]`` or not, put usage into a chunk of its own or nowhere, and send null where
the convention has an object: all of it is read here, and nothing is assumed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from wcode_magics.errors import AnswerError
from wcode_magics.faults import error_in
from wcode_magics.values import Alternative, CallPiece, Delta, TokenLogprob, Usage

DONE = "[DONE]"
MOST_TOKENS = 2**53
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class EventDecoder:
    """Bytes in, the ``data`` of finished events out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._data: list[bytes] = []
        self._after_cr = False
        self._first = True

    def feed(self, chunk: bytes) -> list[str]:
        """The events that ``chunk`` completes."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        first, *rest = _LINE_END.split(chunk)
        self._parts.append(first)
        events: list[str] = []
        for piece in rest:
            self._line(b"".join(self._parts), events)
            self._parts = [piece]
        return events

    def close(self) -> list[str]:
        """The event that the end of the bytes completes, if one was begun."""
        events: list[str] = []
        self._line(b"".join(self._parts), events)
        self._parts = []
        self._line(b"", events)
        return events

    def _line(self, line: bytes, events: list[str]) -> None:
        if self._first:
            line = line.removeprefix(_BOM)
            self._first = False
        if not line:
            if self._data:
                events.append(b"\n".join(self._data).decode("utf-8", "replace"))
                self._data = []
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))


def delta_of_event(data: str) -> Delta | None:
    """What one event says; None for ``[DONE]`` and for events without content.

    Raises:
        StatusError: the event is an error object.
        AnswerError: the event is not JSON, or no chunk of an answer.
    """
    if data.strip() == DONE:
        return None
    return _checked(decode(data), "delta", data)


def delta_of_body(body: str) -> Delta:
    """A whole answer as one delta.

    Raises:
        StatusError: the body is an error object in spite of its status.
        AnswerError: the body is not JSON or has no choices.
    """
    payload = decode(body)
    delta = _checked(payload, "message", body)
    if delta is None or not payload.get("choices"):
        raise AnswerError("no_choices", start=_start(body), body=body)
    return delta


def decode(body: str) -> Any:
    """JSON, also with raw control characters inside strings."""
    try:
        return json.loads(body, strict=False)
    except (ValueError, RecursionError) as wrong:
        raise AnswerError("answer_not_json", start=_start(body), body=body) from wrong


def _start(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def _checked(payload: Any, inner: str, body: str) -> Delta | None:
    try:
        return _delta(payload, inner)
    except (AttributeError, TypeError, ValueError, OverflowError) as wrong:
        raise AnswerError("odd_answer", start=_start(body), body=body) from wrong


def _delta(payload: Any, inner: str) -> Delta | None:
    wrong = error_in(payload)
    if wrong is not None:
        raise wrong
    choice = _first_choice(payload.get("choices"))
    usage = _usage(payload.get("usage"))
    model = _word(payload.get("model"))
    if choice is None:
        return Delta(usage=usage, model=model) if usage else None
    said = choice.get(inner) or {}
    return Delta(
        text=_text(said.get("content")),
        calls=tuple(_calls(said)),
        tokens=tuple(_tokens(choice.get("logprobs"))),
        finish_reason=_word(choice.get("finish_reason")),
        usage=usage,
        model=model,
        refusal=_word(said.get("refusal")),
    )


def _word(value: Any) -> str | None:
    """A text that can be kept, whatever the server sent; None for nothing."""
    return str(value).encode("utf-8", "replace").decode() if value else None


def _first_choice(choices: Any) -> Mapping[str, Any] | None:
    for choice in choices or ():
        if isinstance(choice, Mapping) and not choice.get("index"):
            return choice
    return None


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    prompt, answer = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if prompt is None and answer is None:
        return None
    counts = [_tokens_told(prompt), _tokens_told(answer)]
    return None if None in counts else Usage(*counts)  # type: ignore[arg-type]


def _tokens_told(count: Any) -> int | None:
    """A number of tokens; None for what cannot be one: no answer is lost for that."""
    try:
        number = int(count or 0)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < MOST_TOKENS else None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            str(part.get("text") or "") for part in content if isinstance(part, Mapping)
        )
    return ""


def _calls(said: Mapping[str, Any]) -> Iterable[CallPiece]:
    for place, call in enumerate(said.get("tool_calls") or ()):
        function = call.get("function") or {}
        index = call.get("index")
        yield CallPiece(
            place if index is None else int(index),
            str(call.get("id") or ""),
            str(function.get("name") or ""),
            _arguments(function.get("arguments")),
        )


def _arguments(arguments: Any) -> str:
    """As JSON text, also where a server sends the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)


def _tokens(logprobs: Any) -> Iterable[TokenLogprob]:
    if not isinstance(logprobs, Mapping):
        return
    for entry in logprobs.get("content") or ():
        top = tuple(_alternative(item) for item in entry.get("top_logprobs") or ())
        chosen = _alternative(entry)
        yield TokenLogprob(chosen.token, chosen.logprob, chosen.bytes, top)


def _alternative(entry: Mapping[str, Any]) -> Alternative:
    raw, logprob = entry.get("bytes"), entry.get("logprob")
    return Alternative(
        str(entry.get("token") or ""),
        float("-inf") if logprob is None else float(logprob),
        None if raw is None else bytes(raw),
    )
