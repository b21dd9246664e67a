"""Catalogue of models (context, prices, abilities), and the cost of a usage.

Prices are in ¥ (CNY) per million tokens, as listed by the service at ``place``. The
same name at another endpoint is a different model: its price, context and tokenizer
are unknown.
"""

from dataclasses import dataclass

from wcode_magics.protocol.messages import HOSTED_URL, SANDBOX, Usage

PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """One model; ``vocabulary`` is its number of tokens, None if unknown."""

    id: str
    title: str
    context: int
    max_output: int
    price_in: float
    price_out: float
    updated: str
    abilities: tuple[str, ...]
    place: str = HOSTED_URL
    vocabulary: int | None = None


MODELS = (
    Model(
        id="qwen/qwen-2.5-7b-instruct",
        title="Qwen2.5 7B Instruct",
        context=65_536,
        max_output=8_192,
        price_in=0.6,
        price_out=1.5,
        updated="2024-10-19",
        abilities=("text", "code", "mathematics", "json", "29+ languages"),
        vocabulary=152_064,  # vocab_size of Qwen2.5-7B-Instruct's config.json
    ),
)
DEFAULT = MODELS[0].id


def find(model_id: str, place: str) -> Model | None:
    """Return the catalogue row of a model at an endpoint, or None.

    The sandbox counts as the hosted service, so that cost estimates can be tried.
    """
    where = HOSTED_URL if place == SANDBOX else place.rstrip("/")
    rows = (row for row in MODELS if row.id == model_id and row.place == where)
    return next(rows, None)


def cost(model_id: str, usage: Usage, place: str) -> float | None:
    """Return the cost of a usage in ¥, or None if the prices are unknown."""
    model = find(model_id, place)
    if model is None:
        return None
    paid_in = usage.prompt_tokens * model.price_in
    return (paid_in + usage.completion_tokens * model.price_out) / PER


def money(cost: float) -> str:
    """Format an amount in ¥ as :func:`amount` does."""
    return f"¥{amount(cost)}"


def amount(cost: float) -> str:
    """Format an amount to two significant digits, never in exponent notation."""
    if cost == 0:
        return "0"
    digits = max(2, 1 - int(f"{cost:e}".rpartition("e")[2]))
    return f"{cost:.{digits}f}"
