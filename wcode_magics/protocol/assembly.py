"""Assembly of a reply from the deltas of its answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec.structs import astuple

from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.logprobs.token_bytes import thinking_length
from wcode_magics.protocol.lenient_json import clean
from wcode_magics.protocol.messages import CallPiece, Delta, ToolCall, Usage
from wcode_magics.protocol.reply import Reply, unchecked
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.thinking import opens

_NOTHING = Delta()
OPENING_TOKENS = 12
"""Tokens that spell the tag which opens reasoning in the text, at most."""


class Assembly:
    """Reply under construction; ``started``: content, not only a role, was received."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: dict[int, CallPiece] = {}
        self._tokens: list[TokenLogprob] = []
        self._last = _NOTHING
        self._refusals: list[str] = []
        self._unread: dict[str, None] = {}
        self.started = False

    def add(self, delta: Delta) -> None:
        """Add the delta of one event."""
        self.started = self.started or delta.says
        if delta.recast:
            self._thoughts += self._texts
            self._texts = []
        if delta.reasoning:
            self._thoughts.append(delta.reasoning)
        if delta.text:
            self._texts.append(delta.text)
        for piece in delta.calls:
            self._add_call(piece)
        self._tokens.extend(delta.tokens)
        if delta.refusal:
            self._refusals.append(delta.refusal)
        if delta.unread:
            self._unread.update(dict.fromkeys(delta.unread))
        last = self._last
        if last is _NOTHING:
            self._last = delta
            return
        self._last = Delta(
            model=delta.model or last.model,
            usage=_largest(last.usage, delta.usage),
            finish_reason=delta.finish_reason or last.finish_reason,
            seam=delta.seam or last.seam,
            reasoning_field=delta.reasoning_field or last.reasoning_field,
            unconfirmed=delta.unconfirmed or last.unconfirmed,
            has_digest=delta.has_digest or last.has_digest,
        )

    @property
    def has_digest(self) -> bool:
        """Whether the server lists a digest of each of its models."""
        return self._last.has_digest

    @property
    def usage(self) -> Usage | None:
        """Tokens as counted by the endpoint, or None."""
        return self._last.usage

    @property
    def text(self) -> str:
        """Text received so far."""
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return self._texts[0] if self._texts else ""

    @property
    def delta(self) -> Delta:
        """Everything received so far as one delta."""
        return replace(
            self._last,
            text=self.text,
            calls=tuple(self._calls.values()),
            tokens=tuple(self._tokens),
            refusal="".join(self._refusals) or None,
            reasoning="".join(self._thoughts) or None,
            unread=(*self._unread,),
            recast=False,
        )

    def reply(self, **more: Any) -> Reply:
        """Return the reply received so far; ``more`` are additional fields."""
        last, thought = self._last, "".join(self._thoughts).strip()
        tokens = tuple(self._tokens)
        thoughts = self._thinking_length(tokens, thought) if tokens else 0
        parts = {
            "text": self.text,
            "request": self._request,
            "model": last.model or self._request.model,
            "tool_calls": _identified(self._calls),
            "tokens": tokens[thoughts:],
            "thinking_tokens": tokens[:thoughts],
            "usage": last.usage,
            "finish_reason": last.finish_reason,
            "seam": last.seam,
            "refusal": "".join(self._refusals) or None,
            "reasoning": thought or None,
            "reasoning_field": last.reasoning_field if thought else None,
            "unread": (*self._unread,),
            "unconfirmed": last.unconfirmed,
            **more,
        }
        return unchecked(Reply, parts)

    def _thinking_length(self, tokens: tuple[TokenLogprob, ...], thought: str) -> int:
        """Return how many tokens at the beginning are those of the reasoning."""
        tagged = thought or opens("".join(t.token for t in tokens[:OPENING_TOKENS]))
        return thinking_length(tokens, self.text) if tagged else 0

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


def _largest(first: Usage | None, second: Usage | None) -> Usage | None:
    """Return each count of two usages as far as it got: some come in parts."""
    if first is None or second is None:
        return first or second
    pairs = zip(astuple(first), astuple(second), strict=True)
    known = ([one for one in pair if one is not None] for pair in pairs)
    counts: list[Any] = [max(pair, default=None) for pair in known]
    return Usage(*counts)


def _identified(calls: Mapping[int, CallPiece]) -> tuple[ToolCall, ...]:
    """Return the calls in order, each with a unique id, to which results refer."""
    if not calls:
        return ()
    taken: set[str] = set()
    made: list[ToolCall] = []
    for index in sorted(calls):
        call = calls[index]
        if not call.name and not call.arguments:
            continue
        name = call.id or f"call_{index}"
        name = f"{name}_{index}" if name in taken else name
        taken.add(name)
        made.append(ToolCall(name, call.name, clean(call.arguments)))
    return tuple(made)
