"""Contexts: read where the server tells them, and kept to before sending."""

import json
import time
from collections import Counter

import pandas as pd
import pytest

from tests.loopback import DONE, Answer, Seen, completion, sse
from wcode_magics import Session
from wcode_magics.errors import UsageError
from wcode_magics.protocol.model_list import LENGTHS
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.context_sizes import SHORT, SOURCES
from wcode_magics.store.row import StoredAnswer
from wcode_magics.tables import accessor

MODEL = "m"
LONG = "word " * 3_000


def said(data: object) -> Answer:
    """A body of JSON."""
    return Answer([json.dumps(data).encode()])


SERVERS = {
    "vLLM": {"/v1/models": {"data": [{"id": MODEL, "max_model_len": 2_048}]}},
    "llama.cpp": {
        "/v1/models": {"data": [{"id": MODEL, "meta": {"n_ctx_train": 65_536}}]},
        "/props": {"default_generation_settings": {"n_ctx": 2_048}},
    },
    "Ollama, loaded": {
        "/v1/models": {"data": [{"id": "m:latest"}]},
        "/api/ps": {"models": [{"name": "m:latest", "context_length": 2_048}]},
    },
    "Ollama, by its Modelfile": {
        "/v1/models": {"data": [{"id": MODEL}]},
        "/api/ps": {"models": []},
        "/api/show": {
            "parameters": "stop x\nnum_ctx                        2048\n",
            "model_info": {"llama.context_length": 65_536},
        },
    },
    "LM Studio": {
        "/v1/models": {"data": [{"id": MODEL}]},
        "/api/v0/models": {
            "data": [
                {"id": MODEL, "max_context_length": 9, "loaded_context_length": 2_048}
            ]
        },
    },
    "OpenRouter": {
        "/v1/models": {
            "data": [
                {"id": "x", "context_length": 9},
                {"id": MODEL, "context_length": 2_048},
            ]
        }
    },
}


def telling(places: dict) -> object:
    """A server that answers prompts, and tells what it does at its places."""

    def answer(seen: Seen) -> Answer:
        if seen.path.endswith("/chat/completions"):
            return completion()
        return said(places[seen.path]) if seen.path in places else Answer([], 404)

    return answer


def asked(server) -> list[str]:
    """The paths that were asked for, but for prompts."""
    paths = [seen.path for seen in server.seen]
    return [path for path in paths if not path.endswith("/chat/completions")]


@pytest.fixture
def session(loopback):
    """A session at a server that tells: ``session(places)``."""
    made = []

    def at(places: object) -> tuple[Session, object]:
        server = loopback(telling(places) if isinstance(places, dict) else places)
        made.append(Session(base_url=server.url, model=MODEL, retries=0))
        return made[-1], server

    yield at
    for one in made:
        one.close()


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_is_read_where_it_tells(session, name):
    """A prompt that does not fit is refused before it is sent, with both numbers."""
    made, server = session(SERVERS[name])
    with pytest.raises(UsageError, match=r"≈3,0\d\d tokens .* 2,048"):
        made.ask(LONG)
    assert all(seen.path in {*asked(server)} for seen in server.seen)
    known = asked(server)
    with pytest.raises(UsageError):
        made.ask(LONG)
    assert asked(server) == known


def test_every_place_and_field_is_tried_by_a_server_above():
    """No row of the tables is there for nothing."""
    paths = {path for places in SERVERS.values() for path in places}
    told = json.dumps(SERVERS)
    assert {
        f"/v1/{row.path}" if row.api else f"/{row.path}" for row in SOURCES
    } == paths
    assert all(name in told for name in set(LENGTHS) - {"context_window"})


def test_a_short_prompt_asks_nobody(session):
    """Every context holds it, so that no request more is made."""
    made, server = session(SERVERS["vLLM"])
    assert made.ask("hi").text == "Hello."
    assert len(server.seen) == 1
    assert made.context(made.prepare("hi"), SHORT - 1) is None
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"/v1/models": []},
        {"/v1/models": {"data": [{"id": "m", "max_model_len": "2048"}]}},
        {"/v1/models": {"data": [{"id": "m", "max_model_len": -1}]}},
        {"/v1/models": {"data": [{"id": "m", "max_model_len": 10**30}]}},
        {"/v1/models": {"data": 5}, "/props": None, "/api/show": {"parameters": 5}},
    ],
)
def test_what_nobody_tells_is_unknown(session, answer):
    """A server may answer anything; the prompt is sent, and the size is None."""
    made, _server = session(answer)
    assert made.ask(LONG).text == "Hello."
    assert made.context(made.prepare(LONG), 3_000) is None


def test_the_context_of_a_chat_is_the_servers(session):
    """--trim counts by it, and a full conversation is refused."""
    made, server = session(SERVERS["vLLM"])
    chat = made.chat("t")
    for word in ("one ", "two ", "three "):
        chat.ask(word * 380)
    with pytest.raises(UsageError, match="context of 2,048"):
        chat.ask("four " * 1_200)
    trimmed = chat.prepare("four " * 1_000, trim="oldest")
    assert trimmed.advice[-1][0] == "chat_trimmed"
    assert "/v1/models" in asked(server)


def test_the_catalogue_is_of_its_own_endpoint(session):
    """The hosted model's name elsewhere proves nothing; at home nobody is asked."""
    made, server = session({})
    named = {"model": "qwen/qwen-2.5-7b-instruct"}
    assert made.context(made.prepare("hi", **named), 5_000) is None
    assert asked(server)
    made.settings.set("base_url", None)
    made.settings.given_key = "k"
    assert made.context(made.prepare("hi", **named), 5_000) == 65_536


