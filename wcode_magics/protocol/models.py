"""Catalogue of models (context, prices, abilities), and the cost of a usage.

A row is known for one endpoint: the same name at another is a different model, with its
own price, context and tokenizer. Rows come from ``models.toml``, from what an endpoint
lists (:func:`learn`) and from the person (:func:`set_price`); the later counts more,
field by field.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import Any, Literal

from wcode_magics.protocol import providers
from wcode_magics.protocol.messages import HOSTED_URL, SANDBOX, Usage

PER = 1_000_000
CURRENCY = "CNY"
SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
ABILITIES = ("text", "image", "thinking", "tools", "schema", "logprobs")


@dataclass(frozen=True, slots=True)
class Price:
    """Prices per million tokens; ``cached`` is that of cached input, None: the same."""

    input: float
    output: float
    cached: float | None = None
    currency: str = CURRENCY

    def of(self, usage: Usage) -> float:
        """Return the price of a usage."""
        cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
        cheap = self.input if self.cached is None else self.cached
        paid_in = (usage.prompt_tokens - cached) * self.input + cached * cheap
        return (paid_in + usage.completion_tokens * self.output) / PER


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one endpoint; None or empty is unknown.

    ``provider`` is a row of :mod:`wcode_magics.protocol.providers`, ``place`` the base
    URL of an endpoint that is none. ``abilities`` are those of :data:`ABILITIES` that
    it has, ``lacks`` those that it has not. ``context`` and ``max_output`` are in
    tokens; ``vocabulary`` is its number of tokens, ``tokenizer`` the family that is
    counted exactly; ``thinks``: it thinks unless told not to. ``listed`` is when the
    endpoint listed it (s since 1970).
    """

    id: str
    provider: str = ""
    place: str = ""
    title: str = ""
    context: int | None = None
    max_output: int | None = None
    price: Price | None = None
    updated: str = ""
    abilities: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    vocabulary: int | None = None
    tokenizer: str = ""
    thinks: bool = False
    source: Literal["package", "endpoint", "person"] = "package"
    listed: float | None = None

    def can(self, ability: str) -> bool | None:
        """Return whether it has an ability; None if unknown."""
        if ability in self.abilities:
            return True
        return False if ability in self.lacks else None

    def is_at(self, place: str) -> bool:
        """Return whether the row is of an endpoint."""
        if self.place:
            return self.place == place
        return providers.named(self.provider).serves(place)


def _row(provider: str, data: dict[str, Any]) -> Model:
    price = data.pop("price", None)
    can, lacks = (tuple(data.pop(name, ())) for name in ("abilities", "lacks"))
    prices = None if price is None else Price(**price)
    return Model(provider=provider, price=prices, abilities=can, lacks=lacks, **data)


def _rows() -> tuple[Model, ...]:
    source = resources.files("wcode_magics.protocol") / "models.toml"
    tables = tomllib.loads(source.read_text("utf-8"))
    return tuple(_row(name, row) for name, rows in tables.items() for row in rows)


MODELS = _rows()
DEFAULT = MODELS[0].id
_listed: dict[tuple[str, str], Model] = {}
_prices: dict[tuple[str, str], Price] = {}
_OWN = frozenset({"provider", "place", "source"})


def _where(place: str) -> str:
    """Return the endpoint whose rows count; the sandbox counts as the hosted service.

    So cost estimates can be tried.
    """
    return HOSTED_URL if place == SANDBOX else place.rstrip("/")


def find(model_id: str, place: str) -> Model | None:
    """Return the catalogue row of a model at an endpoint, or None."""
    where = _where(place)
    rows = (row for row in MODELS if row.id == model_id and row.is_at(where))
    found = next(rows, None)
    listed = _listed.get((where, model_id))
    if listed is not None:
        found = listed if found is None else _merged(found, listed)
    price = _prices.get((where, model_id))
    if price is not None:
        found = found or Model(model_id, place=where, source="person")
        found = replace(found, price=price)
    return found


def at(place: str) -> list[Model]:
    """Return all rows of an endpoint: the package's, then those that it lists."""
    where = _where(place)
    ids = [row.id for row in MODELS if row.is_at(where)]
    ids += [model_id for there, model_id in _listed if there == where]
    ids += [model_id for there, model_id in _prices if there == where]
    found = (find(model_id, where) for model_id in dict.fromkeys(ids))
    return [row for row in found if row is not None]


def learn(place: str, rows: Iterable[Model]) -> None:
    """Replace what is known of an endpoint from its list."""
    where = _where(place)
    for key in [key for key in _listed if key[0] == where]:
        del _listed[key]
    for row in rows:
        _listed[where, row.id] = replace(row, place=where, source="endpoint")


def set_price(model_id: str, place: str, price: Price | None) -> None:
    """Set the price of a model that the person told; None forgets it."""
    if price is None:
        _prices.pop((_where(place), model_id), None)
    else:
        _prices[_where(place), model_id] = price


def forget() -> None:
    """Forget what endpoints listed and persons told."""
    _listed.clear()
    _prices.clear()


def _merged(known: Model, listed: Model) -> Model:
    """Return a package's row with what the endpoint lists on top."""
    told = {
        name: value
        for name in (field.name for field in fields(Model))
        if (value := getattr(listed, name)) and name not in _OWN
    }
    return replace(known, **told)


def price_of(model_id: str, place: str) -> Price | None:
    """Return the prices of a model at an endpoint, or None."""
    model = find(model_id, place)
    return None if model is None else model.price


def currency(model_id: str, place: str) -> str:
    """Return the currency of a model's prices; CNY if they are unknown."""
    price = price_of(model_id, place)
    return CURRENCY if price is None else price.currency


def cost(model_id: str, usage: Usage, place: str) -> float | None:
    """Return the cost of a usage in the model's currency, or None if unknown."""
    price = price_of(model_id, place)
    return None if price is None else price.of(usage)


def money(cost: float, currency: str = CURRENCY) -> str:
    """Format an amount of a currency as :func:`amount` does."""
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{sign}{amount(cost)}"


def amount(cost: float) -> str:
    """Format an amount to two significant digits, never in exponent notation."""
    if cost == 0:
        return "0"
    digits = max(2, 1 - int(f"{cost:e}".rpartition("e")[2]))
    return f"{cost:.{digits}f}"
