"""The catalogue of models: context, prices, abilities; and the cost of a usage.

Prices are in ¥ (CNY) per million tokens, as listed by the hosted service.
"""

from dataclasses import dataclass

from wcode_magics.values import Usage

PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """A row of the catalogue."""

    id: str
    title: str
    context: int
    max_output: int
    price_in: float
    price_out: float
    updated: str
    abilities: tuple[str, ...]


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
    ),
)
DEFAULT = MODELS[0].id


def find(model_id: str) -> Model | None:
    """The row of a model id, or None for a model the catalogue does not know."""
    return next((model for model in MODELS if model.id == model_id), None)


def cost(model_id: str, usage: Usage) -> float | None:
    """The price of a usage in ¥, or None when the model's prices are unknown."""
    model = find(model_id)
    if model is None:
        return None
    paid_in = usage.prompt_tokens * model.price_in
    return (paid_in + usage.completion_tokens * model.price_out) / PER


def money(cost: float) -> str:
    """An amount in ¥, as :func:`amount` has it."""
    return f"¥{amount(cost)}"


def amount(cost: float) -> str:
    """An amount to two significant digits, never in exponents."""
    if cost == 0:
        return "0"
    digits = max(2, 1 - int(f"{cost:e}".rpartition("e")[2]))
    return f"{cost:.{digits}f}"
