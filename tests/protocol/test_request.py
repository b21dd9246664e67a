"""A request: only what is set, the same bytes each time, one hash."""

import json
import math
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.errors import ParameterError, UsageError
from wcode_magics.protocol.messages import Message, ToolCall
from wcode_magics.protocol.parameters import NAMES
from wcode_magics.protocol.request import Request

FUNCTION = {"type": "function", "function": {"name": "f"}}
SOME = {
    "temperature": 0,
    "top_p": 0.5,
    "top_k": 0,
    "min_p": 0.1,
    "top_a": 0.1,
    "seed": -1,
    "frequency_penalty": 0.0,
    "presence_penalty": -2,
    "repetition_penalty": 1.1,
    "max_tokens": 1,
    "stop": ["END"],
    "verbosity": "low",
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {"5": -1},
    "response_format": {"type": "json_object"},
    "structured_outputs": False,
    "tools": [FUNCTION],
    "tool_choice": "none",
    "parallel_tool_calls": False,
}
"""One value of each parameter, falsy where it can be."""


def ask(prompt: str = "你好", **params) -> Request:
    """A request of one message."""
    return Request("m", (Message("user", prompt),), params)


def test_the_smallest_request_is_the_services_minimal_body():
    """Nothing is sent that nobody set."""
    assert ask().body == {
        "model": "m",
        "messages": [{"role": "user", "content": "你好"}],
    }


def test_there_is_a_value_for_every_parameter_here():
    """No parameter escapes these tests."""
    assert set(SOME) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_parameter_is_sent_as_it_was_set(name):
    """0 and False are sent too, and nothing besides."""
    assert ask(**{name: SOME[name]}).body == {**ask().body, name: SOME[name]}


@pytest.mark.parametrize("name", NAMES)
def test_each_parameter_changes_the_hash(name):
    """No two requests that differ in a parameter share an answer."""
    assert ask(**{name: SOME[name]}).hash != ask().hash
    others = ask(**{n: v for n, v in SOME.items() if n != name})
    assert others.hash != ask(**SOME).hash


@pytest.mark.parametrize(
    "other",
    [
        replace(ask(), model="n"),
        ask("你好 "),
        replace(ask(), messages=(Message("system", "你好"),)),
        replace(ask(), messages=(Message("user", "你好", name="a"),)),
        replace(ask(), messages=(Message("user", "你好", tool_call_id="a"),)),
        replace(
            ask(), messages=(Message("user", "你好", (ToolCall("a", "f", "{}"),)),)
        ),
        replace(ask(), messages=(Message("user", "你好"), Message("user", "你好"))),
        replace(ask(), extra={"n": 1}),
        ask(temperature=0.1),
        ask(temperature=0.2),
    ],
    ids=range(10),
)
def test_each_field_changes_the_hash(other):
    """Model, roles, texts, calls, order and extras all count."""
    assert other.hash != ask().hash


def test_the_hash_is_the_same_for_ever():
    """A store that was written years ago still answers."""
    request = Request(
        "qwen/qwen-2.5-7b-instruct",
        (Message("system", "Be brief."), Message("user", "你好")),
        {"seed": 7, "temperature": 0.5, "stop": ["END"]},
        {"n": 1},
    )
    assert request.hash == (
        "f939035e7124006fc55a0d722fd687075f9a7c80e975396d22c283292468a43c"
    )


def test_the_order_of_setting_does_not_matter():
    """The same values make the same request."""
    one = Request("m", ask().messages, {"seed": 1, "top_k": 2}, {"a": 1, "b": 2})
    two = Request("m", ask().messages, {"top_k": 2, "seed": 1}, {"b": 2, "a": 1})
    assert one.hash == two.hash
    assert one == two


def test_a_whole_number_is_the_same_however_it_is_written():
    """``-t 1`` and ``temperature=1.0`` share one answer."""
    assert ask(temperature=1).hash == ask(temperature=1.0).hash
    assert ask(top_k=3).hash == ask(top_k=3.0).hash


@given(st.text().filter(str.strip))
def test_any_text_arrives_as_it_is(prompt):
    """The bytes are UTF-8 JSON that reads back to the prompt."""
    sent = json.loads(ask(prompt).content())
    assert sent["messages"][0]["content"] == prompt


@given(st.lists(st.text(), min_size=2, max_size=2).filter(lambda t: t[1].strip()))
def test_texts_in_a_shared_body_make_the_same_bytes(texts):
    """The rows of a table share what of their body is the same, and no byte changes."""
    base = (Message("system", "{{ a }}"), Message("user", "\0"))
    shared = Request("m", base, SOME, {"own": ["\0", "é"]}).with_texts(texts)
    anew = replace(shared, messages=(*map(Message, ["system", "user"], texts),))
    assert shared == anew
    assert shared.content() == anew.content()
    assert shared.hash == anew.hash
    assert pickle.loads(pickle.dumps(shared)).hash == anew.hash


