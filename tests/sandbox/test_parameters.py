"""Each of the twenty parameters has its effect."""

import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.sandbox.wire import CLOCK, WEATHER, Wire, schema
from wcode_magics.protocol.parameters import NAMES
from wcode_magics.sandbox import library, model, plan, tokenizer
from wcode_magics.sandbox.distribution import Distribution
from wcode_magics.sandbox.request_body import read
from wcode_magics.sandbox.sampler import Sampler, Sampling

ASK = "What does temperature do?"
STORY = "Write a long story"
Chat = Callable[..., Any]


def variety(chat: Chat, count: int = 12, **more: Any) -> int:
    """Return how many different answers so many seeds give."""
    return len({chat(ASK, seed=i, **more).text for i in range(count)})


def start() -> tuple[Distribution, np.ndarray]:
    """The distribution of the first token of an answer, and its numbers by token."""
    body = {"model": "wcode-sandbox", "messages": [{"role": "user", "content": ASK}]}
    ask = read(json.dumps(body).encode(), tokenizer.load().size)
    probs = model.Decoder(model.load(), plan.drafts(ask)).predict()
    return probs, np.array([probs[token] for token in range(len(probs.groups))])


def drawn(probs: Distribution, count: int = 400, **settings: Any) -> Counter[int]:
    """Tokens that are drawn first, over many seeds."""
    return Counter(
        Sampler(Sampling(seed=seed, **settings), []).draw(probs)
        for seed in range(count)
    )


def test_temperature(chat: Chat) -> None:
    """0 always takes the best, higher values draw more different tokens."""
    assert variety(chat, temperature=0) == 1
    assert variety(chat, temperature=1) > 1
    probs, _ = start()
    assert len(drawn(probs, temperature=2.0)) > len(drawn(probs, temperature=0.5))


def test_top_p(chat: Chat) -> None:
    """Only the smallest set whose probabilities reach p is drawn from."""
    assert variety(chat, top_p=0) == 1
    probs, dense = start()
    order = dense.argsort()[::-1]
    sums = dense[order].cumsum()
    kept = set(order[: int((sums < 0.6).sum()) + 1].tolist())
    assert set(drawn(probs, top_p=0.6)) == kept


def test_top_k(chat: Chat) -> None:
    """Only the k likeliest tokens are drawn; 1 is greedy."""
    assert variety(chat, top_k=1) == 1
    probs, dense = start()
    assert set(drawn(probs, top_k=3)) <= set(dense.argsort()[-3:].tolist())


def repeats(chat: Chat, **more: Any) -> int:
    """Return how often "spam" is repeated over some seeds."""
    ask = "Repeat: " + "spam " * 12
    said = (chat(ask, seed=i, max_tokens=40, **more).text for i in range(15))
    return sum(text.count("spam") for text in said)


def test_frequency_penalty(chat: Chat) -> None:
    """Words that occur often become rarer."""
    assert repeats(chat, frequency_penalty=2) < 0.7 * repeats(chat)


def test_presence_penalty(chat: Chat) -> None:
    """Words that have occurred become rarer."""
    assert repeats(chat, presence_penalty=2) < repeats(chat)


def test_repetition_penalty(chat: Chat) -> None:
    """The higher it is, the fewer repeats of the prompt."""
    counts = [repeats(chat, repetition_penalty=r) for r in (2.0, 1.5, 1.0)]
    assert counts[0] < counts[1] <= counts[2]


def test_min_p(chat: Chat) -> None:
    """Nothing below the fraction of the best probability is drawn."""
    assert variety(chat, min_p=1) == 1
    probs, dense = start()
    kept = set((dense >= 0.2 * dense.max()).nonzero()[0].tolist())
    assert set(drawn(probs, min_p=0.2, temperature=1.0)) <= kept


def test_top_a(chat: Chat) -> None:
    """Nothing below a times the best probability squared is drawn."""
    probs, dense = start()
    kept = set((dense >= 0.5 * dense.max() ** 2).nonzero()[0].tolist())
    assert set(drawn(probs, top_a=0.5)) <= kept
    assert len(drawn(probs, temperature=2.0)) > len(
        drawn(probs, temperature=2.0, top_a=1)
    )
    assert chat(ASK, top_a=1, seed=1).finish == "stop"


def test_seed(chat: Chat) -> None:
    """The same seed gives the same sample, no seed gives many."""
    assert len({chat(ASK, seed=-7).text for _ in range(4)}) == 1
    assert len({chat(ASK).text for _ in range(12)}) > 1


def test_max_tokens(chat: Chat) -> None:
    """The answer is cut after so many tokens, and says so."""
    cut = chat(ASK, max_tokens=3, temperature=0)
    assert (cut.finish, cut.body["usage"]["completion_tokens"]) == ("length", 3)


def test_logit_bias(chat: Chat, wire: Wire) -> None:
    """-100 bans a token, 100 forces it."""
    question = "Is this review positive or negative? I love it"
    (liked,), (hated,) = wire.ids("positive"), wire.ids("negative")
    assert chat(question, temperature=0).text == "positive"
    banned = chat(question, temperature=0, logit_bias={str(liked): -100})
    assert banned.text != "positive"
    forced = {str(hated): 100}
    made = chat(question, max_tokens=2, temperature=0, logit_bias=forced)
    assert made.text == "negativenegative"


