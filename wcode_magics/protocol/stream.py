"""Sans-IO decoder from response bytes to deltas, independent of chunk boundaries.

The first bytes decide whether a response is a JSON body or a server-sent event stream,
as content types are often wrong. An event stream (WHATWG HTML, section 9.2) is lines
that end in LF, CRLF or CR; ``data`` lines of one event join with LF; a blank line ends
the event; a line that begins with a colon is a comment. Servers may omit the last
blank line or ``[DONE]``, send usage in a separate chunk or not at all, and send errors
under ``data:``, under ``error:`` (llama.cpp) or as a bare line; all of these are
handled.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from wcode_magics.errors import AnswerError
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol import event_decoder, lenient_json
from wcode_magics.protocol.finish_reasons import FAILED
from wcode_magics.protocol.http_errors import error_in, fault
from wcode_magics.protocol.messages import Delta
from wcode_magics.protocol.thinking import Part, ThinkingSplitter, has_marks
from wcode_magics.protocol.tool_call_pieces import CallNumbering
from wcode_magics.runtime.strict_json import decoded

DONE = "[DONE]"
IDLE = frozenset({"null", "ping", "heartbeat", "keepalive", "keep-alive"})
"""Event data that only keeps the connection alive."""
MOST_SCANNED = 2**22
"""Bytes of an unfinished JSON body that are parsed at most, whatever its length."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data", b"event", b"id", b"retry", b"error")
_WORD = re.compile(rb"[a-z]*")


class Event(NamedTuple):
    """Data of one event; ``failed``: the server marked it as an error."""

    data: str
    failed: bool = False


class EventDecoder:
    """Incremental decoder from bytes to complete server-sent events."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._data: list[bytes] = []
        self._failed = False
        self._after_cr = False
        self._first = True

    @property
    def waits(self) -> bool:
        """Whether a line other than a comment is pending."""
        begun = next(filter(None, self._parts), b":")
        return bool(self._data) or not begun.startswith(b":")

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that ``chunk`` completes."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        first, *rest = _LINE_END.split(chunk)
        self._parts.append(first)
        events: list[Event] = []
        for piece in rest:
            self._line(b"".join(self._parts), events)
            self._parts = [piece]
        return events

    def close(self) -> list[Event]:
        """Return the event that the end of input completes, if any."""
        events: list[Event] = []
        self._line(b"".join(self._parts), events)
        self._parts = []
        self._line(b"", events)
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._first:
            line = line.removeprefix(_BOM)
            self._first = False
        if not line:
            if self._data:
                data = b"\n".join(self._data).decode("utf-8", "replace")
                events.append(Event(data, self._failed))
            self._data, self._failed = [], False
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if line.startswith(b"{"):  # an error without SSE framing
            events.append(Event(line.decode("utf-8", "replace")))
        elif name in (b"data", b"error"):
            self._data.append(value)
        self._failed |= name == b"error" or (name == b"event" and value == b"error")


class AnswerReader:
    """Incremental decoder from the bytes of one response to its deltas.

    ``ended``: the server signalled the end, or the JSON of a finished answer is
    complete. ``alive``: the last bytes carried a part of the answer, not only white
    space, comments and events that keep the connection open. ``begun``: an event was
    received, even an empty one. ``failed``: the answer ended in an error without an
    explanation.
    """

    def __init__(self) -> None:
        self._start = b""
        self._body: list[bytes] | None = None
        self._size = self._scanned = 0
        self._events: EventDecoder | None = None
        self._thinking: ThinkingSplitter | None = None
        self._numbering: CallNumbering | None = None
        self._halves: dict[str, str] = {}
        self.ended = self.alive = self.begun = self.failed = False

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Yield the deltas that ``chunk`` completes.

        Raises:
            StatusError: the server reports an error.
            AnswerError: an event is not JSON, or not a chunk of an answer.
        """
        if not chunk:
            self.alive = False
            return
        if self._body is not None:
            self.alive = not chunk.isspace()
            yield from self._of_part(self._body, chunk)
            return
        if self._events is None:
            self._start = (self._start + chunk).removeprefix(_BOM).lstrip()
            self.alive = bool(self._start)
            is_stream = _is_stream(self._start)
            if is_stream is None:
                return
            if not is_stream:
                self._body = []
                yield from self._of_part(self._body, self._start)
                return
            self._events, chunk = EventDecoder(), self._start
        yield from self._read(self._events, chunk)

    def close(self) -> Iterator[Delta]:
        """Yield the deltas that the end of input completes; raises as ``feed``."""
        if self._events is not None:
            yield from self._deltas(self._events.close())
        else:
            body = self._start if self._body is None else b"".join(self._body)
            yield from self._of_body(body)
            self._body = []
        yield from self.flush()

    def flush(self) -> Iterator[Delta]:
        """Yield text that was held back for more input."""
        parts = [] if self._thinking is None else [*self._thinking.close()]
        if self._halves.pop("text", ""):
            parts.append(Part("\ufffd"))
        if parts:
            yield self._parted(Delta(), parts)

    def _read(self, decoder: EventDecoder, chunk: bytes) -> Iterator[Delta]:
        events = decoder.feed(chunk)
        self.alive = decoder.waits
        for delta in self._deltas(events):
            self.alive = True
            yield delta

    def _deltas(self, events: Iterable[Event]) -> Iterator[Delta]:
        for event in events:
            for data in map(_bare, _separate(event.data)):
                if self.ended:
                    return
                if data == DONE:
                    self.begun = self.ended = True
                    yield from self.flush()
                elif data:
                    self.begun = True
                    yield from self._of_event(data, failed=event.failed)

    def _of_event(self, data: str, *, failed: bool) -> Iterator[Delta]:
        if failed:
            raise fault(0, data)
        delta = self._delta(_payload(data), "delta", data)
        if delta is not None:
            yield delta

    def _of_part(self, body: list[bytes], chunk: bytes) -> Iterator[Delta]:
        """Add to a JSON body; yield its answer once it is complete and finished.

        Some servers announce a longer body, or never end it. What ends like an object
        and is none is read again, up to :data:`MOST_SCANNED` and some times its length.
        """
        body.append(chunk)
        self._size += len(chunk)
        tired = self._scanned > MOST_SCANNED + 8 * self._size
        if tired or not chunk.rstrip().endswith(b"}"):
            return
        self._scanned += self._size
        data = b"".join(body)
        body[:] = [data]
        found = decoded(data, lambda: None)
        if event_decoder.is_finished(found):
            body.clear()
            yield self._of_json(found, data.decode())
            yield from self.flush()

    def _of_body(self, body: bytes) -> Iterator[Delta]:
        text = body.removeprefix(_BOM).decode("utf-8", "replace")
        if not text.strip():
            return
        if text.lstrip()[0] not in "{[<" and "\ndata:" in text:
            decoder = EventDecoder()
            yield from self._deltas([*decoder.feed(body), *decoder.close()])
            return
        if _is_lines(text):
            yield from self._deltas([Event(text)])
            return
        self.begun = self.ended = True
        yield self._of_json(_payload(text), text)

    def _of_json(self, found: Any, text: str) -> Delta:
        self.begun = self.ended = True
        delta = self._delta(found, "message", text)
        if delta is None or not found.get("choices"):
            raise AnswerError("no_choices", start=_start(text), body=text)
        return delta

    def _delta(self, found: Any, inner: str, body: str) -> Delta | None:
        error = error_in(found)
        if error is not None:
            raise error
        try:
            delta = event_decoder.delta_of(found, inner)
        except event_decoder.NoAnswerError as wrong:
            raise AnswerError("odd_answer", start=_start(body), body=body) from wrong
        if delta is None:
            return None
        if delta.finish_reason == FAILED:
            self.failed, delta = True, replace(delta, finish_reason=None)
        if delta.calls:
            self._numbering = self._numbering or CallNumbering()
            calls = self._numbering.numbered(delta.calls, whole=inner == "message")
            left_out = len(calls) < len(delta.calls)
            unread = (*delta.unread, "tool_calls") if left_out else delta.unread
            delta = replace(delta, calls=calls, unread=unread)
        if delta.reasoning:
            reasoning = self._joined("reasoning", delta.reasoning)
            delta = replace(delta, reasoning=reasoning or None)
        if delta.text:
            text = self._joined("text", delta.text)
            if inner == "message" and text == delta.text and not has_marks(text):
                return delta
            self._thinking = self._thinking or ThinkingSplitter()
            delta = self._parted(delta, self._thinking.feed(text))
        return delta

    def _parted(self, delta: Delta, parts: Iterable[Part]) -> Delta:
        """Return the delta with its text split into text and reasoning."""
        text, thought, recast = "", delta.reasoning or "", False
        for part in parts:
            if part.recast:
                thought, text, recast = thought + text + part.text, "", True
            else:
                thought, text = thought + part.thought, text + part.text
        if text == delta.text and not recast and thought == (delta.reasoning or ""):
            return delta
        return replace(delta, text=text, reasoning=thought or None, recast=recast)

    def _joined(self, kind: str, text: str) -> str:
        """Join a pending surrogate to the text; hold back a lone one at its end."""
        text = self._halves.pop(kind, "") + text
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._halves[kind] = text[:-1], text[-1]
        return lenient_json.clean(text)


