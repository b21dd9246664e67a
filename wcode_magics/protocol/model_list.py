"""Rows of the catalogue from what an endpoint lists, in the forms of all servers.

OpenRouter's form has ``pricing`` (money per token, as text), ``context_length``,
``supported_parameters`` and ``architecture.input_modalities``; vLLM has
``max_model_len``; LM Studio has ``type`` and ``capabilities``, Ollama's ``/api/show``
``capabilities``, ``model_info`` and ``parameters``. What is missing or odd is unknown.
"""

import datetime as dt
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from wcode_magics.protocol.models import PER, Model, Price
from wcode_magics.protocol.usage_counts import count

LENGTHS = (
    "max_model_len",  # vLLM
    "loaded_context_length",  # LM Studio
    "context_length",  # OpenRouter, Ollama
    "context_window",  # Groq
    "max_context_length",
)
"""Context fields of a row, the length as loaded before the maximum."""
MOST_LENGTH = 2**31
MOST_MODELS = 10_000
MOST_PRICE = 1e6
LONGEST = 200
CLOCK_S = 120.0
"""A more recent ``created`` is the server's clock, not the model's age (vLLM)."""

_SUPPORTED = {
    "tools": ("tools",),
    "schema": ("structured_outputs",),
    "logprobs": ("logprobs", "top_logprobs"),
    "thinking": ("reasoning", "include_reasoning"),
}
"""Parameters of OpenRouter's form that show an ability."""
_CAPABLE = {
    "tools": ("tools", "tool_use"),
    "image": ("vision",),
    "thinking": ("thinking",),
}
"""Capabilities that Ollama and LM Studio name."""


def rows_of(data: Any, currency: str = "") -> list[Model]:
    """Return the models of ``{"data": […]}``, ``{"models": […]}`` or a bare list.

    Args:
        data: decoded body.
        currency: of the prices; empty: USD, as that form has it.

    Raises:
        ValueError: the body is no list of models.
    """
    listed = data
    if isinstance(data, Mapping):
        listed = data.get("data") or data.get("models")
    if not isinstance(listed, list):
        raise ValueError("no list of models")
    made: dict[str, Model] = {}
    for row in listed[:MOST_MODELS]:
        if isinstance(row, Mapping) and (name := _name(row)):
            made.setdefault(name, _model(name, row, currency))
    return list(made.values())


def context_of(row: Mapping[str, Any]) -> int | None:
    """Return the context length in a row, or None."""
    size = next((row[key] for key in LENGTHS if row.get(key)), None)
    return size if type(size) is int and 0 < size < MOST_LENGTH else None


def created_of(row: Mapping[str, Any]) -> float | None:
    """Return when a model was made (s since 1970), or None."""
    made = row.get("created")
    if isinstance(made, bool) or not isinstance(made, int | float):
        return None
    return float(made) if 0 < made < time.time() - CLOCK_S else None


def shown(data: Any, row: Model) -> Model:
    """Return a row with what Ollama's ``/api/show`` says of its model."""
    if not isinstance(data, Mapping):
        return row
    info = data.get("model_info")
    sizes = [
        count(value)
        for key, value in (info.items() if isinstance(info, Mapping) else ())
        if isinstance(key, str) and key.endswith(".context_length")
    ]
    loaded = re.search(r"^num_ctx\s+(\d+)", _text(data.get("parameters")), re.MULTILINE)
    context = count(loaded[1]) if loaded else next(iter(sizes), None)
    can, lacks = _abilities(data)
    return replace(
        row,
        context=context or row.context,
        abilities=can or row.abilities,
        lacks=lacks or row.lacks,
    )


def _name(row: Mapping[str, Any]) -> str:
    found = (row.get(key) for key in ("id", "model", "name"))
    return next((_text(name) for name in found if _text(name)), "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= 10**6 else ""


def _model(name: str, row: Mapping[str, Any], currency: str) -> Model:
    provider = row.get("top_provider")
    most = provider.get("max_completion_tokens") if isinstance(provider, Mapping) else 0
    made = created_of(row)
    can, lacks = _abilities(row)
    title = _text(row.get("name"))
    return Model(
        name[:LONGEST],
        title="" if title == name else title[:LONGEST],
        context=context_of(row),
        max_output=count(most) or None,
        price=_price(row.get("pricing"), currency),
        updated="" if made is None else f"{dt.datetime.fromtimestamp(made, dt.UTC):%F}",
        abilities=can,
        lacks=lacks,
        listed=time.time(),
    )


def _price(pricing: Any, currency: str) -> Price | None:
    if not isinstance(pricing, Mapping):
        return None
    paid, got = (_per_million(pricing.get(key)) for key in ("prompt", "completion"))
    if paid is None or got is None:
        return None
    cached = _per_million(pricing.get("input_cache_read"))
    return Price(paid, got, cached, currency or "USD")


def _per_million(value: Any) -> float | None:
    """Return a price per token as one per million; None if it is none."""
    try:
        price = float(value) * PER
    except (TypeError, ValueError, OverflowError):
        return None
    return round(price, 9) if math.isfinite(price) and 0 <= price < MOST_PRICE else None


def _abilities(row: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = dict(_stated(row))
    can = tuple(name for name, has in known.items() if has)
    return can, tuple(name for name, has in known.items() if not has)


def _stated(row: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each ability that a row states, and whether the model has it."""
    parts = row.get("architecture")
    inputs = parts.get("input_modalities") if isinstance(parts, Mapping) else None
    if isinstance(inputs, list):
        yield from (("text", "text" in inputs), ("image", "image" in inputs))
    elif row.get("type") in ("llm", "vlm"):
        yield from (("text", True), ("image", row["type"] == "vlm"))
    supported = row.get("supported_parameters")
    if isinstance(supported, list):
        for name, words in _SUPPORTED.items():
            yield name, any(word in supported for word in words)
    capable = row.get("capabilities")
    if isinstance(capable, list):
        for name, words in _CAPABLE.items():
            has = any(word in capable for word in words)
            if has or "completion" in capable:  # Ollama's list is complete
                yield name, has