@pytest.mark.parametrize(
    "base",
    [
        Request("m", (Message("user", "a", name="n"),)),
        Request("m", (Message("user", "a"),), extra={"own": "\0" + "0\0"}),
    ],
    ids=["more than a text", "its own mark"],
)
def test_a_body_that_cannot_be_shared_is_made_for_each(base):
    """A name beside the text, or a mark of our own."""
    made = base.with_texts(["b"])
    assert made == replace(base, messages=(replace(base.messages[0], content="b"),))
    assert json.loads(made.content())["messages"][0]["content"] == "b"


def test_what_is_not_json_is_an_error_of_each_row():
    """A body that cannot be encoded cannot be shared either."""
    base = Request("m", (Message("user", "a"),), extra={"own": math.nan})
    with pytest.raises(ParameterError):
        base.with_texts(["b"]).content()


@pytest.mark.parametrize("half", ["\ud800", "x\udfffy"])
def test_half_a_character_is_an_error_that_names_it(half):
    """UTF-8 cannot carry a lone surrogate, so nothing is sent."""
    with pytest.raises(UsageError, match=r"U\+D[89A-F]"):
        ask(half).content()
    with pytest.raises(UsageError):
        _ = ask(half).hash
    with pytest.raises(UsageError, match=r"U\+D[89A-F]"):
        ask().with_texts([half]).content()


def test_a_stream_asks_for_its_usage_unless_told_not_to():
    """Streaming changes neither the body nor the hash of a request."""
    request = ask(seed=1)
    streamed = json.loads(request.content(stream=True))
    assert streamed == {
        **request.body,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    plain = json.loads(request.content(stream=True, usage=False))
    assert plain == {**request.body, "stream": True}
    assert json.loads(request.content()) == request.body


def test_extras_go_as_they_are():
    """A parameter that the table does not know is sent unchecked."""
    extra = {"guided_json": {"a": None}, "best_of": 2}
    assert replace(ask(), extra=extra).body == {**ask().body, **extra}


@pytest.mark.parametrize("name", ["model", "messages", "stream", *NAMES])
def test_an_extra_cannot_overwrite_what_has_a_place(name):
    """What has a name of its own is set by that name."""
    with pytest.raises(ParameterError, match=rf"{name}.*use {name}= instead"):
        replace(ask(), extra={name: 1})


@pytest.mark.parametrize("value", [float("nan"), {1}, b"x", object()])
def test_an_extra_that_is_not_json_is_an_error(value):
    """What JSON cannot hold is told before it is sent."""
    with pytest.raises(ParameterError, match="JSON"):
        replace(ask(), extra={"x": value}).content()


@pytest.mark.parametrize("prompt", ["", " ", "\n\t "])
def test_an_empty_prompt_is_an_error(prompt):
    """Nobody pays for an empty cell."""
    with pytest.raises(UsageError, match="empty"):
        ask(prompt)
    with pytest.raises(UsageError):
        Request("m", ())


def test_a_request_with_other_messages_is_as_if_made_anew():
    """Nothing of the first one's text is left, and an empty one is an error."""
    first = ask("one", **SOME)
    said = (Message("system", "s"), Message("user", "二"))
    assert first.hash
    assert first.body
    other, anew = first.with_messages(said), Request("m", said, SOME)
    assert (other, other.hash, other.content()) == (anew, anew.hash, anew.content())
    assert first.hash != other.hash
    with pytest.raises(UsageError, match="empty"):
        first.with_messages((Message("user", " \n"),))


def test_wrong_parameters_never_become_a_request():
    """A request that exists is a request that may be sent."""
    with pytest.raises(ParameterError):
        ask(temperature=3)
    with pytest.raises(ParameterError):
        ask(temprature=1)


def test_a_request_reads_back_from_its_dict_and_its_pickle():
    """Store, worker and replay see the same request."""
    call = ToolCall("1", "f", "{}")
    messages = (Message("assistant", None, (call,)), Message("tool", "x", (), "1"))
    request = Request("m", messages, SOME, {"n": 1})
    assert Request.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert pickle.loads(pickle.dumps(request)) == request
    with pytest.raises(TypeError):
        Request.from_dict({**request.to_dict(), "what": 1})


def test_tool_calls_go_in_the_openai_form():
    """An assistant's call and its result are sent as the API has them."""
    call = Message("assistant", None, (ToolCall("1", "f", "{}"),))
    assert call.wire() == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "f", "arguments": "{}"},
            }
        ],
    }
    assert Message("tool", "4", tool_call_id="1").wire() == {
        "role": "tool",
        "content": "4",
        "tool_call_id": "1",
    }
