"""One payload: every field by its type and limits, and the text whatever comes."""

import math

import pytest

from wcode_magics.protocol.event_decoder import NoAnswerError, delta_of
from wcode_magics.protocol.messages import Usage


def read(said=None, *, inner="message", usage=None, **choice):
    """The delta of an answer with one choice."""
    body = {"choices": [{inner: {"content": "hi"} if said is None else said, **choice}]}
    return delta_of({**body, "usage": usage} if usage is not None else body, inner)


CONTENTS = {
    "text": ("hi", "hi"),
    "nothing": (None, ""),
    "parts": ([{"type": "text", "text": "h"}, "i"], "hi"),
    "an object, as JSON mode": ({"a": "甲"}, '{"a": "甲"}'),
    "a number": (5, "5"),
    "no part": ([1, {"type": "text", "text": "hi"}, None], "hi"),
}


@pytest.mark.parametrize(("content", "text"), CONTENTS.values(), ids=CONTENTS)
def test_text_is_kept_in_whatever_form_it_comes(content, text):
    """It is what was paid for."""
    assert read({"content": content}).text == text


@pytest.mark.parametrize(
    "choice",
    [
        {"message": "hi"},
        {"text": "hi"},
        {"delta": {"content": "hi"}},
        {"message": {"content": "hi"}, "index": "0"},
    ],
)
def test_the_text_is_found_where_servers_put_it(choice):
    """A bare message, the old form, a chunk in place of an answer."""
    assert delta_of({"choices": [choice]}, "message").text == "hi"


REASONING = {
    "DeepSeek": ({"reasoning_content": "hm"}, "reasoning_content"),
    "OpenRouter": ({"reasoning": "hm", "reasoning_details": [{"text": "hm"}]},
                   "reasoning"),
    "details alone": ({"reasoning_details": [{"type": "x", "summary": "hm"}]}, None),
    "parts": ({"content": [{"type": "thinking", "thinking": [{"text": "hm"}]},
                           {"type": "text", "text": "hi"}]}, None),
}  # fmt: skip


@pytest.mark.parametrize(("said", "field"), REASONING.values(), ids=REASONING)
def test_thinking_is_read_from_its_own_field(said, field):
    """With the name under which it must go back."""
    delta = read({"content": "hi", **said})
    assert (delta.text, delta.reasoning, delta.reasoning_field) == ("hi", "hm", field)


USAGES = {
    "OpenAI": ({"prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 3}},
               Usage(5, 4, 2, 3)),
    "DeepSeek": ({"prompt_cache_hit_tokens": 2}, Usage(5, 4, 2)),
    "OpenRouter": ({"cost": 0.01, "reasoning_tokens": 0}, Usage(5, 4, None, 0, 0.01)),
    "details null": ({"prompt_tokens_details": None, "cost": None}, Usage(5, 4)),
    "odd details": ({"prompt_tokens_details": 7, "cost": "free"}, Usage(5, 4)),
    "cost below 0": ({"cost": -1}, Usage(5, 4)),
    "cost no number": ({"cost": math.nan}, Usage(5, 4)),
}  # fmt: skip


@pytest.mark.parametrize(("more", "usage"), USAGES.values(), ids=USAGES)
def test_usage_is_read_in_full(more, usage):
    """Cached and thinking tokens, and what was charged; unknown is None, 0 is 0."""
    counts = {"prompt_tokens": 5, "completion_tokens": 4}
    assert read(usage={**counts, **more}).usage == usage


MALFORMED = {
    "usage": {"usage": [1]},
    "counts": {"usage": {"prompt_tokens": "many", "completion_tokens": -1}},
    "logprobs": {"logprobs": "yes"},
    "a list of nothing": {"logprobs": {"content": ["a", 1, None]}},
    "bytes as a number": {
        "logprobs": {"content": [{"token": "a", "logprob": -1, "bytes": 50_000_000}]}
    },
    "bytes out of range": {
        "logprobs": {"content": [{"token": "a", "logprob": -1, "bytes": [-1, 999]}]}
    },
    "no number": {"logprobs": {"content": [{"token": "a", "logprob": math.nan}]}},
    "endless": {"logprobs": {"content": [{"token": "a", "logprob": math.inf}]}},
    "far too likely": {"logprobs": {"content": [{"token": "a", "logprob": 5}]}},
    "in words": {"logprobs": {"content": [{"token": "a", "logprob": "x"}]}},
    "alternatives": {
        "logprobs": {
            "content": [{"token": "a", "logprob": -1, "top_logprobs": [{"logprob": -1},
                        {"token": "b", "logprob": math.nan}, 7]}]
        }
    },
    "finish reason": {"finish_reason": ["stop"]},
}  # fmt: skip


@pytest.mark.parametrize("more", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_beside_the_text_costs_itself_alone(more):
    """The text stands, and what was left out is named."""
    delta = read(**more)
    assert delta.text == "hi"
    assert len(delta.unread) == 1
    for token in delta.tokens:
        assert token.logprob <= 0
        assert not any(math.isnan(other.logprob) for other in token.top)


@pytest.mark.parametrize("wrong", [math.nan, None, 5.0, "x"])
def test_a_token_without_a_number_has_that_of_its_own_alternative(wrong):
    """Else a label that was chosen would count as impossible, and another as sure."""
    top = [{"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.4}]
    entry = {"token": "yes", "logprob": wrong, "top_logprobs": top}
    (token,) = read(logprobs={"content": [entry]}).tokens
    assert (token.token, token.logprob) == ("yes", -0.1)
    (alone,) = read(logprobs={"content": [{**entry, "top_logprobs": top[1:]}]}).tokens
    assert alone.logprob == -math.inf


def test_log_probabilities_of_the_old_form_are_read():
    """``{tokens, token_logprobs, top_logprobs}``, with null for the first."""
    old = {
        "tokens": ["Hi", "!"],
        "token_logprobs": [-0.1, None],
        "top_logprobs": [{"Hi": -0.1, "Ho": -2.3}, None],
        "text_offset": [0, 2],
    }
    first, last = read(logprobs=old).tokens
    assert (first.token, first.logprob) == ("Hi", -0.1)
    assert [(top.token, top.logprob) for top in first.top] == [
        ("Hi", -0.1),
        ("Ho", -2.3),
    ]
    assert (last.token, last.logprob, last.top) == ("!", -math.inf, ())


@pytest.mark.parametrize(
    "said",
    [
        {"function_call": {"name": "f", "arguments": "{}"}},
        {"tool_calls": [{"name": "f", "arguments": {}}]},
        {"tool_calls": [None, {"function": {"name": "f", "arguments": "{}"}}]},
    ],
)
def test_calls_of_older_and_odd_forms_are_read(said):
    """The legacy field, one that is not wrapped, one beside nothing."""
    (piece,) = read({"content": None, **said}).calls
    assert (piece.name, piece.arguments) == ("f", "{}")


@pytest.mark.parametrize("payload", [1, "x", [], {"choices": 5}, {"choices": "abc"},
                                     {"choices": {"a": 1}},
                                     {"choices": [{"message": 5}]}])  # fmt: skip
def test_what_is_no_answer_is_told(payload):
    """The form of the API is what makes an answer."""
    with pytest.raises(NoAnswerError):
        delta_of(payload, "message")
