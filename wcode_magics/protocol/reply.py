"""Reply as a value, and bodies that were kept although they are none."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from typing import Any, Literal, Self, TypeVar, overload

from wcode_magics.errors import AnswerError, UsageError, WcodeError
from wcode_magics.logprobs import json_path
from wcode_magics.logprobs.confidence import Confidence, of_field
from wcode_magics.logprobs.label_masses import LabelConfidence, of_labels
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.position import is_known
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol import models
from wcode_magics.protocol.json_extraction import find_json
from wcode_magics.protocol.messages import (
    HOSTED_URL,
    SANDBOX,
    Delta,
    Endpoint,
    Seam,
    ToolCall,
    ToolTrace,
    Usage,
)
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.schema_choices import choices_at
from wcode_magics.runtime.imports import late, shown_by
from wcode_magics.runtime.serialization import Value, checked, plain_fields

Source = Literal["endpoint", "sandbox", "replayed"]


@dataclass(frozen=True)
class Reply(Value):
    """Answer to a request: ``str(reply)`` is its text.

    ``cost`` is in ``currency`` (None if the price of the model is unknown),
    ``elapsed`` in seconds. ``finish_reason`` is the endpoint's finish reason (stop,
    length, tool_calls, content_filter, or an unknown one), or None if the answer broke
    off; ``interrupted`` is whether the user stopped it. ``tokens`` are the token log
    probabilities as reported. ``reasoning`` is the model's reasoning before the answer,
    if the endpoint sends it; it is not part of the text, and its tokens are in
    ``thinking_tokens``, not in ``tokens``. ``unread`` names malformed
    parts other than the text, which were dropped. ``unconfirmed``: the endpoint never
    sends a finish reason, so the answer cannot be known to be complete.
    ``prompt_least`` is the minimum number of prompt tokens, from the endpoint's count
    of earlier turns. ``digest`` identifies the model where the server lists digests
    (Ollama). ``answered`` is when a replayed answer was received (UTC).
    ``parsed`` is the value requested by ``schema`` or ``json``, ``trace`` the function
    calls leading to this answer, ``parent`` the reply that it continues or branched
    from; none of them is part of :meth:`to_dict`. ``seam`` is where the parent's
    prefill ends in the text.
    """

    text: str
    request: Request
    model: str
    tool_calls: tuple[ToolCall, ...] = ()
    tokens: tuple[TokenLogprob, ...] = field(default=(), repr=False)
    usage: Usage | None = None
    cost: float | None = None
    currency: str = models.CURRENCY
    finish_reason: str | None = None
    elapsed: float = 0.0
    interrupted: bool = False
    source: Source = "endpoint"
    refusal: str | None = None
    base_url: str = HOSTED_URL
    seam: Seam | None = None
    reasoning: str | None = field(default=None, repr=False)
    reasoning_field: str | None = field(default=None, repr=False)
    thinking_tokens: tuple[TokenLogprob, ...] = field(default=(), repr=False)
    unread: tuple[str, ...] = ()
    unconfirmed: bool = False
    digest: str | None = field(default=None, repr=False, compare=False)
    prompt_least: int | None = field(default=None, repr=False, compare=False)
    answered: dt.datetime | None = field(default=None, repr=False, compare=False)
    parsed: Any = field(default=None, repr=False, compare=False)
    trace: tuple[ToolTrace, ...] = field(default=(), repr=False, compare=False)
    parent: "Reply | None" = field(default=None, repr=False, compare=False)
    _read: "Callable[[Reply], Any] | None" = field(
        default=None, repr=False, compare=False
    )

    _repr_mimebundle_ = shown_by(
        "wcode_magics.display.reply_bundles.reply_with_metadata"
    )

    def __getstate__(self) -> dict[str, Any]:
        """Return all fields but the parser, which cannot be pickled."""
        return {**vars(self), "_read": None}

    def __str__(self) -> str:
        return self.text

    @cached_property
    def json(self) -> Any:
        """The text parsed as JSON: bare, in a fenced block or within prose.

        Raises:
            AnswerError: the text is not JSON; the error's ``reply`` keeps the text.
        """
        try:
            return find_json(self.text, self.code_blocks)
        except ValueError as wrong:
            error = AnswerError("text_not_json", reason=str(wrong))
            if self.refusal and not self.text.strip():
                error = AnswerError("refused", reason=self.refusal)
            error.reply = self
            raise error from wrong

    @cached_property
    def logprobs(self) -> Logprobs | None:
        """The token log probabilities, or None if no number was reported."""
        if not any(map(is_known, self.tokens)):
            return None
        return Logprobs(self.tokens, self.text, self._counted, self._vocabulary)

    @cached_property
    def reasoning_logprobs(self) -> Logprobs | None:
        """The token log probabilities of the reasoning, or None if none were reported.

        They are apart from those of the answer, with which nothing else counts.
        """
        if not self.thinking_tokens:
            return None
        return Logprobs(self.thinking_tokens, self.reasoning or "", None, None)

    @property
    def reasoning_cost(self) -> float | None:
        """Part of the cost that the reasoning has, or None if that is unknown."""
        tokens = None if self.usage is None else self.usage.reasoning_tokens
        if tokens is None or not self.cost:
            return None
        price = models.price_of(self.request.model, self.base_url)
        if price is None or price.currency != self.currency:
            return None
        return min(self.cost, price.of(Usage(0, tokens)))

    @property
    def _counted(self) -> int | None:
        """Tokens of the text as counted by the endpoint, or None if unknown."""
        if self.usage is None or self.tool_calls or self.trace or self.seam:
            return None
        thought = self.usage.reasoning_tokens
        if thought is None and self.reasoning:
            return None
        return self.usage.completion_tokens - (thought or 0)

    @property
    def _vocabulary(self) -> int | None:
        """Vocabulary size of the model, or None if unknown, as for the sandbox."""
        if self.from_sandbox:
            return None
        row = models.find(self.request.model, self.base_url)
        return None if row is None else row.vocabulary

    @overload
    def confidence(self, path: str = "") -> Confidence: ...

    @overload
    def confidence(
        self, path: str = "", *, labels: Sequence[str]
    ) -> LabelConfidence: ...

    def confidence(
        self, path: str = "", *, labels: Sequence[str] | None = None
    ) -> Confidence | LabelConfidence:
        """Return the joint probability of a JSON field, or of each label.

        ``reply.confidence("a.b[0]")`` is one number with its tokens;
        ``reply.confidence(labels=["yes", "no"])`` a probability for each label at
        the start of the answer or, with ``path`` too, of that field. See
        :mod:`wcode_magics.logprobs.confidence` for the rules. Where the schema of the
        request leaves a finite choice, the number is the share among the choices.

        Raises:
            UsageError: no token probabilities, or ``path`` or ``labels`` are invalid.
            AnswerError: the answer is not JSON or has no such field.
        """
        logprobs = logprobs_of(self)
        if labels is None:
            form = self.request.params.get("response_format")
            choices = choices_at(form, json_path.parse(path)) if form else ()
            return of_field(logprobs, path, choices)
        return of_labels(logprobs, labels, path)

    @property
    def code_blocks(self) -> list[tuple[str, str]]:
        """Fenced blocks of the text as (language, code) pairs, in order.

        A block that is cut off by the end of the answer is included.
        """
        from markdown_it import MarkdownIt

        parser = MarkdownIt().disable("inline")  # fences are block syntax
        fences = (t for t in parser.parse(self.text) if t.type == "fence")
        return [((f.info.split() or [""])[0], f.content) for f in fences]

    @property
    def is_whole(self) -> bool:
        """Whether the answer is complete, as far as its endpoint reports it."""
        ended = self.finish_reason is not None or self.unconfirmed
        return ended and not self.interrupted

    @property
    def from_sandbox(self) -> bool:
        """Whether the sandbox answered, now or when the answer was recorded."""
        return self.source == "sandbox" or self.base_url == SANDBOX

    def to_dict(self) -> dict[str, Any]:
        """Return the received data and its request, ready for JSON."""
        return {"request": self.request.to_dict(), **self.received()}

    def received(self) -> dict[str, Any]:
        """Return the received data, ready for JSON."""
        data = plain_fields(self, _RECEIVED)
        if not self.unconfirmed:
            del data["unconfirmed"]
        if self.currency == models.CURRENCY:
            del data["currency"]
        return data

    def code(self, language: str, *, stream: bool = False) -> str:
        """Export the request of this reply as a program: ``reply.code("go")``.

        Raises:
            OptionError: ``language`` is unknown.
        """
        url = HOSTED_URL if self.base_url == SANDBOX else self.base_url
        program: str = late("wcode_magics.snippets.render")(
            self.request,
            language,
            base_url=url,
            stream=stream,
            needs_key=not Endpoint(url).is_local,
        )
        return program

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create a reply from :meth:`to_dict`; ``request`` may be a Request itself.

        Raises:
            TypeError: a field is unknown, missing, or of another type.
        """
        made = unchecked(cls, checked(cls, data))
        parts = vars(made)
        for name, read in _readers(tuple(data)):
            parts[name] = read(parts[name])
        return made


