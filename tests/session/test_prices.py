"""Prices that the person tells, and budgets in their currency."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.catalogues import forget_models
from tests.loopback import Answer, Loopback, completion
from tests.terminal import Runner
from wcode_magics import Session
from wcode_magics.errors import BudgetError, OptionError
from wcode_magics.protocol import models, providers
from wcode_magics.sending.budget import Accounts

Make = Callable[..., Loopback]


def test_a_budget_without_a_price_names_the_line_that_sets_one(loopback: Make) -> None:
    """And with it, the cost is counted in its currency and the budget holds."""
    server = loopback()
    with Session(base_url=server.url, budget=1, model="mine") as session:
        with pytest.raises(BudgetError, match=r"price=\"0\.6/1\.5\""):
            session.ask("hi", max_tokens=5)
        session.settings.set("price", "$100000/200000")
        with pytest.raises(BudgetError, match=r"Add max_tokens"):
            session.ask("hi")
        with pytest.raises(BudgetError, match=r"budget of \$1 ends.*up to \$\d"):
            session.ask("hi", max_tokens=5)
        session.settings.set("price", "$1/2")
        reply = session.ask("hi", max_tokens=5)
        usage = reply.usage
        assert usage is not None
        paid = (usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6
        assert (reply.cost, reply.currency) == (pytest.approx(paid), "USD")
        assert session.budgets.known == {"USD": pytest.approx(paid)}
        assert session.budgets.of("CNY").spent == 0
        session.settings.set("price", None)
        with pytest.raises(BudgetError, match="no known price"):
            session.ask("hi", max_tokens=5)
    assert len(server.seen) == 1


def test_models_are_compared_by_price(loopback: Make) -> None:
    """A price is the session's model's; costs of two currencies are two."""
    server = loopback()
    with Session(base_url=server.url, model="a", price="1/2") as session:
        both = session.sweep("hi", {"model": ["a", "b"]})
        assert [one.cost is None for one in both.replies] == [False, True]
        assert both.costs is None
        session.settings.set("model", "b")
        session.settings.set("price", "$1/2")
        session.ask("hi")
        both = session.sweep("hi", {"model": ["a", "b"]})
        assert both.costs is not None
        assert set(both.costs) == {"CNY", "USD"}
        assert both.cost is None
        assert set(both.frame()["currency"]) == {"CNY", "USD"}


def test_prices_that_an_endpoint_lists_are_kept(loopback: Make) -> None:
    """Another process knows them from the store, and holds a budget by them."""
    pricing = {"prompt": "0.000001", "completion": "0.000002"}
    row = {"id": "m", "pricing": pricing, "context_length": 1_000}
    server = loopback(Answer([json.dumps({"data": [row]}).encode()]), completion())
    with Session(base_url=server.url, model="m") as session:
        [listed] = session.list_models()
        assert listed.price is not None
    forget_models()  # as a new process
    with Session(base_url=server.url, model="m", budget=1) as session:
        reply = session.ask("hi")
    usage = reply.usage
    assert usage is not None
    paid = (usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6
    assert (reply.cost, reply.currency) == (pytest.approx(paid), "USD")
    assert [seen.path for seen in server.seen] == ["/v1/models", "/v1/chat/completions"]


def test_a_charge_in_an_unknown_currency_is_no_cost(
    loopback: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one in another currency than the price: that is the cost of the tokens."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cost": 7.0}
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": usage}
    server = loopback(Answer([json.dumps(body).encode()]))
    with Session(base_url=server.url, model="m") as session:
        unknown = session.ask("hi")
        assert (unknown.cost, unknown.usage.cost) == (None, 7.0)
        assert not session.budgets.known
        session.settings.set("price", "1/2")
        priced = session.ask("hi")
        assert (priced.cost, priced.currency) == (pytest.approx(20e-6), "CNY")
        row = replace(providers.named("openrouter"), base_url=server.url)
        monkeypatch.setattr(providers, "PROVIDERS", (providers.PROVIDERS[0], row))
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-canary-of-openrouter")
        other = session.ask("hi")
        assert (other.cost, other.currency) == (pytest.approx(20e-6), "CNY")
        session.settings.set("price", None)
        charged = session.ask("hi")
        assert (charged.cost, charged.currency) == (7.0, "USD")
        session.settings.set("price", "$1/2")
        assert session.ask("hi").cost == 7.0
        assert session.budgets.known == {"CNY": pytest.approx(40e-6), "USD": 14.0}


def test_an_amount_is_written_without_an_exponent() -> None:
    """As it was given, or to two digits that count."""
    plain = {0.1: "¥0.1", 5.0: "¥5", 1e-9: "¥0.000000001", 2e6: "¥2000000"}
    assert {x: models.money(x, plain=True) for x in plain} == plain
    assert models.money(1.234e-7) == "¥0.00000012"


def test_accounts_hold_each_currency_to_the_limit() -> None:
    """A limit set later holds for those that are there."""
    accounts = Accounts()
    accounts.of("USD").settle(0.0, 2.0, 0.5)
    accounts.limit(3.0)
    assert accounts.of("USD").limit == 3.0
    assert (accounts.known, accounts.unsure) == ({"USD": 2.0}, {"USD": 0.5})


@pytest.mark.parametrize("given", ["1", "-1/2", "1/2/3/4", "cheap"])
def test_what_is_no_price_is_one_line(given: str) -> None:
    """It names what was given and the forms."""
    with Session() as session, pytest.raises(OptionError, match=r"0\.6/1\.5") as told:
        session.settings.set("price", given)
    assert given in str(told.value)
    assert "\n" not in str(told.value)


def test_usage_shows_each_currency(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """By day, by cell and in all."""
    server()
    run("%wcode_config model=mine price=$1/2")
    run("%wcode --no-stream hi")
    shown = run("%wcode_usage").plain
    assert shown.count("$0.00") >= 2
    assert "¥0.0" not in shown
