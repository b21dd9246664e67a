"""Generate one answer, token by token, as pieces to send.

Text is held back while a character is incomplete or may be part of a stop string, so
sent text is never revoked, and the bytes of the sent tokens are exactly those of the
text.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import arithmetic, calls, model, plan, tokenizer
from .bad_request import BadRequest
from .distribution import Distribution
from .output_format import Form
from .request_body import CONTEXT, ParsedRequest
from .sampler import Sampler

RUNAWAY = 4_096
"""Maximum tokens of an answer if the request sets no ``max_tokens``."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Token of the answer: its bytes, natural log probability, and top alternatives.

    ``top`` holds token ids with their natural log probabilities, likeliest first.
    """

    raw: bytes
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Unit sent: text, or a ``thought``, or, with ``call``, part of a tool call."""

    text: str
    tokens: tuple[Scored, ...] = ()
    call: int | None = None
    id: str | None = None
    name: str | None = None
    thought: bool = False


class Writing:
    """Generation of one answer; ``finish`` is valid once :meth:`pieces` ends."""

    def __init__(self, request: ParsedRequest) -> None:
        """Count the prompt and compile schemas.

        Raises:
            BadRequest: the prompt does not fit, or a schema cannot be used.
        """
        self.request = request
        self._tok = tokenizer.load()
        self._model = model.load()
        prompt = self._prompt()
        seen = (picture.tokens for turn in request.turns for picture in turn.pictures)
        self.prompt_tokens = len(prompt) + sum(seen)
        self.completion_tokens = self.reasoning_tokens = 0
        self.finish = "stop"
        self._limit = self._token_limit()
        self._sampler = Sampler(request.sampling, prompt)
        self._calls = calls.chosen(request)
        self._grammar = self._compile()

    def pieces(self) -> Iterator[Piece | None]:
        """Yield the piece that can be sent after each token, or None."""
        if self.request.thinks and not self.request.continues:
            yield from self._think()
            if self.finish == "length":
                return
        if not self._calls:
            yield from self._answer()
            return
        for place, call in enumerate(self._calls):
            yield from self._call(place, call)
            if self.finish == "length":
                return
        self.finish = "tool_calls"

    def usage(self) -> dict[str, Any]:
        """Return the token counts in OpenAI's format."""
        total = self.prompt_tokens + self.completion_tokens
        thought = {"reasoning_tokens": self.reasoning_tokens}
        more = {"completion_tokens_details": thought} if self.request.thinks else {}
        return {
            **more,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
        }

    def _prompt(self) -> list[int]:
        marks = {
            "user": tokenizer.USER,
            "assistant": tokenizer.ASSISTANT,
            "tool": tokenizer.TOOL,
        }
        ids = []
        for turn in self.request.turns:
            ids.append(marks.get(turn.role, tokenizer.SYSTEM))
            ids += self._tok.encode(turn.text + turn.calls)
            ids.append(tokenizer.END)
        for tool in self.request.tools:
            shown = json.dumps(tool.parameters, ensure_ascii=False)
            ids += self._tok.encode(f"{tool.name}\n{tool.description}\n{shown}\n")
        return ids if self.request.continues else [*ids, tokenizer.ASSISTANT]

    def _token_limit(self) -> int:
        requested = self.request.max_tokens
        room = CONTEXT - self.prompt_tokens
        if room < (requested or 1):
            message = (
                f"This model's maximum context length is {CONTEXT} tokens, but the "
                f"messages have {self.prompt_tokens} tokens and {requested or 1} "
                "are asked for."
            )
            raise BadRequest(message, "messages", "context_length_exceeded")
        return requested or min(room, RUNAWAY)

    def _compile(self) -> list[str]:
        if not self._calls and self.request.form.kind == "text":
            return []
        from . import constrained_decoding

        if self._calls:
            schemas = [call.tool.parameters for call in self._calls]
            forms = [Form("schema", schema, param="tools") for schema in schemas]
        else:
            forms = [self.request.form]
        try:
            return [constrained_decoding.compile_form(form) for form in forms]
        except constrained_decoding.SchemaError as error:
            message = f"The schema cannot be used: {error}"
            raise BadRequest(message, forms[0].param, "invalid_schema") from None

    def _tokens(
        self, decoder: model.Decoder, grammar: str | None
    ) -> Iterator[tuple[int, Scored]]:
        """Draw tokens until the end token; sets ``finish`` to length at the limit."""
        rules = None
        if grammar:
            from .constrained_decoding import Guide

            rules = Guide(grammar)
        made = 0
        while self.completion_tokens < self._limit:
            probs = decoder.predict()
            if rules is None:
                token = self._sampler.draw(probs)
            else:
                shown = probs if made < _OPEN_TOKENS else _closing_boosted(probs)
                allowed = rules.mask()
                token = self._sampler.draw(shown, allowed)
                probs = probs.within(allowed).normalized()
            made += 1
            if token == tokenizer.END:
                return
            self.completion_tokens += 1
            decoder.read([token])
            if rules:
                rules.step(token)
            yield token, self._score(token, probs)
        self.finish = "length"

    def _score(self, token: int, probs: Distribution) -> Scored:
        raw = self._tok.bytes_of[token]
        count = self.request.top_logprobs
        if count is None:
            return Scored(raw, 0.0, ())
        return Scored(raw, arithmetic.log(probs[token]), top(probs, count))

    def _think(self) -> Iterator[Piece | None]:
        """Yield the reasoning, up to its budget."""
        decoder = model.Decoder(self._model, plan.thoughts(self.request))
        pending, most = b"", self.request.thinking_budget or self._limit
        for _, scored in self._tokens(decoder, None):
            self.reasoning_tokens += 1
            pending += scored.raw
            if decoder.whole:
                yield Piece(pending.decode(), thought=True)
                pending = b""
            if self.reasoning_tokens >= most:
                return

    def _answer(self) -> Iterator[Piece | None]:
        decoder = model.Decoder(self._model, plan.drafts(self.request))
        if self.request.continues:
            decoder.read(self._tok.encode(self.request.turns[-1].text))
        pending: list[Scored] = []
        grammar = self._grammar[0] if self._grammar else None
        for _, scored in self._tokens(decoder, grammar):
            pending.append(scored)
            if not decoder.whole:
                yield None
                continue
            text = b"".join(s.raw for s in pending).decode()
            cut = min(
                (at for at in map(text.find, self.request.stop) if at >= 0), default=-1
            )
            if cut >= 0:
                self.finish = "stop"
                yield _piece(_until(pending, len(text[:cut].encode())))
                return
            keep = _stop_prefix(text, self.request.stop)
            ready, pending = _split(pending, len(text[: len(text) - keep].encode()))
            yield _piece(ready)
        yield _piece(_complete(pending))

    def _call(self, place: int, call: calls.PlannedCall) -> Iterator[Piece | None]:
        name = call.tool.name
        self.completion_tokens += len(self._tok.encode(name))
        token = f"call_{self._sampler.chance.getrandbits(96):024x}"
        yield Piece("", call=place, id=token, name=name)
        decoder = model.Decoder(self._model, plan.arguments(call, self.request))
        pending = b""
        for _, scored in self._tokens(decoder, self._grammar[place]):
            pending += scored.raw
            if decoder.whole:
                yield Piece(pending.decode(), call=place)
                pending = b""


