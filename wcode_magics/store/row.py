"""An answer as a row of the table, and back."""

import datetime as dt
import json
from typing import Any, NamedTuple

from wcode_magics.errors import WcodeError
from wcode_magics.protocol.event_decoder import clean
from wcode_magics.protocol.messages import SANDBOX, Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.store.checksum import check, encode

COLUMNS = (
    "hash, base_url, time, model, prompt_tokens, completion_tokens, cost, whole, "
    "request, reply"
)

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
"""What may be raised where a record is damaged, or of a later version."""

_ANY = Request("any", (Message("user", "any"),))


class StoredAnswer(NamedTuple):
    """A reply, the endpoint it is kept under, and when it came (s since 1970)."""

    reply: Reply
    base_url: str
    time: float

    def columns(self) -> tuple[Any, ...]:
        """The values of :data:`COLUMNS`."""
        reply, usage = self.reply, self.reply.usage
        data = reply.to_dict()
        request = data.pop("request")
        return (
            reply.request.hash,
            self.base_url,
            self.time,
            reply.model,
            usage and usage.prompt_tokens,
            usage and usage.completion_tokens,
            reply.cost,
            reply.is_whole,
            encode(request),
            self._encoded(data),
        )

    def answer(self) -> bytes:
        """The last of them: the reply without its request."""
        data = self.reply.to_dict()
        del data["request"]
        return self._encoded(data)

    def _encoded(self, data: dict[str, Any]) -> bytes:
        return encode({**data, "time": self.time}, self.reply.request.hash)

    def stands_for(self, digest: str, base_url: str | None) -> bool:
        """Whether it may answer a request of this hash to this endpoint, None: any."""
        there = base_url is None or self.base_url == base_url
        return there and self.reply.request.hash == digest and self.reply.is_whole


def _decode(data: bytes, about: str = "") -> Any:
    """A record; the halves of characters that early versions kept are mended."""
    return json.loads(clean(check(data, about).decode("utf-8", "surrogatepass")))


def replayed(request: Request, data: bytes) -> Reply:
    """The answer to a request, as it was stored, marked as replayed.

    Raises one of :data:`UNREADABLE`, as all that reads records does.
    """
    told = _decode(data, request.hash)
    place = {"base_url": SANDBOX} if told.get("source") == "sandbox" else {}
    reply = _reply({**told, "request": request, "source": "replayed", **place})
    if not reply.is_whole:
        raise ValueError(reply.finish_reason)
    return reply


def readable(digest: str, data: bytes) -> bytes:
    """The same, if an answer to the request of this hash can be read from it."""
    _reply({**_decode(data, digest), "request": _ANY})
    return data


def requested(data: bytes) -> Request:
    """The request of a record."""
    return Request.from_dict(_decode(data))


def _reply(data: dict[str, Any]) -> Reply:
    moment = data.pop("time", None)
    came = None if moment is None else dt.datetime.fromtimestamp(moment, dt.UTC)
    reply = Reply.from_dict({**data, "answered": came})
    if not isinstance(reply.text, str):
        raise TypeError(reply.text)
    return reply


def listed(moment: float, base_url: str, request: bytes, data: bytes) -> dict[str, Any]:
    """A row as :meth:`Store.history` tells it."""
    asked = requested(request)
    reply = _reply({**_decode(data, asked.hash), "request": asked})
    return {
        "time": dt.datetime.fromtimestamp(moment, dt.UTC),
        "model": reply.model,
        "prompt": asked.prompt,
        "text": reply.text,
        "prompt_tokens": reply.usage and reply.usage.prompt_tokens,
        "completion_tokens": reply.usage and reply.usage.completion_tokens,
        "cost": reply.cost,
        "elapsed": reply.elapsed,
        "finish_reason": reply.finish_reason,
        "hash": asked.hash,
        "base_url": base_url,
    }
