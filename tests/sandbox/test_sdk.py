"""The official SDK of OpenAI can use the sandbox."""

import json
from collections.abc import Iterator
from typing import Literal

import openai
import pytest
from pydantic import BaseModel

from tests.sandbox.wire import MODEL, WEATHER, user
from wcode_magics.sandbox import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    """A client of the sandbox."""
    with openai.OpenAI(base_url=sandbox.base_url, api_key="any", max_retries=0) as made:
        yield made


class Person(BaseModel):
    """What is to be extracted."""

    name: str
    age: int
    mood: Literal["happy", "sad"]


def test_sdk_gets_a_completion(client: openai.OpenAI) -> None:
    """A call returns text, logprobs and usage."""
    made = client.chat.completions.create(
        model=MODEL, messages=[user("你好")], logprobs=True, top_logprobs=2, seed=1
    )
    choice = made.choices[0]
    assert choice.message.content
    assert choice.logprobs
    assert choice.logprobs.content
    assert made.usage
    assert made.usage.completion_tokens == len(choice.logprobs.content)


def test_sdk_streams(client: openai.OpenAI) -> None:
    """A stream gives the same text in pieces, then the usage."""
    ask = {"model": MODEL, "messages": [user("What does seed do?")], "seed": 3}
    chunks = list(
        client.chat.completions.create(
            **ask, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    whole = client.chat.completions.create(**ask)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_sdk_calls_tools(client: openai.OpenAI) -> None:
    """A tool call can be answered and is then told in words."""
    messages = [user("What is the weather in Rome?")]
    first = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[WEATHER], temperature=0
    )
    message = first.choices[0].message
    assert message.tool_calls
    call = message.tool_calls[0]
    assert json.loads(call.function.arguments)["city"] == "Rome"
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    second = client.chat.completions.create(
        model=MODEL,
        messages=[*messages, message, result],
        tools=[WEATHER],
        temperature=0,
    )
    assert "sunny" in str(second.choices[0].message.content)


def test_sdk_parses_a_model(client: openai.OpenAI) -> None:
    """A pydantic model is filled in."""
    made = client.chat.completions.parse(
        model=MODEL,
        messages=[user("Extract: Bob is 40 years old and very happy")],
        response_format=Person,
        temperature=0,
    )
    assert made.choices[0].message.parsed == Person(name="Bob", age=40, mood="happy")


def test_sdk_knows_the_errors(client: openai.OpenAI) -> None:
    """Errors become the SDK's own classes, with code and parameter."""
    ask = {"messages": [user("hi")]}
    with pytest.raises(openai.NotFoundError, match="gpt-9"):
        client.chat.completions.create(model="gpt-9", **ask)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, temperature=3, **ask)
    assert caught.value.param == "temperature"
    with (
        Sandbox(key="right") as closed,
        openai.OpenAI(
            base_url=closed.base_url, api_key="wrong", max_retries=0
        ) as other,
        pytest.raises(openai.AuthenticationError),
    ):
        other.models.list()


def test_sdk_lists_the_model(client: openai.OpenAI) -> None:
    """The list of models has the sandbox."""
    assert [model.id for model in client.models.list()] == [MODEL]
