"""An answer as a row of the table, and back."""

import datetime as dt
import json
from typing import Any, NamedTuple

from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.values import SANDBOX

COLUMNS = (
    "hash, base_url, time, model, prompt_tokens, completion_tokens, cost, whole, "
    "request, reply"
)

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder()


class Row(NamedTuple):
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
            is_whole(reply),
            _encode(request),
            _encode(data),
        )

    def stands_for(self, digest: str, base_url: str | None) -> bool:
        """Whether it may answer a request of this hash to this endpoint, None: any."""
        there = base_url is None or self.base_url == base_url
        return there and self.reply.request.hash == digest and is_whole(self.reply)


def is_whole(reply: Reply) -> bool:
    """Whether an answer came to its end, so that it may stand for the request."""
    return reply.finish_reason is not None and not reply.interrupted


def _encode(data: dict[str, Any]) -> bytes:
    return _ENCODER.encode(data).encode("utf-8", "surrogatepass")


def replayed(request: Request, data: bytes) -> Reply:
    """The answer to a request, as it was stored, marked as replayed."""
    told, _end = _DECODER.raw_decode(data.decode("utf-8", "surrogatepass"))
    place = {"base_url": SANDBOX} if told.get("source") == "sandbox" else {}
    return Reply.from_dict({**told, "request": request, "source": "replayed", **place})


def listed(moment: float, base_url: str, request: bytes, data: bytes) -> dict[str, Any]:
    """A row as :meth:`Store.history` tells it."""
    asked = Request.from_dict(json.loads(request))
    reply = Reply.from_dict({**json.loads(data), "request": asked})
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
