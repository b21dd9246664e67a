"""Providers: what belongs together, and whose key goes where."""

import os

import pytest

from tests.kernel import kernel
from wcode_magics.errors import SettingError, UsageError
from wcode_magics.protocol import providers
from wcode_magics.protocol.error_words import MEANINGS
from wcode_magics.protocol.prefixes import PREFIXES
from wcode_magics.protocol.providers import PROVIDERS, unused

KEY = "sk-canary-0123456789"
KEYED = [row for row in PROVIDERS[1:] if row.key]


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_every_row_is_whole(row):
    """A row has an address of its own and known words only; it serves no other host."""
    assert row.title
    assert row.base_url.startswith("https://" if row.key else "http://127.0.0.1:")
    assert row.prefix in {"", *PREFIXES}
    assert not row.prefix_url or row.serves(row.prefix_url)
    assert row.usage in {"", "always"}
    assert {*row.codes.values()} <= MEANINGS.keys()
    assert [other.name for other in PROVIDERS if other.serves(row.base_url)] == [
        row.name
    ]
    assert bool(row.think_on) == bool(row.think_off)
    if row.think_budget:
        asked = row.thinking(on=True, budget=7)
        assert "7" in str(asked)
        assert asked.items() >= row.thinking(on=True, budget=None).items() or (
            "." in row.think_budget
        )


def test_the_keys_are_of_different_variables():
    """No two services share a variable."""
    names = providers.variables()
    assert len(names) == len(set(names))


def test_what_a_provider_does_not_know_is_refused():
    """Thinking is asked for only where the way is documented."""
    local = providers.named("lmstudio")
    for asked in ({"on": True, "budget": None}, {"on": None, "budget": 5}):
        with pytest.raises(UsageError, match=r"LM Studio.*param=.*name"):
            local.thinking(**asked)


def test_an_unknown_provider_is_one_line():
    """It names the nearest and all others."""
    with pytest.raises(SettingError, match=r"deepsek.*deepseek.*llamacpp") as told:
        providers.named("deepsek")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.deepseek.com/beta", "deepseek"),
        ("https://api.deepseek.com:443/v1/", "deepseek"),
        ("http://localhost:11434/v1", "ollama"),
        ("https://api.deepseek.com.evil.example/v1", None),
        ("https://evil.example/api.deepseek.com", None),
        ("http://127.0.0.1:9/v1", None),
        ("http://api.deepseek.com:x/v1", None),
    ],
)
def test_a_host_tells_its_provider(url, name):
    """The whole host and port decide, not what an address looks like."""
    row = providers.at(url)
    assert (row and row.name) == name


@pytest.mark.parametrize("row", KEYED, ids=lambda row: row.name)
def test_a_key_that_is_set_is_told_with_the_line_that_uses_it(row):
    """The line holds no key."""
    names, line = unused({row.key: KEY})
    assert names == [row.key]
    assert line == f"%wcode_config provider={row.name}"


def test_where_nothing_is_set_nothing_is_told():
    """An empty variable is none."""
    assert unused({"OPENAI_API_KEY": ""}) == ([], "")


def test_the_sandbox_tells_it_once():
    """With its notice, where nothing else answers."""
    others = {name for row in PROVIDERS for name in (row.key, row.url_variable)}
    environ = {name: value for name, value in os.environ.items() if name not in others}
    with kernel({**environ, "OPENAI_API_KEY": KEY}) as running:
        first = str(running.run("%%wcode\nhi").messages)
        again = str(running.run("%%wcode\nhi").messages)
    assert "OPENAI_API_KEY" in first
    assert "OPENAI_API_KEY" not in again
    assert KEY not in first + again
