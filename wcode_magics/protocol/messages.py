"""What is said and what comes back, as frozen values without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.runtime.value import Value

Number = TypeVar("Number", int, float)

HOSTED_URL = "https://wcode.net/api/gpt/v1"
SANDBOX = "sandbox"
"""Where answers of the sandbox are kept: its port is another one every time."""
MOST_CALLS = 1024
"""Of an answer; no model calls that many functions at a time."""


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True, slots=True)
class ToolCall(Value):
    """A function the model wants called; ``arguments`` is JSON text as it came."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message(Value):
    """One turn. ``role``: system, user, assistant, tool or developer.

    ``reasoning`` is what the model thought before it called tools, and
    ``reasoning_field`` the name under which the endpoint sent it and wants it back.
    """

    role: str
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str | None = None
    reasoning_field: str | None = None

    def wire(self) -> dict[str, Any]:
        """The message as the API has it."""
        data: dict[str, Any] = {"role": self.role, "content": self.content or ""}
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
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The message from :meth:`to_dict`."""
        calls = tuple(ToolCall.from_dict(call) for call in data.get("tool_calls", ()))
        return cls(**{**data, "tool_calls": calls})


@dataclass(frozen=True, slots=True)
class ToolTrace(Value):
    """One call and what came of it; ``seconds`` is 0 where nothing ran.

    ``result`` is the text the model was given, ``ok`` whether the function returned;
    ``round`` counts from 1.
    """

    round: int
    name: str
    arguments: str
    result: str
    ok: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Usage(Value):
    """Tokens counted by the endpoint.

    ``cached_tokens`` of the prompt were read from its cache, ``reasoning_tokens`` of
    the answer are thinking, ``cost`` is what the endpoint itself says it charged, in
    its own currency; None where it does not say.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None

    @property
    def total_tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        """Both together; what only one of them tells stays unknown."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
            _sum(self.cost, other.cost),
        )


@dataclass(frozen=True, slots=True)
class Seam(Value):
    """Where the given beginning of an answer ends: after ``at`` characters.

    ``how`` the endpoint took it. ``kept``: it went on from there; the beginning was
    cut into tokens anew, so probabilities at the seam are approximate. ``repeated``:
    it said the beginning again, which stands in the text once. ``ignored``: it
    answered anew, and the text is that answer alone.
    """

    at: int
    how: Literal["kept", "repeated", "ignored"]


@dataclass(frozen=True, slots=True)
class CallPiece(Value):
    """Part of a streamed tool call; pieces of one call share ``index``.

    -1: the endpoint did not number it.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Delta(Value):
    """What one event of a stream, or one whole answer, adds.

    ``reasoning`` is thinking, which came under the name ``reasoning_field`` (None:
    marked in the text). ``recast``: all text so far turned out to be thinking.
    ``unread`` names the parts beside the text that could not be read.
    ``unconfirmed``: the answer is over and the endpoint did not tell how it ended, as
    it never does. ``seam`` tells of a recorded answer that it holds its beginning
    already.
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

    @property
    def says(self) -> bool:
        """Whether the answer has begun with it; a role alone says nothing."""
        said = self.text or self.calls or self.tokens or self.reasoning
        return bool(said or self.finish_reason or self.refusal)


SECRET = 12
"""Characters of a key, at least; what local servers take for one is no secret."""


def gives_away(key: str | None, content: bytes) -> bool:
    """Whether a text that is to be sent contains the key."""
    return key is not None and len(key) >= SECRET and key.encode() in content


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go. ``key`` and ``headers`` are in no repr, pickle or copy.

    ``sandbox`` tells the loopback model inside the package from a real service.
    """

    base_url: str
    key: str | None = field(default=None, repr=False)
    sandbox: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.base_url, None, self.sandbox)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key and the values of headers, as far as they are long enough."""
        held = (self.key or "", *(value for _name, value in self.headers))
        return tuple(one for one in held if len(one) >= SECRET)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, by its name or address."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def place(self) -> str:
        """The name under which its answers are kept."""
        return SANDBOX if self.sandbox else self.base_url