DAY = 86_400.0


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"created": -DAY}, True),
        ({"created": -9 * DAY}, False),
        ({"created": 0}, False),
        ({}, False),
        ({"created": "soon"}, False),
    ],
    ids=["since", "before", "clock", "untold", "odd"],
)
def test_a_record_of_another_model_is_not_replayed(
    loopback, tmp_path, capsys, row, asked
):
    """One that has its name since; a server that tells the time tells nothing."""
    now = time.time()
    told = {key: now + at if at.__class__ is not str else at for key, at in row.items()}
    listing = {"data": [{"id": f"{MODEL}:latest", **told}]}

    def answer(seen: Seen) -> Answer:
        return completion("new") if seen.method == "POST" else said(listing)

    server = loopback(answer)
    place = {"base_url": server.url, "store": str(tmp_path / "a.db"), "model": MODEL}
    with Session(**place) as session:
        reply = session.prepare("hi", seed=1).request
        old = Reply("old", reply, MODEL, finish_reason="stop", base_url=server.url)
        session.store._writer.put(StoredAnswer(old, server.url, now - 3 * DAY))
        text = session.ask("hi", seed=1).text
        again = session.ask("hi", seed=1).text
    assert (text, again) == (("new", "new") if asked else ("old", "old"))
    assert sum(seen.method == "POST" for seen in server.seen) == int(asked)
    assert sum(seen.method == "GET" for seen in server.seen) == 1
    printed = "".join(capsys.readouterr())
    assert printed.count(f"Another model has the name {MODEL} since") == int(asked)


def test_a_listing_is_not_asked_for_a_record_just_made(loopback, tmp_path):
    """Nor where nothing may be sent."""
    server = loopback(completion("new"))
    place = {"base_url": server.url, "store": str(tmp_path / "a.db"), "model": MODEL}
    with Session(**place) as session:
        assert [session.ask("hi", seed=1).text for _ in "ab"] == ["new"] * 2
    with Session(**place, replay="only") as session:
        assert session.ask("hi", seed=1).text == "new"
    assert [seen.method for seen in server.seen] == ["POST"]


@pytest.mark.parametrize("moved", [False, True])
def test_rows_of_another_model_are_asked_again(loopback, tmp_path, capsys, moved):
    """The listing is asked once for all rows, and one line tells why they are sent."""
    now = time.time()
    listing = {"data": [{"id": MODEL, "created": now - (1 if moved else 9) * 3_600}]}

    def answer(seen: Seen) -> Answer:
        return completion("new") if seen.method == "POST" else said(listing)

    server = loopback(answer)
    place = {"base_url": server.url, "store": str(tmp_path / "a.db"), "model": MODEL}
    texts = [f"row {n}" for n in range(9)]
    with Session(**place) as session:
        for text in texts:
            request = session.prepare(text).request
            old = Reply("old", request, MODEL, finish_reason="stop")
            session.store._writer.put(StoredAnswer(old, server.url, now - 7_200))
        accessor.register(session)
        table = pd.DataFrame({"text": texts})
        made = table.wcode.ask("{{ text }}", into="said", progress=False)
    assert {*made["said"]} == {"new" if moved else "old"}
    assert {*made["said_status"]} == {"ok" if moved else "replayed"}
    methods = Counter(seen.method for seen in server.seen)
    assert methods == Counter(GET=1, POST=9 if moved else 0)
    printed = "".join(capsys.readouterr())
    assert printed.count(f"Another model has the name {MODEL} since") == int(moved)


class Ollama:
    """Answers as Ollama does, whole or in a stream, and lists its one model."""

    def __init__(self) -> None:
        self.digest = "a" * 64

    def __call__(self, seen: Seen) -> Answer:
        """An answer, or a listing; only Ollama's own has the digest."""
        if seen.path == "/v1/models":
            return said({"data": [{"id": f"{MODEL}:latest", "object": "model"}]})
        if seen.path == "/api/tags":
            row = {"name": f"{MODEL}:latest", "digest": self.digest}
            return said({"models": [row]})
        marked = {"model": MODEL, "system_fingerprint": "fp_ollama"}
        inner = "delta" if seen.body.get("stream") else "message"
        said_ = {"role": "assistant", "content": self.digest[0]}
        choice = {"index": 0, inner: said_, "finish_reason": "stop"}
        if inner == "message":
            return said({**marked, "choices": [choice]})
        pieces = [sse({**marked, "choices": [choice]}), DONE]
        return Answer(pieces, kind="text/event-stream")


@pytest.mark.parametrize("way", ["ask", "stream", "rows"])
def test_a_record_of_another_digest_is_not_replayed(loopback, tmp_path, capsys, way):
    """An answer keeps the digest of its model; each record is held to it."""
    ollama = Ollama()
    server = loopback(ollama)
    place = {"base_url": server.url, "store": str(tmp_path / "a.db"), "model": MODEL}

    def text() -> str:
        with Session(**place) as session:
            if way == "rows":
                accessor.register(session)
                made = pd.DataFrame({"a": ["hi"]}).wcode.ask("{{ a }}", progress=False)
                return str(made["answer"][0])
            if way == "ask":
                return session.ask("hi", seed=1).text
            with session.stream("hi", seed=1) as stream:
                return "".join(delta.text for delta in stream)

    assert [text(), text()] == ["a", "a"]
    assert sum(seen.method == "POST" for seen in server.seen) == 1
    assert "Another model" not in "".join(capsys.readouterr())
    ollama.digest = "b" * 64
    assert [text(), text()] == ["b", "b"]
    assert sum(seen.method == "POST" for seen in server.seen) == 2
    assert "its digest is bbbbbbbbbbbb)" in "".join(capsys.readouterr())