def test_logprobs(chat: Chat) -> None:
    """Each token has its log probability; the bytes add up to the text."""
    answer = chat(ASK, logprobs=True, seed=1)
    assert b"".join(bytes(t["bytes"]) for t in answer.tokens).decode() == answer.text
    assert all(t["logprob"] <= 0 and t["top_logprobs"] == [] for t in answer.tokens)
    assert chat(ASK).choice["logprobs"] is None


def test_top_logprobs(chat: Chat) -> None:
    """So many alternatives are shown, best first."""
    for token in chat(ASK, logprobs=True, top_logprobs=5, temperature=0).tokens:
        shown = [entry["logprob"] for entry in token["top_logprobs"]]
        assert len(shown) == 5
        assert shown == sorted(shown, reverse=True)
        assert shown[0] == token["logprob"]


def test_response_format(chat: Chat) -> None:
    """JSON mode gives an object with values of the prompt."""
    answer = chat("A JSON object, keys name, age: Bob is 40 years old", seed=1,
                  response_format={"type": "json_object"})  # fmt: skip
    assert json.loads(answer.text) == {"name": "Bob", "age": 40}


def test_structured_outputs(chat: Chat) -> None:
    """A schema is followed unless the flag forbids it."""
    form = schema(mood={"enum": ["happy", "sad"]})
    for allowed in (None, True):
        answer = chat("I am happy", response_format=form, structured_outputs=allowed,
                      seed=1)  # fmt: skip
        assert json.loads(answer.text)["mood"] in {"happy", "sad"}
    refused = chat("I am happy", response_format=form, structured_outputs=False)
    assert (refused.status, refused.error["param"]) == (400, "structured_outputs")


def test_stop(chat: Chat) -> None:
    """The text ends before the first stop string."""
    whole = chat(ASK, temperature=0).text
    cut = chat(ASK, temperature=0, stop=["randomness", "next", ":"])
    assert cut.finish == "stop"
    assert whole.startswith(cut.text)
    assert len(cut.text) < len(whole)
    assert not any(word in cut.text for word in ("randomness", "next", ":"))


def test_tools(chat: Chat) -> None:
    """A fitting tool is called, a greeting is answered in words."""
    answer = chat("What is the weather in Paris?", tools=[WEATHER], seed=1)
    (call,) = answer.choice["message"]["tool_calls"]
    assert answer.finish == "tool_calls"
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    greeted = chat("hello", tools=[WEATHER], seed=1)
    assert "tool_calls" not in greeted.choice["message"]


def test_tool_choice(chat: Chat) -> None:
    """None, required and named tools are obeyed."""
    both = [WEATHER, CLOCK]
    named = {"type": "function", "function": {"name": "get_time"}}
    for choice, name in (("none", None), ("required", "get_"), (named, "get_time")):
        made = chat("hello", tools=both, tool_choice=choice, seed=1)
        message = made.choice["message"]
        calls = message.get("tool_calls") or []
        assert [c["function"]["name"].startswith(name) for c in calls] == [True] * (
            name is not None
        )


def test_parallel_tool_calls(chat: Chat) -> None:
    """Two places give two calls, or one if they may not be parallel."""
    for allowed, count in ((True, 2), (False, 1)):
        answer = chat("The weather in Paris and in Rome?", tools=[WEATHER], seed=1,
                      parallel_tool_calls=allowed)  # fmt: skip
        assert len(answer.choice["message"]["tool_calls"]) == count


def test_verbosity(chat: Chat) -> None:
    """Each level is clearly longer than the one before."""
    lengths = [
        sum(len(chat(ASK, verbosity=level, seed=i).text) for i in range(5))
        for level in ("low", "medium", "high")
    ]
    assert lengths[0] < 0.7 * lengths[1] < 0.7 * lengths[2]


def test_no_parameter_is_left_out() -> None:
    """Every parameter of the table is tested here, and the sandbox can explain it."""
    assert len(NAMES) == 20
    assert {f"test_{name}" for name in NAMES} <= globals().keys()
    asked = {q for pair in library.pairs() for q in pair.questions}
    assert {f"what does {name} do?" for name in NAMES} <= asked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 2.1), ("temperature", "hot"), ("temperature", True),
        ("top_p", -0.1), ("top_k", -1), ("top_k", 1.5), ("frequency_penalty", 3),
        ("presence_penalty", -3), ("repetition_penalty", 2.5), ("min_p", 2),
        ("top_a", math.inf), ("seed", "x"), ("max_tokens", 0), ("logprobs", "yes"),
        ("top_logprobs", 21), ("logit_bias", {"-1": 1}), ("logit_bias", {"1": 101}),
        ("logit_bias", {"999999": 1}), ("stop", [1]), ("stop", ["a"] * 17),
        ("response_format", "json"), ("response_format", {"type": "xml"}),
        ("structured_outputs", 1), ("tools", {}), ("tools", [{}]),
        ("tool_choice", "maybe"), ("parallel_tool_calls", "no"),
        ("verbosity", "huge"), ("n", 2), ("stream", 1), ("messages", []),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_name(field: str, value: Any, chat: Chat) -> None:
    """A value of the wrong type or out of range is a 400 that names its field."""
    refused = chat(ASK, **{"logprobs": True, field: value})
    assert refused.status == 400
    assert refused.error["type"] == "invalid_request_error"
    assert refused.error["param"] == field
    assert field in refused.error["message"]