R = TypeVar("R", bound=Reply)


def unchecked(kind: type[R], parts: Mapping[str, Any]) -> R:
    """Create a reply from fields; one that is not given has its default.

    Its constructor takes three times as long: it sets each of its fields by a call,
    as those of all frozen dataclasses do, and a table makes thousands of replies.
    """
    made = object.__new__(kind)
    vars(made).update(parts)
    return made


_NAMES = frozenset(one.name for one in fields(Reply))
_PASSING = ("prompt_least", "answered", "parsed", "trace", "parent", "_read")
"""Fields that are not received data."""
_RECEIVED = tuple(
    one.name for one in fields(Reply) if one.name not in ("request", *_PASSING)
)
_NEEDED = frozenset({"text", "request", "model"})


def _part_of(kind: type[Value]) -> Callable[[Any], Any]:
    return lambda data: None if data is None else kind.from_dict(data)


def _tuple_of(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda items: tuple(map(read, items))


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "request": lambda data: (
        data if isinstance(data, Request) else Request.from_dict(data)
    ),
    "usage": _part_of(Usage),
    "seam": _part_of(Seam),
    "tool_calls": _tuple_of(ToolCall.from_dict),
    "tokens": _tuple_of(TokenLogprob.from_dict),
    "thinking_tokens": _tuple_of(TokenLogprob.from_dict),
    "unread": _tuple_of(str),
}


