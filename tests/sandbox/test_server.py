"""The HTTP side: streams, errors, disconnects, fairness, the process."""

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from tests.sandbox.wire import MODEL, WEATHER, Wire, schema, user
from wcode_magics.sandbox import Sandbox
from wcode_magics.sandbox.request_body import CONTEXT

ENDLESS = {"logit_bias": {"256": -100}}
"""Bans the end token."""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "80000"), "80000 is no port: 0 to 65535"),
        (("--port=-5",), "-5 is no port"),
        (("--ignored", "seed,foo"), "no parameter foo. There are: "),
        (("--refused", "nonsense"), "no parameter nonsense"),
    ],
)
def test_a_wrong_option_of_the_command_is_refused(words, said):
    """By argparse's line and exit code, before anything is served."""
    done = subprocess.run(
        [sys.executable, "-m", "wcode_magics.sandbox", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert not done.stdout
    assert said in done.stderr.splitlines()[-1]


def test_a_taken_port_is_one_line():
    """Of the command, without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "wcode_magics.sandbox", "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_importing_is_cheap() -> None:
    """Importing the package of the sandbox loads none of its libraries."""
    code = (
        "import sys, wcode_magics.sandbox;"
        "print([m for m in ('tornado', 'llguidance', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize("prompt", ["What does top_p do?", "Repeat: 龘😀é", "你好"])
@pytest.mark.parametrize("stop", [None, ["p", "的"]])
def test_a_stream_says_what_the_whole_answer_says(
    prompt: str, stop: list[str] | None, wire: Wire
) -> None:
    """With the same seed the streamed deltas add up to the whole answer."""
    same = {"seed": 4, "logprobs": True, "top_logprobs": 2, "stop": stop}
    whole = wire.chat(prompt, **same)
    parts = wire.chat(prompt, stream=True, **same)
    assert parts.streamed == whole.text
    choices = [event["choices"][0] for event in parts.events]
    shown = [t for c in choices for t in (c["logprobs"] or {}).get("content", [])]
    assert shown == whole.tokens
    assert choices[-1]["finish_reason"] == whole.finish
    assert [c["finish_reason"] for c in choices[:-1]] == [None] * (len(choices) - 1)
    assert choices[0]["delta"]["role"] == "assistant"


def test_usage_comes_in_a_stream_if_asked_for(wire: Wire) -> None:
    """The last chunk has the usage and no choices, only with include_usage."""
    plain = wire.chat("hi", stream=True, seed=1)
    asked = wire.chat("hi", stream=True, seed=1, stream_options={"include_usage": True})
    whole = wire.chat("hi", seed=1)
    assert all(event["choices"] for event in plain.events)
    assert asked.events[-1]["choices"] == []
    assert asked.events[-1]["usage"] == whole.body["usage"]


def test_usage_counts_the_tokens(wire: Wire) -> None:
    """Usage agrees with the tokens shown, and the total is the sum."""
    answered = wire.chat("hi", logprobs=True, seed=1)
    usage = answered.body["usage"]
    assert usage["completion_tokens"] == len(answered.tokens)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > len(wire.ids("hi"))


def test_the_answer_says_who_wrote_it(wire: Wire) -> None:
    """Asked for the hosted model's id, the sandbox answers under its own name."""
    answered = wire.chat("hi", model="qwen/qwen-2.5-7b-instruct")
    assert answered.body["model"] == MODEL
    assert "sandbox" in answered.body["system_fingerprint"]
    assert "not Qwen" in wire.chat("Are you Qwen?", temperature=0).text


def test_models_are_listed(wire: Wire) -> None:
    """The list has the sandbox, which can be fetched by id; others are 404."""
    (listed,) = wire.send("GET", "/models").body["data"]
    assert wire.send("GET", f"/models/{listed['id']}").body == listed
    assert wire.send("GET", "/models/gpt-9").error["code"] == "model_not_found"


def test_an_unknown_model_is_404(wire: Wire) -> None:
    """A model that does not exist is a 404 with OpenAI's code."""
    refused = wire.chat("hi", model="gpt-9")
    assert (refused.status, refused.error["code"]) == (404, "model_not_found")


def test_a_wrong_key_is_401() -> None:
    """With a key set, a request without it or with another one is refused."""
    with Sandbox(key="right") as sandbox:
        wire = Wire(sandbox.base_url)
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = wire.send("GET", "/models", headers=headers)
            assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")
        right = {"Authorization": "Bearer right"}
        assert wire.send("GET", "/models", headers=right).status == 200


def test_a_long_prompt_is_refused_with_the_counts(wire: Wire) -> None:
    """A prompt over the context is a 400 that names both numbers."""
    refused = wire.chat("word " * CONTEXT)
    assert (refused.status, refused.error["code"]) == (400, "context_length_exceeded")
    assert str(CONTEXT) in refused.error["message"]
    assert (
        wire.chat("hi", max_tokens=CONTEXT).error["code"] == "context_length_exceeded"
    )


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b""])
def test_a_body_that_is_no_object_is_400(body: bytes, wire: Wire) -> None:
    """What is not a JSON object is refused in OpenAI's form."""
    refused = wire.send("POST", "/chat/completions", body)
    assert refused.status == 400
    assert refused.error["type"] == "invalid_request_error"


