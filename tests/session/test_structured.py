"""Answers of a wanted form, against a real server."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, TypedDict

import pytest
from pydantic import BaseModel

from tests.loopback import Loopback, completion, streamed
from wcode_magics.errors import AnswerError, OptionError, UsageError
from wcode_magics.session.session import Session


class City(BaseModel):
    """A place."""

    name: str
    people: int


class Mood(Enum):
    """How it feels."""

    GOOD = "good"
    BAD = "bad"


class Pair(TypedDict):
    """Two things."""

    a: int


FORMS: list[tuple[Any, str, Any]] = [
    (City, '{"name": "Rome", "people": 3}', City(name="Rome", people=3)),
    (list[int], "[1, 2]", [1, 2]),
    (Mood, '"good"', Mood.GOOD),
    (Literal["x", "y"], '"x"', "x"),
    (Pair, '{"a": 1}', {"a": 1}),
    ({"a": "int"}, '```json\n{"a": 1}\n```', {"a": 1}),
    (
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        '{"a": 1}',
        {"a": 1},
    ),
]


def ask(loopback: Callable[..., Loopback], *answers: Any) -> tuple[Session, Loopback]:
    """A session and the server it asks."""
    server = loopback(*answers)
    return Session(base_url=server.url, retries=0), server


@pytest.mark.parametrize(("schema", "text", "value"), FORMS)
def test_parsed_is_the_value(
    schema: Any, text: str, value: Any, loopback: Callable[..., Loopback]
) -> None:
    """Every form of schema is sent, and read back as what it says."""
    session, server = ask(loopback, completion(text))
    reply = session.ask("x", schema=schema)
    assert reply.parsed == value
    assert type(reply.parsed) is type(value)
    assert reply.text == text
    assert session.last is not None
    assert session.last.parsed == value
    assert server.seen[0].body["response_format"]["type"] == "json_schema"


def test_streams_are_read_at_their_end(loopback: Callable[..., Loopback]) -> None:
    """A streamed answer has its value as well."""
    session, _server = ask(loopback, streamed('{"name": "Ro', 'me", "people": 3}'))
    with session.stream("x", schema=City) as stream:
        list(stream)
    assert stream.reply.parsed == City(name="Rome", people=3)


def test_json_mode(loopback: Callable[..., Loopback]) -> None:
    """json=True asks for JSON mode and reads the answer."""
    session, server = ask(loopback, completion('{"a": [1]}'))
    assert session.ask("JSON", json=True).parsed == {"a": [1]}
    assert server.seen[0].body["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": "Rome", "people": "many"}', r"\$\.people"),
        ('{"name": "Rome"}', r"\$\.people"),
        ("Rome, of course", "not JSON"),
    ],
)
def test_a_misfit_keeps_its_text_and_names_the_path(
    text: str, words: str, loopback: Callable[..., Loopback]
) -> None:
    """The error tells where it fails; the reply hangs off it and is in the history."""
    session, _server = ask(loopback, completion(text))
    with pytest.raises(AnswerError, match=words) as failure:
        session.ask("x", schema=City)
    assert failure.value.reply is not None
    assert failure.value.reply.text == text
    assert session.last is not None
    assert session.last.text == text


def test_repair_asks_once_more_with_the_error(
    loopback: Callable[..., Loopback],
) -> None:
    """The answer and what was wrong with it go back, with the same schema."""
    good = '{"name": "Rome", "people": 3}'
    session, server = ask(loopback, completion('{"name": "Rome"}'), completion(good))
    prepared = session.prepare("x", schema=City)
    with pytest.raises(AnswerError) as failure:
        session.ask(prepared)
    reply = failure.value.reply
    assert reply is not None
    again = session.ask(session.repair(prepared, reply))
    assert again.parsed == City(name="Rome", people=3)
    _user, answer, wrong = server.seen[1].body["messages"]
    assert answer == {"role": "assistant", "content": '{"name": "Rome"}'}
    assert "$.people" in wrong["content"]
    assert server.seen[1].body["response_format"]["type"] == "json_schema"
    with pytest.raises(UsageError, match="nothing to repair"):
        session.repair(prepared, again)
    with pytest.raises(UsageError, match="nothing to repair"):
        session.repair(session.prepare("x"), again)


def test_two_forms_exclude_each_other() -> None:
    """Only one of schema, json and response_format may be given."""
    session = Session()
    with pytest.raises(OptionError, match=r"schema and json"):
        session.prepare("x", schema=City, json=True)
    with pytest.raises(OptionError, match=r"json and response_format"):
        session.prepare("x", json=True, response_format={"type": "text"})


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"schema": City}, "think=False"),
        ({"json": True}, "think=False"),
        ({"schema": City, "param": [("reasoning_effort", "none")]}, "Ask once more."),
        ({"param": [("enable_thinking", False)], "json": True}, "Ask once more."),
    ],
)
def test_who_asked_for_json_is_not_told_to_ask(
    given: dict[str, Any], hint: str, loopback: Callable[..., Loopback]
) -> None:
    """The hint is what may help: to ask once more, or to let the model not think."""
    session, _server = ask(loopback, completion("I think it is Rome."))
    with session, pytest.raises(AnswerError) as caught:
        session.ask("json?", **given)
    assert "schema" not in str(caught.value)
    assert "json=" not in str(caught.value)
    assert hint in str(caught.value)
    sent = "param" in given
    assert ("think=False" in str(caught.value)) != sent


def test_a_pattern_that_is_not_sent_is_told(
    loopback: Callable[..., Loopback],
) -> None:
    """The request goes without it, and the note names it."""
    session, _server = ask(loopback)
    kind = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "(?!x)"}},
    }
    with session:
        ready = session.prepare("hi", schema=kind)
    assert ("patterns_held", {"patterns": "(?!x)"}) in ready.advice