@lru_cache
def _readers(names: tuple[str, ...]) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return the fields to convert, by the names in a record; most have the same.

    Raises:
        TypeError: a field is unknown or missing.
    """
    if not _NEEDED <= {*names} <= _NAMES:
        raise TypeError(str({*names} ^ _NEEDED))
    return [(name, _READERS[name]) for name in names if name in _READERS]


def logprobs_of(reply: Reply) -> Logprobs:
    """Return the token log probabilities of a reply.

    Raises:
        UsageError: there are none, as none were requested or none came.
    """
    if reply.logprobs is None:
        requested = reply.request.params.get("logprobs")
        raise UsageError("logprobs.not_sent" if requested else "logprobs.none")
    return reply.logprobs


def reply_of(error: WcodeError) -> Reply | None:
    """Return the partial reply that an error keeps."""
    return error.reply if isinstance(error.reply, Reply) else None


_BODY = "body"
"""Mark, among the unread parts, of a reply whose text is no answer, as a web page."""


def body_delta(body: str) -> Delta:
    """Return a delta that keeps a body which could not be read as an answer."""
    return Delta(text=body, unread=(_BODY,))


def is_answer(reply: Reply) -> bool:
    """Return whether a reply's text is an answer, and not a body that is none."""
    return _BODY not in reply.unread