_OPEN_TOKENS = 512
"""Tokens of JSON after which closing tokens get likelier, as schemas may recurse."""

_CLOSERS = (ord('"'), ord("]"), ord("}"))


def _closing_boosted(probs: Distribution) -> Distribution:
    closers = {token: probs[token] + 1.0 for token in _CLOSERS}
    return replace(probs, own={**probs.own, **closers})


def top(probs: Distribution, count: int) -> tuple[tuple[int, float], ...]:
    """Return the ``count`` likeliest tokens with natural log probabilities.

    Equally likely tokens are ordered by id.
    """
    return tuple(
        (token, arithmetic.log(prob))
        for token, prob in itertools.islice(probs.ranked(), count)
        if prob
    )


def _piece(tokens: Sequence[Scored]) -> Piece | None:
    if not tokens:
        return None
    return Piece(b"".join(token.raw for token in tokens).decode(), tuple(tokens))


def _stop_prefix(text: str, stops: Sequence[str]) -> int:
    """Return how many characters at the end may be the start of a stop string."""
    longest = 0
    for stop in stops:
        for size in range(min(len(stop) - 1, len(text)), longest, -1):
            if text.endswith(stop[:size]):
                longest = size
                break
    return longest


def _split(tokens: list[Scored], size: int) -> tuple[list[Scored], list[Scored]]:
    """Split after the last token that ends within ``size`` bytes, at a character."""
    ready, total = 0, 0
    for place, token in enumerate(tokens):
        total += len(token.raw)
        if total > size:
            break
        if place + 1 == len(tokens) or tokens[place + 1].raw[0] & 0xC0 != _INNER:
            ready = place + 1
    return tokens[:ready], tokens[ready:]


_INNER = 0x80
"""The two high bits of a UTF-8 continuation byte."""


def _until(tokens: list[Scored], size: int) -> list[Scored]:
    """Return the tokens of the first ``size`` bytes; the last one may be truncated."""
    kept = []
    for token in tokens:
        if size <= 0:
            break
        kept.append(Scored(token.raw[:size], token.logprob, token.top))
        size -= len(token.raw)
    return kept


def _complete(tokens: list[Scored]) -> list[Scored]:
    """Drop trailing tokens that form an incomplete character."""
    kept = list(tokens)
    while kept:
        try:
            b"".join(token.raw for token in kept).decode()
        except UnicodeDecodeError:
            kept.pop()
        else:
            break
    return kept
