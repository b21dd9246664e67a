"""The catalogue of models: context, prices, abilities; and the cost of a usage.

Prices are in ¥ (CNY) per million tokens, as listed by the service at ``place``. The
same name at another address is another model: its price, its context and its
tokenizer are not known from here.
"""

from dataclasses import dataclass

from wcode_magics.protocol.messages import HOSTED_URL, SANDBOX, Usage

PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """A row of the catalogue; ``vocabulary`` is how many tokens the model has."""

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
    """The row of a model at an endpoint, or None where the catalogue has none.

    The sandbox stands in for the hosted service, so that estimates can be tried.
    """
    where = HOSTED_URL if place == SANDBOX else place.rstrip("/")
    rows = (row for row in MODELS if row.id == model_id and row.place == where)
    return next(rows, None)


def cost(model_id: str, usage: Usage, place: str) -> float | None:
    """The price of a usage in ¥, or None where the endpoint's prices are unknown."""
    model = find(model_id, place)
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
