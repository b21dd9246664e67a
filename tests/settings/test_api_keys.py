"""Keys: each goes to its own host, from wherever it is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.loopback import Loopback
from wcode_magics import Session
from wcode_magics.errors import SettingError
from wcode_magics.protocol import providers
from wcode_magics.settings.settings import Settings

ONE, TWO, OWN = "sk-canary-of-the-first", "sk-canary-of-the-second", "sk-canary-wcode"
Pair = tuple[Loopback, Loopback]


@pytest.fixture
def pair(loopback: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Two servers that are two providers, deepseek and openai, and have a key each."""
    servers = loopback(), loopback()
    rows = {row.name: row for row in providers.PROVIDERS}
    for name, server in zip(("deepseek", "openai"), servers, strict=True):
        rows[name] = replace(rows[name], base_url=server.url)
    monkeypatch.setattr(providers, "PROVIDERS", tuple(rows.values()))
    monkeypatch.setenv("DEEPSEEK_API_KEY", ONE)
    monkeypatch.setenv("OPENAI_API_KEY", TWO)
    monkeypatch.setenv("WCODE_API_KEY", OWN)
    return servers


def sent(server: Loopback) -> list[str | None]:
    """The keys that a server was sent."""
    return [seen.headers.get("authorization") for seen in server.seen]


def test_the_key_of_one_never_goes_to_the_host_of_another(pair: Pair) -> None:
    """Neither by provider nor by address; what a session was given stays there."""
    one, two = pair
    with Session(provider="deepseek") as session:
        session.ask("a")
        session.settings.set("provider", "openai")
        session.ask("b")
        session.settings.set("base_url", one.url)
        session.ask("c")
        session.settings.set("provider", None)
        session.settings.set("base_url", two.url)
        session.ask("d")
    with Session(provider="deepseek", api_key="sk-canary-given") as session:
        session.ask("e")
        session.settings.set("base_url", two.url)
        session.ask("e2")
        session.settings.set("base_url", None)
        session.settings.set("headers", {"X-Token": "sk-canary-header"})
        session.settings.set("provider", "openai")
        session.ask("f")
    assert sent(one) == [f"Bearer {ONE}", f"Bearer {ONE}", "Bearer sk-canary-given"]
    assert sent(two) == [f"Bearer {TWO}"] * 4
    assert not any("x-token" in seen.headers for seen in two.seen)


def test_a_named_provider_at_another_host_sends_no_key(
    pair: Pair, loopback: Callable[..., Loopback]
) -> None:
    """A dialect may be spoken anywhere; its key goes nowhere else."""
    elsewhere = loopback()
    with Session(provider="deepseek", base_url=elsewhere.url) as session:
        session.ask("hi")
    with Session(provider="vllm", base_url=elsewhere.url) as session:
        session.ask("ho")
    with Session(base_url=elsewhere.url) as session:
        session.ask("hey")
    assert sent(elsewhere) == [None, None, f"Bearer {OWN}"]
    assert not sent(pair[0]) + sent(pair[1])


def test_without_its_key_a_provider_is_refused_before_anything_is_sent(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the variable, not another's key."""
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    with (
        Session(provider="deepseek") as session,
        pytest.raises(SettingError, match=r"DeepSeek.*DEEPSEEK_API_KEY.*\.env"),
    ):
        session.ask("hi")
    assert not pair[0].seen


def test_a_pair_of_the_environment_goes_together(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WCODE_API_KEY with WCODE_BASE_URL was written for that address."""
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    monkeypatch.setenv("WCODE_BASE_URL", pair[0].url)
    with Session() as session:
        session.ask("hi")
    assert sent(pair[0]) == [f"Bearer {OWN}"]


def test_a_provider_comes_over_what_lower_layers_say() -> None:
    """Base URL and headers of the environment belong to another endpoint."""
    environ = {
        "WCODE_BASE_URL": "https://proxy.example/v1",
        "WCODE_HEADERS": '{"X-Token": "t"}',
        "DASHSCOPE_API_KEY": ONE,
    }
    settings = Settings(environ=environ)
    assert settings.endpoint(settings.resolve({})).base_url.startswith("https://proxy")
    settings.set("provider", "dashscope")
    endpoint = settings.endpoint(settings.resolve({}))
    assert endpoint.base_url == "https://dashscope.aliyuncs.com/compatible-mode/v1"
    assert (endpoint.key, endpoint.headers) == (ONE, ())
    assert settings.resolve({}).layer("base_url") == "session"


def test_a_file_of_the_project_holds_keys_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest .env, from a folder below; the environment wins; it is re-read."""
    held = f"WCODE_BASE_URL=http://evil.example\nexport DEEPSEEK_API_KEY='{ONE}'\nA=1\n"
    (tmp_path / ".env").write_text(held, "utf-8")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    settings = Settings(session={"provider": "deepseek"})
    found = settings.found_key()
    assert found is not None
    assert (found.value, found.source, found.name) == (
        ONE,
        "env_file",
        "DEEPSEEK_API_KEY",
    )
    assert ONE not in repr(found) + repr(settings)
    assert Settings().resolve({})["base_url"] is None
    assert Settings().key() is None
    monkeypatch.setenv("DEEPSEEK_API_KEY", TWO)
    assert settings.key() == TWO
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    (tmp_path / "deep" / ".env").write_bytes(b"\xff\xfe=\x00")
    assert settings.key() is None


def test_the_usual_address_of_a_local_server_is_a_provider(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's key does not go there, but one that was written beside the address."""
    one, _two = pair
    row = replace(providers.named("llamacpp"), base_url=one.url)
    monkeypatch.setattr(providers, "PROVIDERS", (providers.PROVIDERS[0], row))
    with Session(base_url=one.url) as session:
        session.ask("a")
    with Session(base_url=one.url, api_key="sk-canary-given") as session:
        session.ask("b")
    monkeypatch.setenv("WCODE_BASE_URL", one.url)
    with Session() as session:
        session.ask("c")
    assert sent(one) == [None, "Bearer sk-canary-given", f"Bearer {OWN}"]
