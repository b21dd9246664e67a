"""Fifty requests of every kind, and the bytes that they are answered with.

``python -m tests.sandbox.varied`` prints a digest of each answer; those of the
saved file are written anew by ``python -m tests.record``.
"""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

from tests.sandbox.wire import CLOCK, MODEL, WEATHER, Wire, schema, user
from wcode_magics.sandbox import Sandbox

SAVED = Path(__file__).with_name("answers.sha256")

_PROMPTS = (
    "What does temperature do?",
    "写一首关于月亮的诗",
    "Write a long story",
    "讲一个长故事",
    "Is this review positive, negative or neutral? It broke, but I like it.",
    "把“你好”翻译成英文",
    "Rate this from 1 to 10: a great, beautiful little phone",
    "龘龘 tell me of the sea and of 人工智能",
)
_SAMPLING: tuple[dict[str, Any], ...] = (
    {"temperature": 0},
    {"temperature": 1.5, "top_p": 0.98},
    {"temperature": 1.8, "min_p": 0.001},
    {"temperature": 1.6, "top_k": 9, "frequency_penalty": 0.7, "presence_penalty": 1},
    {"temperature": 1.7, "top_a": 0.01, "repetition_penalty": 1.2},
)
_FORMS: tuple[dict[str, Any], ...] = (
    {"response_format": {"type": "json_object"}},
    {
        "response_format": schema(
            name={"type": "string"},
            score={"type": "number"},
            mood={"enum": ["positive", "negative", "neutral"]},
            tags={"type": "array", "items": {"type": "string"}},
        )
    },
)


def requests() -> list[dict[str, Any]]:
    """The bodies: words, structure, tools, a continued answer, a stream."""
    scored = {"logprobs": True, "top_logprobs": 20, "max_tokens": 48}
    words = [
        {"messages": [user(prompt)], **scored, **sampling, "seed": seed}
        for seed, prompt in enumerate(_PROMPTS)
        for sampling in _SAMPLING
    ]
    review = "Review by Anna of Vienna, 34: lovely 显示器, poor 电池, 8 of 10. As JSON."
    formed = [
        {"messages": [user(review)], **scored, **form, **sampling, "seed": 9}
        for form, sampling in itertools.product(_FORMS, _SAMPLING[:3])
    ]
    asked = [user("The weather and the time in Paris and New York City, please")]
    tools = [
        {"messages": asked, "tools": [WEATHER, CLOCK], "seed": seed} for seed in (5, 6)
    ]
    begun = [user("Name a colour"), {"role": "assistant", "content": "The sky is"}]
    rest = [
        {"messages": begun, **scored, "seed": 7},
        {"messages": [user("你是谁？")], **scored, "seed": 8, "stream": True},
    ]
    return [{"model": MODEL, **body} for body in words + formed + tools + rest]


def digests() -> list[str]:
    """The SHA-256 of each answer, without its name and time."""
    with Sandbox() as sandbox:
        wire = Wire(sandbox.base_url)
        return [_digest(wire, body) for body in requests()]


def save() -> None:
    """Write the digests that the tests compare with."""
    SAVED.write_text("".join(f"{line}\n" for line in digests()), "utf-8")


def _digest(wire: Wire, body: dict[str, Any]) -> str:
    answered = wire.send("POST", "/chat/completions", body)
    assert answered.status == 200, answered.body
    shown = [answered.body] if answered.body else answered.events
    kept = [
        {k: v for k, v in part.items() if k not in {"id", "created"}} for part in shown
    ]
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


if __name__ == "__main__":
    print(*digests(), sep="\n")
