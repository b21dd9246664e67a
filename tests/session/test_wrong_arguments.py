"""Arguments of a wrong kind: one line, and nothing is sent."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

import wcode_magics
from tests.loopback import Loopback, completion
from wcode_magics import text
from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.evaluation.threshold import Threshold
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor

REPLY = Reply("hi", Request("m", (Message("user", "hi"),)), "m")
FRAME = pd.DataFrame({"t": ["hi there", "hello"]})
ASKING: dict[str, Callable[..., Any]] = {
    "ask": lambda s, prompt, **more: s.ask(prompt, **more),
    "stream": lambda s, prompt, **more: list(s.stream(prompt, **more)),
    "prepare": lambda s, prompt, **more: s.prepare(prompt, **more),
    "run_tools": lambda s, prompt, **more: s.run_tools(prompt, [tool], **more),
    "repeat": lambda s, prompt, **more: s.repeat(prompt, 2, **more),
    "sweep": lambda s, prompt, **more: s.sweep(prompt, {"seed": [1]}, **more),
    "chat.ask": lambda s, prompt, **more: s.chat("c").ask(prompt, **more),
    "chat.stream": lambda s, prompt, **more: list(s.chat("c").stream(prompt, **more)),
    "aio.ask": lambda s, prompt, **more: run(s.aio.ask, prompt, **more),
    "aio.repeat": lambda s, prompt, **more: run(s.aio.repeat, prompt, 2, **more),
    "aio.chat.ask": lambda s, prompt, **more: run(s.aio.chat("c").ask, prompt, **more),
}
"""Every public way of sending a prompt."""
OF_CELLS = {
    "dry_run": (True, "session.prepare"),
    "repeat": (3, "session.repeat"),
    "sweep": ({"seed": [1]}, "session.sweep"),
    "models": (["a"], "session.sweep"),
    "chat": ("c", "session.chat"),
    "out": ("x", ""),
    "frame": (FRAME, "df.wcode.ask"),
    "into": ("x", "df.wcode.ask"),
    "panel": (True, "wcode_magics.panel"),
    "code": (True, "reply.code_blocks"),
}
WRONG: dict[str, Callable[[Session], Any]] = {
    "a chat named None": lambda s: s.chat(None),  # type: ignore[arg-type]
    "a chat without a name": lambda s: s.aio.chat(""),
    "times as a word": lambda s: s.repeat("Hi", "two"),  # type: ignore[arg-type]
    "no times": lambda s: s.repeat("Hi", 0),
    "a list as grid": lambda s: s.sweep("Hi", ["seed"]),  # type: ignore[arg-type]
    "no functions": lambda s: s.run_tools("Hi", None),  # type: ignore[arg-type]
    "one function": lambda s: s.run_tools("Hi", len),  # type: ignore[arg-type]
    "a tree of text": lambda s: s.tree("x"),  # type: ignore[arg-type]
    "a continued text": lambda s: s.go_on("x"),  # type: ignore[arg-type]
    "mass as text": lambda s: s.tree(REPLY, mass="x"),
    "budget below 0": lambda s: s.tree(REPLY, budget=-1),
    "a path of 5": lambda _s: REPLY.confidence(5),  # type: ignore[call-overload]
    "no language": lambda _s: REPLY.code(None),  # type: ignore[arg-type]
    "no path": lambda s: s.store.export(None),  # type: ignore[arg-type]
    "compared texts": lambda _s: wcode_magics.compare("a", "b"),  # type: ignore[arg-type]
    "a threshold of 5": lambda _s: Threshold.apply(object(), 5),  # type: ignore[arg-type]
    "settings as text": lambda _s: Session("sk-canary-0123456789"),  # type: ignore[arg-type]
    "a param as text": lambda s: s.ask("hi", param="a=1"),
    "params as texts": lambda s: s.ask("hi", param=["a=1"]),
    "a param twice": lambda s: s.ask("hi", param=[("a", 1), ("a", 2)]),
    "names of 5": lambda s: s.ask("hi", names=5),  # type: ignore[arg-type]
    "a schema of 5": lambda s: s.ask("A", schema=5),
    "a list as schema": lambda s: s.ask("A", schema=[int]),
    "a field of 5": lambda s: s.ask("A", schema={"name": 5}),
    "an empty schema": lambda s: s.ask("A", schema={}),
    "a type's name as schema": lambda s: s.ask("A", schema="Person"),
    "a number as function": lambda s: s.ask("A", functions=[5]),
    "half of JSON": lambda s: s.ask("A", schema='{"name"'),
    "half a server": lambda _s: Session(concurrency=2.5),
    "half a retry": lambda _s: Session(retries=1.5),
}
ROWS: dict[str, Callable[[Any], Any]] = {
    "a prompt besides": lambda w: w.ask("{{ t }}", prompt="x"),
    "labels as a dict": lambda w: w.classify("{{ t }}", {"glad": "happy", "sad": ""}),
    "no schema": lambda w: w.extract("{{ t }}", None),
    "an empty schema": lambda w: w.extract("{{ t }}", {}),
    "a list as schema": lambda w: w.extract("{{ t }}", ["faulty"]),
    "a blank column": lambda w: w.ask("{{ t }}", into=" "),
    "a prefix of 5": lambda w: w.extract("{{ t }}", {"x": "int"}, prefix=5),
    "flat as text": lambda w: w.extract("{{ t }}", {"x": "int"}, flat="x"),
    "sure as text": lambda w: w.extract("{{ t }}", {"x": "int"}, confidence="y"),
    "exact as text": lambda w: w.classify("{{ t }}", ["a", "b"], exact="yes"),
    "details as text": lambda w: w.ask("{{ t }}", details="yes"),
    "progress as text": lambda w: w.ask("{{ t }}", progress="no"),
    "overwrite as text": lambda w: w.ask("{{ t }}", overwrite="x"),
}
PROSE = (
    *("pydantic-core", "arbitrary_types", "Traceback", "object at 0x"),
    *("%wcode", " --", "$Type", "$list"),
)


def tool(text: str) -> str:
    """Return the text."""
    return text


def run(method: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """Run a coroutine function to its end."""
    return asyncio.run(method(*given, **options))


@pytest.fixture
def endpoint(loopback: Callable[..., Loopback]) -> Iterator[tuple[Session, Loopback]]:
    """A session that counts what is sent, and serves ``df.wcode`` as well."""
    made = loopback(completion("{}"))
    with Session(base_url=made.url, api_key="k", retries=0) as session:
        accessor.register(session)
        yield session, made
    accessor.register()


def refused(call: Callable[[], Any]) -> str:
    """The one line of an error."""
    with pytest.raises(WcodeError) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    assert not any(word in line for word in PROSE)
    return line


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("name", OF_CELLS)
def test_options_of_cells_are_refused(endpoint, asking, name):
    """What a call would ignore is not paid for; the method that does it is named."""
    session, server = endpoint
    value, method = OF_CELLS[name]
    line = refused(lambda: ASKING[asking](session, "hi", **{name: value}))
    assert line.startswith(f"{name} is for a cell; leave it out.")
    assert method in line
    assert server.seen == []


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize(
    "prompt", [None, 5, ["Hi"], b"hi", {}, [{"role": 5}]], ids=repr
)
def test_what_is_no_prompt_is_refused(endpoint, asking, prompt):
    """A prompt is text or messages."""
    session, server = endpoint
    assert "role and content" in refused(lambda: ASKING[asking](session, prompt))
    assert server.seen == []


def test_messages_may_be_dicts(endpoint):
    """A list that OpenAI's client takes is taken here."""
    session, server = endpoint
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    session.ask(said)
    assert server.seen[0].body["messages"] == said


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_one_line(endpoint, case, language):
    """No traceback of internals, and nothing is sent."""
    session, server = endpoint
    text.use(language)
    refused(lambda: WRONG[case](session))
    assert server.seen == []


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("case", ROWS)
def test_wrong_arguments_of_tables_are_one_line(endpoint, case, language):
    """As for a session; the rows stay unsent."""
    text.use(language)
    refused(lambda: ROWS[case](FRAME.wcode))
    assert endpoint[1].seen == []


