"""Thinking: asked for in each provider's way, and kept apart from the answer."""

import json
import math
from collections.abc import Callable

import pandas as pd
import pytest

from tests.loopback import (
    DONE,
    USAGE,
    Answer,
    Loopback,
    Seen,
    completion,
    event,
    streamed,
)
from wcode_magics import Session
from wcode_magics.errors import OptionError, RejectedError, UsageError
from wcode_magics.protocol import models
from wcode_magics.protocol.models import Model, Price
from wcode_magics.tables import accessor

Make = Callable[..., Loopback]


@pytest.mark.parametrize(
    ("provider", "given", "fields"),
    [
        ("dashscope", {"think": False}, {"enable_thinking": False}),
        (
            "dashscope",
            {"think": True, "think_budget": 50},
            {"enable_thinking": True, "thinking_budget": 50},
        ),
        ("deepseek", {"think": True}, {"thinking": {"type": "enabled"}}),
        (
            "vllm",
            {"think": False},
            {"chat_template_kwargs": {"enable_thinking": False}},
        ),
        (
            "openrouter",
            {"think": True, "think_budget": 9},
            {"reasoning": {"enabled": True, "max_tokens": 9}},
        ),
        ("openrouter", {"think_budget": 9}, {"reasoning": {"max_tokens": 9}}),
        ("ollama", {"think": False}, {"reasoning_effort": "none"}),
        ("dashscope", {}, {}),
        (
            "dashscope",
            {"think": True, "param": [("enable_thinking", False)]},
            {"enable_thinking": False},
        ),
    ],
)
def test_each_provider_is_asked_in_its_way(provider, given, fields) -> None:
    """Only what was said is sent; what the person sends by hand comes first."""
    with Session(provider=provider) as session:
        assert session.prepare("hi", **given).request.extra == fields


def test_where_the_way_is_unknown_nothing_is_sent() -> None:
    """One line each, with what to do."""
    with Session(base_url="http://127.0.0.1:9/v1") as session:
        with pytest.raises(UsageError, match=r"127\.0\.0\.1:9.*provider=\"vllm\""):
            session.prepare("hi", think=True)
        session.settings.set("provider", "zhipu")
        with pytest.raises(UsageError, match=r"Zhipu.*think_budget"):
            session.prepare("hi", think_budget=10)
        session.settings.set("provider", "dashscope")
        with pytest.raises(OptionError, match="think=False"):
            session.prepare("hi", think=False, think_budget=10)


def test_the_sandbox_thinks() -> None:
    """Streamed and whole: apart from the answer, counted, within its budget."""
    given = {"model": "wcode-sandbox", "seed": 1, "replay": "off"}
    with Session() as session:
        whole = session.ask("What is 2+3?", think=True, logprobs=True, **given)
        plain = session.ask("What is 2+3?", think=False, logprobs=True, **given)
        stream = session.stream("What is 2+3?", think=True, **given)
        assert any(delta.reasoning for delta in stream)
        few = session.ask("What is 2+3?", think=True, think_budget=3, **given)
        cut = session.ask("What is 2+3?", think=True, max_tokens=3, **given)
        with pytest.raises(RejectedError, match="wcode-sandbox"):
            session.ask("hi", param=[("enable_thinking", True)])
    assert "2+3" in whole.reasoning
    assert "2+3" not in whole.text
    assert plain.reasoning is None
    assert stream.reply.reasoning
    assert whole.usage.reasoning_tokens > 0
    assert few.usage.reasoning_tokens == 3
    assert (cut.text, cut.finish_reason) == ("", "length")
    assert "".join(t.token for t in whole.tokens) == whole.text


def _entry(token: str, logprob: float) -> dict:
    return {"token": token, "logprob": logprob, "top_logprobs": []}


def _thought(*tokens: str, content: str, reasoning: str | None = "so") -> Answer:
    """An answer whose token list may include that of the thinking."""
    entries = [_entry(t, -0.1 if t == "yes" else -2.0) for t in tokens]
    message = {"role": "assistant", "content": content}
    choice = {
        "index": 0,
        "message": {**message, "reasoning_content": reasoning},
        "finish_reason": "stop",
        "logprobs": {"content": entries},
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 1_000}
    usage["completion_tokens_details"] = {"reasoning_tokens": 900}
    body = {"model": "m", "choices": [choice], "usage": usage}
    return Answer([json.dumps(body).encode()])


