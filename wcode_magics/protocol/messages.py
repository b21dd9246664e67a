"""Messages, tool calls, usage, stream deltas and endpoints as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import astuple

from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol.images import ImagePart, parts_of
from wcode_magics.runtime.serialization import Value, checked

HOSTED_URL = "https://wcode.net/api/gpt/v1"
SANDBOX = "sandbox"
"""Endpoint name that sandbox answers are stored under, as its port varies."""
MOST_CALLS = 1024
"""Maximum number of tool calls read from one answer."""


@dataclass(frozen=True, slots=True)
class ToolCall(Value):
    """Function call requested by the model; ``arguments`` is JSON text as received."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message(Value):
    """One message. ``role``: system, user, assistant, tool or developer.

    ``reasoning`` is the model's reasoning before it called tools, and
    ``reasoning_field`` the field in which the endpoint sent it and expects it back.
    ``images`` stand in the text at their places; ``flags`` are fields that are true.
    """

    role: str
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str | None = None
    reasoning_field: str | None = None
    images: tuple[ImagePart, ...] = ()
    flags: tuple[str, ...] = ()

    def wire(self, *, by_reference: bool = False) -> dict[str, Any]:
        """Return the API's JSON form; ``by_reference``: digests for image data."""
        text = self.content or ""
        data: dict[str, Any] = {"role": self.role, "content": text}
        if self.images:
            parts = parts_of(text, self.images, by_reference=by_reference)
            data["content"] = parts
        if self.tool_calls:
            data["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": call.arguments or "{}",
                    },
                }
                for call in self.tool_calls
            ]
        if self.tool_call_id is not None:
            data["tool_call_id"] = self.tool_call_id
        if self.name is not None:
            data["name"] = self.name
        if self.reasoning and self.reasoning_field:
            data[self.reasoning_field] = self.reasoning
        return {**data, **dict.fromkeys(self.flags, True)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create a message from the output of :meth:`to_dict`."""
        calls = tuple(ToolCall.from_dict(call) for call in data.get("tool_calls", ()))
        images = tuple(map(ImagePart.from_dict, data.get("images", ())))
        flags = tuple(data.get("flags", ()))
        parts = {"tool_calls": calls, "images": images, "flags": flags}
        return cls(**{**checked(cls, data), **parts})


@dataclass(frozen=True, slots=True)
class ToolTrace(Value):
    """One executed tool call; ``seconds`` is 0 if the function did not run.

    ``result`` is the text returned to the model, ``ok`` whether the function returned
    without an error; ``round`` counts from 1.
    """

    round: int
    name: str
    arguments: str
    result: str
    ok: bool
    seconds: float


class Usage(msgspec.Struct, Value, frozen=True, gc=False):
    """Tokens counted by the endpoint.

    ``cached_tokens`` are the prompt tokens read from its cache, ``reasoning_tokens``
    the answer tokens spent on reasoning, ``cost`` is the charge that the endpoint
    reports, in its own currency; each is None if not reported.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None

    @property
    def total_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        """Add field by field; a field that is None in either stays None."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        sums: list[Any] = [None if None in pair else sum(pair) for pair in pairs]
        return Usage(*sums)


@dataclass(frozen=True, slots=True)
class Seam(Value):
    """Where the prefill of an answer ends: after ``at`` characters.

    ``how`` tells how the endpoint treated the prefill. ``kept``: it continued from
    there; the prefill was tokenized again, so probabilities at the seam are
    approximate. ``repeated``: it repeated the prefill, which is in the text once.
    ``ignored``: it started over, and the text is that answer alone.
    """

    at: int
    how: Literal["kept", "repeated", "ignored"]


@dataclass(frozen=True, slots=True)
class CallPiece(Value):
    """Part of a streamed tool call; pieces of one call share ``index``.

    An ``index`` of -1 means that the endpoint did not number it.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Delta(Value):
    """Increment from one stream event, or from one complete answer.

    ``reasoning`` was received in the field ``reasoning_field`` (None: in the text,
    between tags). ``recast``: all text so far turned out to be reasoning. ``unread``
    names the parts other than the text that could not be parsed. ``unconfirmed``: the
    answer ended without a finish reason, at an endpoint that never sends one. ``seam``
    marks a recorded answer that already includes its prefill. ``has_digest``: the
    server that answered lists a digest of each of its models.
    """

    text: str = ""
    calls: tuple[CallPiece, ...] = ()
    tokens: tuple[TokenLogprob, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    refusal: str | None = None
    seam: Seam | None = None
    reasoning: str | None = None
    reasoning_field: str | None = None
    recast: bool = False
    unread: tuple[str, ...] = ()
    unconfirmed: bool = False
    has_digest: bool = False

    @property
    def says(self) -> bool:
        """Whether the delta has content; a role alone is none."""
        content = self.text or self.calls or self.tokens or self.reasoning
        return bool(content or self.finish_reason or self.refusal)


SECRET = 12
"""Minimum length of a secret; local servers accept short placeholder keys."""


def gives_away(key: str | None, content: bytes) -> bool:
    """Return whether a request body contains the API key."""
    return key is not None and len(key) >= SECRET and key.encode() in content


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go. ``key`` and ``headers`` are in no repr, pickle or copy.

    ``sandbox`` is true for the offline model of this package.
    """

    base_url: str
    key: str | None = field(default=None, repr=False)
    sandbox: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.base_url, None, self.sandbox)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key and header values of at least :data:`SECRET` characters."""
        held = (self.key or "", *(value for _name, value in self.headers))
        return tuple(one for one in held if len(one) >= SECRET)

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine: localhost, a loopback address or 0.0.0.0.

        Servers print the last as their own address.
        """
        host = urlsplit(self.base_url).hostname or ""
        try:
            address = ip_address(host)
        except ValueError:
            return host == "localhost"
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or address.is_unspecified

    @property
    def place(self) -> str:
        """The endpoint name that answers are stored under."""
        return SANDBOX if self.sandbox else self.base_url