def test_unknown_paths_and_methods_are_errors_in_json(wire: Wire) -> None:
    """404 and 405 have the body of an error too."""
    assert wire.send("GET", "/nothing").error["message"]
    assert wire.send("DELETE", "/models").status == 405


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://example.com"}, {"Host": "example.com"}]
)
def test_web_pages_are_refused(headers: dict[str, str], wire: Wire) -> None:
    """A browser's cross-origin request or a foreign host name gets a 403."""
    assert wire.send("GET", "/models", headers=headers).status == 403


def test_a_client_that_leaves_stops_the_writing(sandbox: Sandbox, wire: Wire) -> None:
    """When the connection closes, the answer under way ends."""
    for stream in (True, False):
        connection = wire.connection()
        body = {"model": MODEL, "messages": [user("Write a long story")],
                "stream": stream, "max_tokens": 60_000, **ENDLESS}  # fmt: skip
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        if stream:
            response = connection.getresponse()
            response.read(200)
            response.close()
        assert _until(lambda: sandbox.active == 1)
        connection.close()
        assert _until(lambda: sandbox.active == 0)


def _until(true: Any, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(true())


def test_two_streams_advance_together(sandbox: Sandbox, wire: Wire) -> None:
    """A short answer is not kept waiting by a long one that began before."""
    long = threading.Thread(
        target=wire.chat,
        args=("Write a long story",),
        kwargs={"stream": True, "max_tokens": 8000, **ENDLESS},
    )
    long.start()
    assert _until(lambda: sandbox.active == 1)
    begun = time.monotonic()
    assert wire.chat("hi", stream=True, max_tokens=5, temperature=0).streamed
    took = time.monotonic() - begun
    assert long.is_alive()
    long.join()
    assert took < (time.monotonic() - begun) / 2


def test_it_runs_as_a_process() -> None:
    """``python -m wcode_magics.sandbox --port 0`` says where it listens."""
    command = [
        sys.executable,
        "-m",
        "wcode_magics.sandbox",
        "--port",
        "0",
        "--key",
        "k",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line.startswith("sandbox on http://127.0.0.1:")
            wire = Wire(line.removeprefix("sandbox on "))
            headers = {"Authorization": "Bearer k"}
            assert wire.send("GET", "/models", headers=headers).status == 200
        finally:
            process.terminate()


def test_it_starts_and_stops_as_often_as_wanted() -> None:
    """Starting twice is once; after stop the port is closed; it starts again."""
    sandbox = Sandbox().start()
    url = sandbox.base_url
    assert sandbox.start().base_url == url
    sandbox.stop()
    sandbox.stop()
    with (
        pytest.raises(OSError, match="refused"),
        closing(Wire(url).connection()) as gone,
    ):
        gone.connect()
    assert Wire(sandbox.start().base_url).send("GET", "/models").status == 200
    sandbox.stop()


def test_tool_calls_stream_in_pieces(wire: Wire) -> None:
    """Name and id come once, then the arguments bit by bit, as OpenAI does."""
    ask = "What is the weather in Paris and in Rome?"
    parts = wire.chat(ask, tools=[WEATHER], stream=True, seed=1)
    whole = wire.chat(ask, tools=[WEATHER], seed=1).choice["message"]["tool_calls"]
    built: dict[int, Any] = {}
    for event in parts.events:
        for call in event["choices"][0]["delta"].get("tool_calls", []):
            if "id" in call:
                built[call.pop("index")] = call
            else:
                text = call["function"]["arguments"]
                built[call["index"]]["function"]["arguments"] += text
    assert list(built.values()) == whole
    assert parts.events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_schema_that_is_none_is_400(wire: Wire) -> None:
    """A schema that cannot be compiled is refused."""
    form = schema(x={"type": "banana"})
    refused = wire.chat("hi", response_format=form)
    assert (refused.status, refused.error["param"]) == (400, "response_format")
