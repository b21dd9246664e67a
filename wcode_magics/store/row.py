"""Conversion between an answer and its table row."""

import datetime as dt
import json
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from wcode_magics.errors import WcodeError
from wcode_magics.protocol.lenient_json import clean
from wcode_magics.protocol.messages import SANDBOX, Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime.strict_json import decoded
from wcode_magics.store.checksum import check, encode, seal
from wcode_magics.store.images import INSERT, INSERT_USE, bare, held_by

COLUMNS = (
    "hash, base_url, time, model, prompt_tokens, completion_tokens, cost, whole, "
    "request, reply, currency"
)
_INSERT = f"INSERT INTO answers ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608

UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    WcodeError,
)
"""Errors raised by decoding a record that is damaged or of a later version."""

_ANY = Request("any", (Message("user", "any"),))


class StoredAnswer(NamedTuple):
    """A reply, the endpoint it is stored under, and its arrival (s since 1970)."""

    reply: Reply
    base_url: str
    time: float

    def columns(self) -> tuple[Any, ...]:
        """Return the values of :data:`COLUMNS`."""
        reply, usage = self.reply, self.reply.usage
        return (
            reply.request.hash,
            self.base_url,
            self.time,
            reply.model,
            usage and usage.prompt_tokens,
            usage and usage.completion_tokens,
            reply.cost,
            reply.is_whole,
            self._request(),
            self.answer(),
            reply.currency,
        )

    def answer(self) -> bytes:
        """Return the encoded reply without its request."""
        data = {**self.reply.received(), "time": self.time}
        return encode(data, self.reply.request.hash)

    def _request(self) -> bytes:
        request = self.reply.request
        shared = request.shared_record()
        return encode(bare(request.to_dict())) if shared is None else seal(shared)

    def stands_for(self, digest: str, base_url: str | None) -> bool:
        """Return whether it answers a request hash at an endpoint; None matches any."""
        there = base_url is None or self.base_url == base_url
        return there and self.reply.request.hash == digest and self.reply.is_whole


def inserts(rows: Sequence[StoredAnswer]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the statements, with their values, that insert rows and their images."""
    held = [one for row in rows for one in held_by(row.reply.request)]
    return {
        _INSERT: [row.columns() for row in rows],
        INSERT: [(digest, data) for _request, digest, data in held],
        INSERT_USE: [(request, digest) for request, digest, _data in held],
    }


def decode(data: bytes, about: str = "") -> Any:
    """Decode a record; repair split surrogates that early versions stored."""
    record = check(data, about)
    return decoded(record, partial(_repaired, record))


def _repaired(record: bytes) -> Any:
    return json.loads(clean(record.decode("utf-8", "surrogatepass")))


def replayed(request: Request, data: bytes) -> Reply:
    """Decode the stored answer to a request, marked as replayed.

    Raises one of :data:`UNREADABLE`, like every function here that decodes records.
    """
    fields = decode(data, request.hash)
    if fields.get("source") == "sandbox":
        fields["base_url"] = SANDBOX
    fields["request"], fields["source"] = request, "replayed"
    reply = _reply(fields)
    if not reply.is_whole:
        raise ValueError(reply.finish_reason)
    return reply


def readable(digest: str, data: bytes) -> bytes:
    """Return ``data`` if it decodes to an answer to the request hash ``digest``."""
    _reply({**decode(data, digest), "request": _ANY})
    return data


def requested(data: bytes) -> Request:
    """Decode the request of a record."""
    return Request.from_dict(decode(data))


def _reply(data: dict[str, Any]) -> Reply:
    moment = data.pop("time", None)
    if moment is not None:
        data["answered"] = dt.datetime.fromtimestamp(moment, dt.UTC)
    reply = Reply.from_dict(data)
    if not isinstance(reply.text, str):
        raise TypeError(reply.text)
    return reply


def listed(moment: float, base_url: str, request: bytes, data: bytes) -> dict[str, Any]:
    """Decode a row into the dict that :meth:`Store.history` returns."""
    asked = requested(request)
    reply = _reply({**decode(data, asked.hash), "request": asked})
    return {
        "time": dt.datetime.fromtimestamp(moment, dt.UTC),
        "model": reply.model,
        "prompt": asked.prompt,
        "text": reply.text,
        "prompt_tokens": reply.usage and reply.usage.prompt_tokens,
        "completion_tokens": reply.usage and reply.usage.completion_tokens,
        "cost": reply.cost,
        "currency": reply.currency,
        "elapsed": reply.elapsed,
        "finish_reason": reply.finish_reason,
        "hash": asked.hash,
        "base_url": base_url,
    }
