"""The catalogue: every row of the package, and the rows that are learnt and told."""

import re
from dataclasses import replace

import pytest

from tests.catalogues import keys
from wcode_magics.protocol import models, providers
from wcode_magics.protocol.messages import HOSTED_URL, SANDBOX, Usage
from wcode_magics.protocol.models import MODELS, Model, Price

HERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("row", MODELS, ids=lambda row: f"{row.provider} {row.id}")
def test_every_row_of_the_package_is_whole(row):
    """It has a provider, one id there, known words, and prices above nothing."""
    providers.named(row.provider)
    assert [(m.provider, m.id) for m in MODELS].count((row.provider, row.id)) == 1
    assert {f"abilities.{one}" for one in (*row.abilities, *row.lacks)} <= keys("en")
    assert not set(row.abilities) & set(row.lacks)
    assert not row.thinks or row.can("thinking")
    assert row.context is None or row.context >= (row.max_output or 1)
    if row.price is not None:
        assert 0 <= row.price.input <= row.price.output


def test_the_service_is_as_published():
    """The model of the hosted service, also where the sandbox plays it."""
    for place in (HOSTED_URL, HOSTED_URL + "/", SANDBOX):
        row = models.find("qwen/qwen-2.5-7b-instruct", place)
        assert row.price == Price(0.6, 1.5, None, "CNY")
        assert (row.context, row.can("image")) == (65_536, False)
    assert models.find("qwen/qwen-2.5-7b-instruct", HERE) is None


def test_what_is_listed_comes_over_the_package_and_what_is_told_over_both():
    """Field by field: what the later source does not say stays."""
    name = models.DEFAULT
    models.learn(HOSTED_URL, [Model(name, context=32_768, listed=5.0)])
    row = models.find(name, HOSTED_URL)
    assert (row.context, row.price.input, row.listed) == (32_768, 0.6, 5.0)
    assert (row.source, row.title) == ("package", "Qwen2.5 7B Instruct")
    models.set_price(name, HOSTED_URL, Price(1.0, 2.0, currency="USD"))
    assert models.currency(name, HOSTED_URL) == "USD"
    assert models.cost(name, Usage(1_000_000, 500_000), HOSTED_URL) == 2.0
    models.set_price(name, HOSTED_URL, None)
    assert models.currency(name, HOSTED_URL) == "CNY"
    models.learn(HOSTED_URL, [])
    assert models.find(name, HOSTED_URL).context == 65_536


def test_a_model_of_nobody_is_priced_by_the_person():
    """At its endpoint alone."""
    assert models.cost("mine", Usage(10, 10), HERE) is None
    models.set_price("mine", HERE, Price(0.0, 0.0))
    assert models.cost("mine", Usage(10, 10), HERE) == 0.0
    assert [row.id for row in models.at(HERE)] == ["mine"]
    assert models.cost("mine", Usage(10, 10), HOSTED_URL) is None


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1_000_000, 1_000_000), 12.0),
        (Usage(1_000_000, 0, cached_tokens=500_000), 1.25),
        (Usage(1_000_000, 0, cached_tokens=9_000_000), 0.5),
        (Usage(0, 0), 0.0),
    ],
)
def test_cached_input_has_its_price(usage, cost):
    """No more is cached than was read."""
    assert Price(2.0, 10.0, 0.5).of(usage) == cost


def test_money_is_in_its_currency():
    """A sign where one is known, the code elsewhere."""
    told = [models.money(0.0123, one) for one in ("CNY", "USD", "JPY")]
    assert told == ["¥0.012", "$0.012", "JPY 0.012"]


@pytest.mark.parametrize("cost", [float("inf"), float("-inf"), float("nan")])
def test_what_is_no_amount_is_unknown(cost):
    """A foreign store may hold anything."""
    assert models.money(cost) == models.money(cost, "USD", plain=True) == "–"


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("0.6/1.5", Price(0.6, 1.5)),
        ("¥0.6/1.5/0.06", Price(0.6, 1.5, 0.06)),
        ("$0.15 / 0.6", Price(0.15, 0.6, None, "USD")),
        ("0.15/0.6 usd", Price(0.15, 0.6, None, "USD")),
        ("JPY 20/60", Price(20, 60, None, "JPY")),
        ("0/0", Price(0, 0)),
    ],
)
def test_a_price_is_read(text, price):
    """Input, output, cached input if told, and the currency."""
    assert Price.parse(text) == price


@pytest.mark.parametrize(
    "text", ["/", "1", "1/2/3/4", "-1/2", "1/x", "$1/2 EUR", "1/2 dollars", "nan/1"]
)
def test_what_is_no_price_is_refused(text):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=re.escape(text)):
        Price.parse(text)


def test_costs_of_different_currencies_are_not_added_up():
    """Each stands for itself."""
    costs = models.Costs()
    assert (str(costs), costs.only) == ("¥0", 0)
    costs.add(0.01, "CNY")
    costs.add(0.02, "CNY")
    assert (str(costs), costs.only) == ("¥0.030", pytest.approx(0.03))
    costs.add(0.5, "USD")
    assert (str(costs), costs.only) == ("¥0.030 + $0.50", None)


def test_what_was_found_is_found_anew_in_other_rows(monkeypatch):
    """The catalogue is asked for each row of a table, and kept while it is the same."""
    there = "http://host.example/v1"
    assert models.find(models.DEFAULT, there) is None
    row = replace(models.MODELS[0], place=there)
    monkeypatch.setattr(models, "MODELS", (*models.MODELS, row))
    assert models.find(models.DEFAULT, there) == row
    monkeypatch.undo()
    assert models.find(models.DEFAULT, there) is None
    models.set_price(models.DEFAULT, there, models.Price(1, 2))
    found = models.find(models.DEFAULT, there)
    models.set_price(models.DEFAULT, there, None)
    assert found is not None
    assert found.price == models.Price(1, 2)
    assert models.find(models.DEFAULT, there) is None
