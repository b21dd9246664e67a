"""Catalogue of models (context, prices, abilities), and the cost of a usage.

A row is known for one endpoint: the same name at another is a different model, with its
own price, context and tokenizer. Rows come from ``models.toml``, from what an endpoint
lists (:func:`learn`) and from the person (:func:`set_price`); the later counts more,
field by field.
"""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from wcode_magics.logprobs.number_format import NO_NUMBER, decimal
from wcode_magics.protocol import providers
from wcode_magics.protocol.messages import HOSTED_URL, SANDBOX, Usage

PER = 1_000_000
CURRENCY = "CNY"
SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}


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

    @classmethod
    def parse(cls, text: str) -> "Price":
        """Read ``input/output[/cached]`` with a sign or code: ``$0.15/0.6/0.075``.

        Without one it is CNY.

        Raises:
            ValueError: the text is no price.
        """
        found = _PRICE.fullmatch("".join(text.split()))
        if found is None:
            raise ValueError(text)
        sign, *numbers, code = found.groups()
        paid = [float(number) for number in numbers if number is not None]
        named = (code or sign or CURRENCY).upper()
        signs = {sign: name for name, sign in SIGNS.items()} | {"￥": "CNY"}
        if code and sign and signs.get(sign, sign.upper()) != named:
            raise ValueError(text)
        cached = paid[2] if len(paid) > 2 else None
        return cls(paid[0], paid[1], cached, signs.get(named, named))


_NUMBER = r"(\d{1,9}(?:\.\d{1,12})?)"
_PRICE = re.compile(
    rf"([¥￥$€£]|[A-Za-z]{{3}})?{_NUMBER}/{_NUMBER}(?:/{_NUMBER})?([A-Za-z]{{3}})?"
)


class Costs(dict[str, float]):
    """Sums of money by currency; ``unknown`` counts amounts that are not known."""

    unknown = 0

    def add(self, amount: float | None, currency: str) -> None:
        """Add an amount of a currency; None is not known."""
        if amount is None:
            self.unknown += 1
        else:
            self[currency] = self.get(currency, 0.0) + amount

    @property
    def only(self) -> float | None:
        """The amount, if all is of one currency, else None."""
        return sum(self.values()) if len(self) < 2 else None

    def __str__(self) -> str:
        parts = [money(amount, code) for code, amount in self.items()]
        parts += [NO_NUMBER] if self.unknown else []
        return " + ".join(parts) or money(0.0)

    def beside(self, unpriced: int) -> str:
        """Format the sums, with «–» for answers whose price is unknown."""
        known = [str(self)] if self or not unpriced else []
        return " + ".join([*known, NO_NUMBER] if unpriced else known)


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one endpoint; None or empty is unknown.

    ``provider`` is a row of :mod:`wcode_magics.protocol.providers`, ``place`` the base
    URL of an endpoint that is none. ``abilities`` of "text", "image", "thinking",
    "tools", "schema" and "logprobs" are those it has, ``lacks`` those it lacks.
    ``context`` and ``max_output`` are in tokens; ``vocabulary`` is its number of
    tokens, ``tokenizer`` the family that is counted exactly; ``thinks``: it thinks by
    default. ``listed`` is when the endpoint listed it (s since 1970).
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
    source = Path(__file__).with_name("models.toml")
    tables = tomllib.loads(source.read_text("utf-8"))
    return tuple(_row(name, row) for name, rows in tables.items() for row in rows)


MODELS = _rows()
DEFAULT = MODELS[0].id
_listed: dict[tuple[str, str], Model] = {}
_prices: dict[tuple[str, str], Price] = {}
_found: dict[tuple[str, str], tuple[tuple[Model, ...], Model | None]] = {}
"""What :func:`find` found since any of these changed; a table asks for each row."""
_OWN = frozenset({"provider", "place", "source"})


def _where(place: str) -> str:
    """Return the endpoint whose rows count.

    The sandbox counts as the hosted service, so that cost estimates can be tried, and
    the address where answers go on from a beginning as the provider's base URL.
    """
    where = HOSTED_URL if place == SANDBOX else place.rstrip("/")
    return providers.main_url(where)


def find(model_id: str, place: str) -> Model | None:
    """Return the catalogue row of a model at an endpoint, or None."""
    rows, found = _found.get((place, model_id), (None, None))
    if rows is not MODELS:
        found = _find(_where(place), model_id)
        _found[place, model_id] = MODELS, found
    return found


def _find(where: str, model_id: str) -> Model | None:
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
    _found.clear()


def is_listed(place: str) -> bool:
    """Return whether the list of an endpoint is known."""
    where = _where(place)
    return any(there == where for there, _model_id in _listed)


def from_dict(data: Mapping[str, Any]) -> Model:
    """Return a row from ``asdict`` of one; raises TypeError if a field is odd."""
    parts = dict(data)
    return _row(str(parts.pop("provider", "")), parts)


def hold(place: str, row: Model) -> None:
    """Take over what another process knows of one model."""
    where = _where(place)
    _listed[where, row.id] = replace(row, place=where)
    _found.clear()


def set_price(model_id: str, place: str, price: Price | None) -> None:
    """Set the price of a model as the user states it; None removes it."""
    if price is None:
        _prices.pop((_where(place), model_id), None)
    else:
        _prices[_where(place), model_id] = price
    _found.clear()


def _merged(known: Model, listed: Model) -> Model:
    """Return a package's row with what the endpoint lists on top."""
    stated = {
        name: value
        for name in (field.name for field in fields(Model))
        if (value := getattr(listed, name)) and name not in _OWN
    }
    return replace(known, **stated)


def price_of(model_id: str, place: str) -> Price | None:
    """Return the prices of a model at an endpoint, or None."""
    model = find(model_id, place)
    return None if model is None else model.price


def currency(model_id: str, place: str) -> str:
    """Return the currency of a model's costs; CNY if it is unknown."""
    price = price_of(model_id, place)
    return _charged_in(place) or CURRENCY if price is None else price.currency


def cost(model_id: str, usage: Usage, place: str) -> float | None:
    """Return the cost of a usage in the model's currency, or None if unknown.

    It is what the endpoint says it charged, where the currency of that is known, else
    the tokens at their prices. The sandbox costs nothing.
    """
    if place == SANDBOX:
        return 0.0
    price = price_of(model_id, place)
    if usage.cost is not None:
        charged_in = _charged_in(place)
        if charged_in and (price is None or price.currency == charged_in):
            return usage.cost
    return None if price is None else price.of(usage)


def _charged_in(place: str) -> str:
    provider = providers.at(place)
    return "" if provider is None else provider.currency


def money(cost: float | None, currency: str = CURRENCY, *, plain: bool = False) -> str:
    """Format an amount as :func:`amount` does, None as «–»; ``plain``: exactly."""
    if cost is None or not math.isfinite(cost):
        return NO_NUMBER
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{sign}{decimal(cost) if plain else amount(cost)}"


def amount(cost: float) -> str:
    """Format an amount to two significant digits, never in exponent notation."""
    if cost == 0:
        return "0"
    digits = max(2, 1 - int(f"{cost:e}".rpartition("e")[2]))
    return f"{cost:.{digits}f}"
