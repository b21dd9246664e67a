"""Going on from a beginning, in the dialect of each provider."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.loopback import Answer, Loopback, completion
from tests.tables.asking import logprob
from wcode_magics import Session
from wcode_magics.errors import BudgetError, RejectedError, UsageError
from wcode_magics.protocol import providers
from wcode_magics.protocol.prefixes import PREFIXES
from wcode_magics.protocol.probe import Finding, Probe

Make = Callable[..., Loopback]
BODIES = {name: dict(prefix.body) for name, prefix in PREFIXES.items()}


def probed(session: Session, model: str, way: str) -> None:
    """Keep a probe that found this way to go on from a beginning."""
    resolved = session.settings.resolve({})
    seen = (Finding("stop", "obeyed", "stop"),)
    made = Probe(model, resolved.place, 0.0, seen, {"prefix": way})
    session.pool.keep_probe(made, resolved)


def cut(text: str) -> Answer:
    """An answer that max_tokens cut off."""
    return completion(text, finish_reason="length")


@pytest.mark.parametrize(
    ("provider", "flags", "body"),
    [
        (None, {}, BODIES["continue"]),
        ("vllm", {}, BODIES["continue"]),
        ("dashscope", {"partial": True}, {}),
        ("moonshot", {"partial": True}, {}),
        ("deepseek", {"prefix": True}, {}),
        ("siliconflow", None, {}),
        ("llamacpp", {}, {}),
        ("openrouter", {}, {}),
    ],
)
def test_each_provider_goes_on_in_its_dialect(
    loopback: Make, provider: str | None, flags: dict | None, body: dict
) -> None:
    """Twice: the beginning takes the place of the former one, and no more is sent."""
    server = loopback(cut("one"), cut(" two"), completion(" three"))
    with Session(provider=provider, base_url=server.url) as session:
        session.ask("count")
        session.ask(session.go_on())
        reply = session.ask(session.go_on())
    assert reply.text == "one two three"
    for seen, said in zip(server.seen[1:], ("one", "one two"), strict=True):
        sent = seen.body
        begun = sent.pop("messages")[1:]
        if flags is None:
            assert (begun, sent.pop("prefix")) == ([], said)
        else:
            assert begun == [{"role": "assistant", "content": said, **flags}]
        assert {**sent, "model": "m"} == {"model": "m", **body}


def test_deepseek_goes_on_at_its_other_address(
    loopback: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same key and price, as it is the same host; at no other host.

    A budget that the call names holds there, too.
    """
    server, beta = loopback(cut("one")), loopback(completion(" two"))
    row = replace(
        providers.named("deepseek"),
        base_url=server.url,
        prefix_url=f"{server.url}/../beta",
    )
    monkeypatch.setattr(providers, "PROVIDERS", (providers.PROVIDERS[0], row))
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-canary-of-deepseek")
    with Session(provider="deepseek") as session:
        session.ask("count")
        ready = session.go_on()
        assert ready.resolved.place == row.prefix_url
        assert session.endpoint(ready.resolved).key == "sk-canary-of-deepseek"
        session.settings.set("model", "mine")
        session.settings.set("price", "$1/2")
        session.ask("count")
        reply = session.ask(session.go_on(budget=0.5, max_tokens=9))
        assert (reply.base_url, reply.currency) == (row.prefix_url, "USD")
        assert reply.cost == pytest.approx(20e-6)
        sent = len(server.seen)
        with pytest.raises(BudgetError, match=r"\$0\.0001 ends"):
            session.ask(session.go_on(budget=0.0001, max_tokens=90))
        assert len(server.seen) == sent
        session.settings.set("base_url", beta.url)
        assert session.go_on().resolved.place == beta.url


def test_what_refuses_a_beginning_is_told_in_one_line(loopback: Make) -> None:
    """The line names the setting that knows the dialects."""
    body = b'{"detail":[{"loc":["body","continue_final_message"],"msg":"extra"}]}'
    server = loopback(cut("one"), Answer([body], 422))
    with Session(base_url=server.url) as session:
        session.ask("count")
        with pytest.raises(RejectedError, match=r"partial answer.*provider=") as told:
            session.ask(session.go_on())
    assert "\n" not in str(told.value)


def test_the_tree_is_refused_in_the_same_line(loopback: Make) -> None:
    """Where a beginning is refused, or a probe found no way, no tree can grow."""
    tokens = {"content": [logprob("Yes", ("Yes", -0.5), ("No", -1.0))]}
    body = b'{"error": {"message": "last message must be user"}}'
    server = loopback(
        lambda seen: (
            Answer([body], 400)
            if seen.body["messages"][-1]["role"] == "assistant"
            else completion("Yes", logprobs=tokens)
        )
    )
    with Session(base_url=server.url) as session:
        reply = session.ask("Is it?", logprobs=True)
        with pytest.raises(RejectedError, match=r"partial answer.*provider="):
            session.tree(reply)
        probed(session, reply.request.model, "none")
        sent = len(server.seen)
        with pytest.raises(UsageError, match="starts anew"):
            session.tree(reply)
    assert len(server.seen) == sent


def test_what_was_measured_counts_for_its_model_alone(loopback: Make) -> None:
    """The dialect is that of the model which answered, not of the session's."""
    server = loopback(cut("one"), completion(" two"))
    with Session(base_url=server.url, model="b") as session:
        for model, way in (("a", "partial"), ("b", "prefix")):
            probed(session, model, way)
        session.ask("count", model="a")
        session.ask(session.go_on())
    last = server.seen[1].body["messages"][-1]
    assert last == {"role": "assistant", "content": "one", "partial": True}
