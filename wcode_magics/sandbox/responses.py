"""Responses in OpenAI's format: the completion object, and the chunks of a stream."""

import json
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from . import tokenizer
from .answer import Piece, Scored, Writing
from .request_body import CONTEXT, MODEL

FINGERPRINT = "sandbox-ppm-1"


def listed() -> dict[str, Any]:
    """Return the model's entry in /v1/models."""
    return {
        "id": MODEL,
        "object": "model",
        "created": 0,
        "owned_by": "wcode-magics",
        "max_model_len": CONTEXT,
        "architecture": {"input_modalities": ["text", "image"]},
        "supported_parameters": [*_SUPPORTED],
    }


_SUPPORTED = ("tools", "structured_outputs", "logprobs", "top_logprobs", "reasoning")
"""What a model list names of the parameters, as OpenRouter's does."""


class Head:
    """Builder of the responses of one answer, with their common fields."""

    __slots__ = ("_chunk", "created", "id")

    def __init__(self, identity: str) -> None:
        self.id = f"chatcmpl-{identity}"
        self.created = int(time.time())
        self._chunk = self._fields("chat.completion.chunk")

    def _fields(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": MODEL,
            "system_fingerprint": FINGERPRINT,
        }

    def whole(self, writing: Writing, pieces: Sequence[Piece]) -> dict[str, Any]:
        """Return the completion object for all pieces."""
        scored = [token for piece in pieces for token in piece.tokens]
        choice = {
            "index": 0,
            "message": _message(pieces),
            "finish_reason": writing.finish,
            "logprobs": _logprobs(scored) if _wants(writing, pieces) else None,
        }
        usage = {"usage": writing.usage()}
        return {**self._fields("chat.completion"), "choices": [choice], **usage}

    def first(self, *, calls: bool) -> dict[str, Any]:
        """Return the first chunk of a stream, with the role."""
        return self._delta({"role": "assistant", "content": None if calls else ""})

    def piece(self, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """Return the chunk for one piece."""
        if piece.thought:
            return self._delta({"reasoning_content": piece.text})
        if piece.call is None:
            return self._delta(
                {"content": piece.text}, _logprobs(piece.tokens) if logprobs else None
            )
        call: dict[str, Any] = {"index": piece.call}
        if piece.name is not None:
            call |= {"id": piece.id, "type": "function"}
            call["function"] = {"name": piece.name, "arguments": ""}
        else:
            call["function"] = {"arguments": piece.text}
        return self._delta({"tool_calls": [call]})

    def last(self, writing: Writing) -> dict[str, Any]:
        """Return the chunk with the finish reason."""
        return self._delta({}, finish=writing.finish)

    def usage(self, writing: Writing) -> dict[str, Any]:
        """Return the chunk with the usage and no choices."""
        return {**self._chunk, "choices": [], "usage": writing.usage()}

    def _delta(
        self,
        delta: Mapping[str, Any],
        logprobs: Mapping[str, Any] | None = None,
        finish: str | None = None,
    ) -> dict[str, Any]:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish,
        }
        return {**self._chunk, "choices": [choice]}


def event(data: Mapping[str, Any]) -> bytes:
    """Encode data as a server-sent event."""
    return b"data: %s\n\n" % json.dumps(data, ensure_ascii=False).encode()


DONE = b"data: [DONE]\n\n"


def _wants(writing: Writing, pieces: Sequence[Piece]) -> bool:
    words = all(piece.call is None for piece in pieces)
    return words and writing.request.top_logprobs is not None


def _message(pieces: Sequence[Piece]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    for piece in pieces:
        if piece.call is None:
            continue
        if piece.name is not None:
            function = {"name": piece.name, "arguments": ""}
            found.append({"id": piece.id, "type": "function", "function": function})
        else:
            found[piece.call]["function"]["arguments"] += piece.text
    thought = "".join(piece.text for piece in pieces if piece.thought)
    more = {"reasoning_content": thought} if thought else {}
    if found:
        return {"role": "assistant", "content": None, "tool_calls": found, **more}
    text = "".join(piece.text for piece in pieces if not piece.thought)
    return {"role": "assistant", "content": text, **more}


def _logprobs(tokens: Sequence[Scored]) -> dict[str, Any]:
    return {"content": [_entry(token) for token in tokens], "refusal": None}


def _entry(token: Scored) -> dict[str, Any]:
    top = [{**_shown(i), "logprob": value} for i, value in token.top]
    shown = tokenizer.spell(token.raw)
    return {
        "token": shown,
        "logprob": token.logprob,
        "bytes": list(token.raw),
        "top_logprobs": top,
    }


@cache
def _shown(token: int) -> dict[str, Any]:
    raw = tokenizer.load().bytes_of[token]
    return {"token": tokenizer.spell(raw), "logprob": 0.0, "bytes": list(raw)}