@pytest.mark.parametrize(
    ("answer", "thinking"),
    [
        (_thought("so", "</think>", "\n\n", "yes", content="yes"), 3),
        (_thought("yes", content="yes"), 0),
        (
            _thought(
                *("<think>", "\n\n", "</think>", "\n\n", "yes"),
                content="<think>\n\n</think>\n\nyes",
                reasoning=None,
            ),
            4,
        ),
        (
            _thought(
                *("<think>", "yes", "</think>", "yes"),
                content="<think>yes</think>yes",
                reasoning=None,
            ),
            3,
        ),
    ],
    ids=["sglang", "dashscope", "empty tags", "tags"],
)
def test_probabilities_are_of_the_answer_alone(
    loopback: Make, answer: Answer, thinking: int
) -> None:
    """Heat map, table, confidence and labels; those of the thinking are apart."""
    server = loopback(answer)
    models.learn(server.url, [Model("m", price=Price(1.0, 2.0))])
    with Session(base_url=server.url, model="m") as session:
        reply = session.ask("hi", logprobs=True)
    assert reply.text == "yes"
    assert [t.token for t in reply.tokens] == ["yes"]
    assert len(reply.logprobs.frame()) == 1
    assert reply.logprobs.sum == pytest.approx(-0.1)
    sure = reply.confidence(labels=["yes", "no"])
    assert sure.masses["yes"] == pytest.approx(math.exp(-0.1))
    assert len(reply.thinking_tokens) == thinking
    assert (reply.reasoning_logprobs is None) == (thinking == 0)
    assert reply.reasoning_cost == pytest.approx(900 * 2e-6)
    assert reply.cost == pytest.approx(10e-6 + 1_000 * 2e-6)
    again = type(reply).from_dict(reply.to_dict())
    assert again.thinking_tokens == reply.thinking_tokens


def test_a_model_that_thinks_by_default_gets_a_hint(
    loopback: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without streaming, and in tables; not once somebody said whether to think."""
    server = loopback(*[completion("x")] * 9)
    models.learn(server.url, [Model("m", thinks=True)])
    with Session(base_url=server.url, provider="dashscope", model="m") as session:
        keys = [key for key, _ in session.prepare("hi", stream=False).advice]
        assert keys == ["thinks"]
        assert not session.prepare("hi").advice
        assert not session.prepare("hi", stream=False, think=False).advice
        accessor.register(session)
        frame = pd.DataFrame({"a": ["x"]})
        frame.wcode.ask("{{ a }}")
        assert "m thinks before it answers; think=False" in capsys.readouterr().out
        assert "thinks" in str(frame.wcode.estimate("{{ a }}"))
        assert "thinks" not in str(frame.wcode.estimate("{{ a }}", think=False))
        accessor.register()


ONLY_IN_STREAMS = "parameter.enable_thinking must be set to false for non-streaming"


@pytest.mark.parametrize("think", [None, True])
def test_rows_of_a_model_that_thinks_in_streams_alone_are_streamed(
    loopback: Make, think: bool | None
) -> None:
    """As DashScope's open models: no choice is made for the person, no row fails."""

    def thinking(seen: Seen) -> Answer:
        if not seen.body.get("stream"):
            body = json.dumps({"error": {"message": f"{ONLY_IN_STREAMS} calls"}})
            return Answer([body.encode()], 400)
        parts = [event({"reasoning_content": "hm"}), event({"content": "yes"})]
        return Answer([*parts, event({}, "stop"), USAGE, DONE])

    server = loopback(thinking)
    with Session(base_url=server.url, provider="dashscope", replay="off") as session:
        accessor.register(session)
        frame = pd.DataFrame({"a": ["x", "y"]})
        answers = frame.wcode.ask("{{ a }}", progress=False, think=think)
        accessor.register()
        reply = session.ask("hi", think=think)
    assert answers["answer"].tolist() == ["yes", "yes"]
    assert answers["answer_status"].tolist() == ["ok", "ok"]
    assert (reply.text, reply.reasoning) == ("yes", "hm")
    asked = {seen.body.get("enable_thinking") for seen in server.seen}
    assert asked == {think}


def test_a_refused_choice_about_thinking_says_so_in_one_line(loopback: Make) -> None:
    """It names the options, and is sent once."""
    body = b'{"error":{"message":"parameter.enable_thinking must be set to false"}}'
    server = loopback(Answer([body], 400), streamed("x"))
    with (
        Session(base_url=server.url) as session,
        pytest.raises(RejectedError, match="think=True or think=False"),
    ):
        session.ask("hi")


@pytest.mark.parametrize("given", [{"think": True}, {"think_budget": 9}])
def test_a_model_known_not_to_think_is_refused_first(given) -> None:
    """Nothing is sent; the error names a model that thinks. Turning it off passes."""
    with Session() as session:
        with pytest.raises(
            UsageError, match=r"does not think.*wcode-sandbox"
        ) as caught:
            session.prepare("hi", **given)
        assert caught.value.key == "think.unable"
        assert session.prepare("hi", model="wcode-sandbox", **given).request.extra
        assert session.prepare("hi", think=False).request.extra
