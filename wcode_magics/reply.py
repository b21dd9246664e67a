"""The answer as a value, and how it grows from deltas."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self, overload

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.probability.confidence import (
    Confidence,
    LabelConfidence,
    of_field,
    of_labels,
)
from wcode_magics.probability.logprobs import Logprobs
from wcode_magics.request import Request
from wcode_magics.values import (
    HOSTED_URL,
    SANDBOX,
    CallPiece,
    Delta,
    Seam,
    TokenLogprob,
    ToolCall,
    ToolTrace,
    Usage,
    Value,
)

Source = Literal["endpoint", "sandbox", "replayed"]


@dataclass(frozen=True)
class Reply(Value):
    """An answer: ``str(reply)`` is its text.

    ``cost`` is in ¥ (None: the price of the model is not known), ``elapsed`` in
    seconds. ``finish_reason`` is the endpoint's word (stop, length, tool_calls,
    content_filter) or None where the answer broke off; ``interrupted`` tells that
    the person stopped it. ``tokens`` are the token log probabilities as reported.
    ``parsed`` is the value that ``schema`` or ``json`` asked for, ``trace`` the calls
    of functions on the way to this answer, ``parent`` the reply that it went on or
    branched from; none of them is part of :meth:`to_dict`. ``seam`` tells where the
    parent's beginning ends in the text.
    """

    text: str
    request: Request
    model: str
    tool_calls: tuple[ToolCall, ...] = ()
    tokens: tuple[TokenLogprob, ...] = field(default=(), repr=False)
    usage: Usage | None = None
    cost: float | None = None
    finish_reason: str | None = None
    elapsed: float = 0.0
    interrupted: bool = False
    source: Source = "endpoint"
    refusal: str | None = None
    base_url: str = HOSTED_URL
    seam: Seam | None = None
    parsed: Any = field(default=None, repr=False, compare=False)
    trace: tuple[ToolTrace, ...] = field(default=(), repr=False, compare=False)
    parent: "Reply | None" = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    @cached_property
    def json(self) -> Any:
        """The text read as JSON, bare or in a fenced block.

        Raises:
            AnswerError: the text is not JSON; the text itself is kept.
        """
        fenced = self.code_blocks
        body = fenced[0][1] if fenced else self.text
        try:
            return json.loads(body, strict=False)
        except ValueError as wrong:
            error = AnswerError("text_not_json", reason=str(wrong))
            error.reply = self
            raise error from wrong

    @cached_property
    def logprobs(self) -> Logprobs | None:
        """The token log probabilities, or None where none were reported."""
        return Logprobs(self.tokens, self.text) if self.tokens else None

    @overload
    def confidence(self, path: str = "") -> Confidence: ...

    @overload
    def confidence(
        self, path: str = "", *, labels: Sequence[str]
    ) -> LabelConfidence: ...

    def confidence(
        self, path: str = "", *, labels: Sequence[str] | None = None
    ) -> Confidence | LabelConfidence:
        """The joint probability of a field of a JSON answer, or of each label.

        ``reply.confidence("a.b[0]")`` is one number with its tokens;
        ``reply.confidence(labels=["yes", "no"])`` a probability for each label at
        the start of the answer or, with ``path`` too, of that field. The rules stand
        in :mod:`wcode_magics.probability.confidence`.

        Raises:
            UsageError: no token probabilities; ``path`` or ``labels`` are wrong.
            AnswerError: the answer is not JSON or has no such field.
        """
        if self.logprobs is None:
            raise UsageError("logprobs.none")
        if labels is None:
            return of_field(self.logprobs, path)
        return of_labels(self.logprobs, labels, path)

    @property
    def code_blocks(self) -> list[tuple[str, str]]:
        """The fenced blocks of the text as (language, code) pairs, in order.

        A block that the end of the answer cut off counts too.
        """
        from markdown_it import MarkdownIt

        fences = (t for t in MarkdownIt().parse(self.text) if t.type == "fence")
        return [((f.info.split() or [""])[0], f.content) for f in fences]

    @property
    def from_sandbox(self) -> bool:
        """Whether the sandbox answered, now or when the answer was recorded."""
        return self.source == "sandbox" or self.base_url == SANDBOX

    def to_dict(self) -> dict[str, Any]:
        """What came, as JSON-ready data."""
        data = super().to_dict()
        for name in ("parsed", "trace", "parent"):
            data.pop(name, None)
        return data

    def code(self, language: str, *, stream: bool = False) -> str:
        """The request of this reply as a program, such as ``reply.code("go")``.

        Raises:
            OptionError: no such language, or it has no streaming form.
        """
        from wcode_magics import snippets

        url = HOSTED_URL if self.base_url == SANDBOX else self.base_url
        return snippets.render(self.request, language, base_url=url, stream=stream)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The reply from :meth:`to_dict`; ``request`` may be the value itself."""
        parts = dict(data)
        if not isinstance(parts["request"], Request):
            parts["request"] = Request.from_dict(parts["request"])
        for name, kind in _PARTS.items():
            if parts.get(name):
                parts[name] = kind.from_dict(parts[name])
        for name, kind in _LISTS.items():
            if name in parts:
                parts[name] = tuple(map(kind.from_dict, parts[name]))
        return cls(**parts)


_PARTS: Mapping[str, type[Value]] = {"usage": Usage, "seam": Seam}
_LISTS: Mapping[str, type[Value]] = {"tool_calls": ToolCall, "tokens": TokenLogprob}


class Assembly:
    """A reply that grows: :meth:`add` deltas, :meth:`reply` at any moment."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._texts: list[str] = []
        self._calls: dict[int, CallPiece] = {}
        self._tokens: list[TokenLogprob] = []
        self._model: str | None = None
        self._refusals: list[str] = []
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.seam: Seam | None = None
        self.started = False

    def add(self, delta: Delta) -> None:
        """Take in what one event added."""
        self.started = True
        if delta.text:
            self._texts.append(delta.text)
        for piece in delta.calls:
            self._add_call(piece)
        self._tokens.extend(delta.tokens)
        self._model = delta.model or self._model
        self.usage = delta.usage or self.usage
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.seam = delta.seam or self.seam
        if delta.refusal:
            self._refusals.append(delta.refusal)

    @property
    def text(self) -> str:
        """The text so far."""
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return self._texts[0] if self._texts else ""

    def reply(self, **more: Any) -> Reply:
        """The reply as far as it has grown; ``more`` are further fields of it."""
        calls = (self._calls[index] for index in sorted(self._calls))
        return Reply(
            text=self.text,
            request=self._request,
            model=self._model or self._request.model,
            tool_calls=tuple(ToolCall(c.id, c.name, c.arguments) for c in calls),
            tokens=tuple(self._tokens),
            usage=self.usage,
            finish_reason=self.finish_reason,
            seam=self.seam,
            refusal="".join(self._refusals) or None,
            **more,
        )

    def _add_call(self, piece: CallPiece) -> None:
        begun = self._calls.get(piece.index)
        if begun is None:
            self._calls[piece.index] = piece
            return
        self._calls[piece.index] = replace(
            begun,
            id=begun.id or piece.id,
            name=begun.name or piece.name,
            arguments=begun.arguments + piece.arguments,
        )