def _is_stream(start: bytes) -> bool | None:
    """Return whether a body is a stream, and not JSON; None if more bytes must tell."""
    word = _WORD.match(start)[0]  # type: ignore[index]
    if word == start:
        begun = any(field.startswith(word) for field in _FIELDS)
        return None if begun else False
    if _BOM.startswith(start):
        return None
    ends = start[len(word) : len(word) + 1] in (b":", b"\n", b"\r")
    return ends and (not word or word in _FIELDS)


def _is_lines(text: str) -> bool:
    """Return whether a body is a stream whose events are bare lines (NDJSON)."""
    first, _, rest = text.strip().partition("\n")
    found = decoded(first, lambda: None) if rest else None
    return isinstance(found, dict) and "choices" in found


def _separate(data: str) -> list[str]:
    """Split the data of events that lack the blank line between them."""
    if "\n" not in data:
        return [data]
    try:
        lenient_json.decode(data)
    except ValueError:
        return data.split("\n")
    return [data]


def _bare(data: str) -> str:
    """Strip what gateways wrap around data; return "" for keep-alive data."""
    if data.startswith("{"):
        return data
    data = data.strip().removeprefix("data:").strip()
    if data.strip('"').upper() == DONE:
        return DONE
    return "" if data.startswith(":") or data.lower() in IDLE else data


def _payload(body: str) -> Any:
    try:
        return lenient_json.decode(body)
    except ValueError as wrong:
        raise AnswerError("answer_not_json", start=_start(body), body=body) from wrong


def _start(body: str) -> str:
    return clipped(" ".join(body[:400].split()), 80)