def test_no_status_is_no_retry(endpoint):
    """An empty list of statuses is refused; left out, it is the usual ones."""
    answered = FRAME.wcode.ask("{{ t }}", progress=False)
    sent = len(endpoint[1].seen)
    assert "[]" in refused(lambda: answered.wcode.retry([]))
    answered.wcode.retry(progress=False)
    assert len(endpoint[1].seen) == sent


def test_a_schema_may_be_json_text(loopback):
    """Names and types as in a cell."""
    server = loopback(completion('{"name": "Anna"}'))
    with Session(base_url=server.url, api_key="k") as session:
        reply = session.ask("Anna", schema='{"name": "str"}')
    assert reply.parsed == {"name": "Anna"}


@pytest.mark.parametrize("given", [{"a": 1}, [("a", 1)], [["a", 1]]], ids=repr)
def test_params_are_pairs_or_a_dict(endpoint, given):
    """A parameter that the table lacks is sent as it is."""
    session, server = endpoint
    session.ask("hi", param=given)
    assert server.seen[0].body["a"] == 1


def test_a_number_of_logprobs_sets_their_alternatives(endpoint):
    """``logprobs=5`` is ``-l 5``: on a call, in a session and for rows."""
    session, server = endpoint
    session.ask("hi", logprobs=5)
    FRAME.head(1).wcode.ask("{{ t }}", logprobs=5, progress=False)
    session.settings.set("logprobs", 5)
    session.ask("hi")
    bodies = [seen.body for seen in server.seen]
    assert [(b["logprobs"], b["top_logprobs"]) for b in bodies] == [(True, 5)] * 3
    with pytest.raises(UsageError, match="top_logprobs is 21"):
        session.ask("hi", logprobs=21)


@pytest.mark.parametrize(
    "key", ["a b", '"sk-canary-0123"', "Bearer sk-canary-0123", "k’"]
)
def test_what_can_be_no_key_is_not_sent(loopback, monkeypatch, key):
    """A key from the environment is held to the same rule as one that is given."""
    server = loopback(completion("hi"))
    monkeypatch.setenv("WCODE_API_KEY", key)
    with Session(base_url=server.url) as session:
        line = refused(lambda: session.ask("hi"))
    assert key not in line
    assert key not in refused(lambda: Session(api_key=key))
    assert server.seen == []
