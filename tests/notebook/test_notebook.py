"""Cells in a real kernel: what a front end gets, and what a notebook keeps."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.kernel import Kernel, Shown, kernel
from tests.loopback import Answer, Loopback, completion, event, streamed
from tests.stopping import once

KEY = "sk-canary-9876543210"
RING = """
from keyring.backend import KeyringBackend

class Ring(KeyringBackend):
    priority = 1
    held = {}

    def get_password(self, service, username):
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self.held[service, username] = password

    def delete_password(self, service, username):
        del self.held[service, username]
"""
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> "
    "[link](javascript:alert(3)) ![p](http://127.0.0.1:9/p.png) `<b>`\n\n"
    "<iframe src='javascript:alert(4)'></iframe>"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Kernel]:
    """One kernel for the module, with a key set."""
    with kernel({**os.environ, "WCODE_API_KEY": KEY, "WCODE_LANGUAGE": "en"}) as made:
        yield made


def point(made: Kernel, server: Loopback) -> None:
    """Make a server the kernel's endpoint."""
    made.run(f"%wcode_config base_url={server.url} retries=0")


def test_a_stream_ends_as_one_output(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """The answer grows on the screen, and one output with all of it remains."""
    words = [f"word{n} " + ("\n\n" if n % 10 == 9 else "") for n in range(60)]
    point(running, loopback(streamed(*words, pause=0.02)))
    shown = running.run("%%wcode -t 0 -o out\nhi")
    kinds = [message["msg_type"] for message in shown.messages]
    assert kinds.count("update_display_data") >= 3
    assert len(shown.outputs) == 1
    data = shown.outputs[0]["data"]
    assert set(data) == {"text/html", "text/markdown", "text/plain"}
    assert all(f"word{n}" in data["text/html"] for n in range(60))
    assert "¥" not in data["text/plain"]  # whose prices are not known
    told = shown.outputs[0]["metadata"]["wcode"]
    assert told["params"] == {"temperature": 0}
    assert told["usage"] == {"prompt_tokens": 10, "completion_tokens": 5}
    assert told["finish_reason"] == "stop"
    assert len(told["request_hash"]) == 64


def test_stop_keeps_the_partial_answer_and_hangs_up(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """An interrupt ends the cell in one line; the text so far is bound and shown."""
    pieces = [event({"content": f"w{n} "}) for n in range(1000)]
    server = loopback(Answer(pieces, kind="text/event-stream", pause=0.02))
    point(running, server)
    stopped = []

    def stop(shown: Shown) -> None:
        if shown.outputs and not stopped:
            stopped.append(True)
            running.manager.interrupt_kernel()

    shown = running.run("%%wcode -o part\nhi", on_output=stop)
    assert shown.status == "error"
    assert shown.seconds < 10
    assert server.hung_up.wait(3)
    error = shown.outputs[-1]
    assert len(error["traceback"]) == 1
    assert "kept in _wcode" in error["traceback"][0]
    assert "stopped" in shown.outputs[0]["data"]["text/plain"]
    assert running.value("part.text[:6]") == "'w0 w1 '"
    assert running.value("part.interrupted, part.finish_reason") == "(True, None)"


def test_stop_before_the_answer(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """An interrupt while nothing came yet ends the cell in one line as well."""
    server = loopback(Answer(hang=True))
    point(running, server)
    sends = (("--stream", 1), ("--no-stream", 2), ("--repeat 3", 5))
    sweep = ("--sweep seed=1,2 --", 7)
    running.run("_wcode = 'before'")
    for option, number in (*sends, sweep):
        with once(
            lambda many=number: len(server.seen) >= many,
            running.manager.interrupt_kernel,
        ):
            shown = running.run(f"%wcode {option} hi")
        assert shown.status == "error"
        (line,) = shown.outputs[-1]["traceback"]
        assert line == "Stopped."
        assert "empty answer" not in str(shown.outputs)
        assert running.value("_wcode") == "'before'"


def test_model_text_never_runs(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """No tag, handler or script link of the model's is left in any of the formats."""
    for form in ("markdown", "text", "code", "json", "html"):
        point(running, loopback(streamed(HOSTILE)))
        shown = running.run(f"%%wcode --format {form}\nJSON")
        data = shown.outputs[-1]["data"]
        shown_html = data["text/html"].lower()
        assert "<script" not in shown_html
        assert "<iframe" not in shown_html
        assert "<img" not in shown_html
        assert 'href="javascript' not in shown_html
        assert "<script" not in data.get("text/markdown", "").lower()


def test_the_key_is_in_no_message(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """Nothing that the kernel ever sends holds the key."""
    refused = Answer([f'{{"error":{{"message":"no {KEY}"}}}}'.encode()], 401)
    server = loopback(completion(), refused, refused)
    point(running, server)
    cells = ["%wcode --no-stream hi", "%wcode hi", "%wcode_config", "%wcode_show"]
    cells += ["%wcode_models", "_wcode", "%tb", "%config WcodeMagics"]
    said = json.dumps([running.run(code).messages for code in cells], default=str)
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in said


def test_a_saved_notebook_shows_it_all(loopback: Callable[..., Loopback]) -> None:
    """Executed by nbclient and exported by nbconvert, the answer stands there."""
    server = loopback(streamed("**Bold** answer"))
    cells = ["%load_ext wcode_magics", "%%wcode\nhi"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_API_KEY": KEY}
    NotebookClient(notebook, timeout=60).execute(env=env)
    page, _resources = HTMLExporter().from_notebook_node(notebook)
    assert "<strong>Bold</strong> answer" in page
    assert "10 → 5 tokens" in page
    assert KEY not in nbformat.writes(notebook) + page


def test_login_keeps_the_key_and_logout_removes_it(
    loopback: Callable[..., Loopback], tmp_path: Path
) -> None:
    """The key is asked for without an echo, used from then on, and forgotten."""
    (tmp_path / "ring.py").write_text(RING, "utf-8")
    rings = {"PYTHONPATH": str(tmp_path), "PYTHON_KEYRING_BACKEND": "ring.Ring"}
    server = loopback(completion())
    env = {**os.environ, **rings, "WCODE_BASE_URL": server.url, "WCODE_LANGUAGE": "en"}
    with kernel(env) as made:
        shown = [made.run("%wcode_login", typed=KEY)]
        shown += [made.run("%wcode --no-stream hi"), made.run("%wcode_config")]
        shown += [made.run("%wcode_logout"), made.run("%wcode --no-stream hi")]
        none = made.run("%wcode_login")
    sent = [seen.headers.get("authorization") for seen in server.seen]
    assert sent == [f"Bearer {KEY}", None]
    said = json.dumps([one.messages for one in shown], default=str)
    assert KEY not in said
    assert "kept in the keyring" in said
    assert "WCODE_API_KEY" in none.outputs[-1]["traceback"][0]


def test_a_wait_counts_its_seconds(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """Where the endpoint names a time, the person sees how long it still is."""
    busy = Answer([b'{"error": "slow down"}'], 429, {"Retry-After": "3"})
    server = loopback(busy, streamed("done"))
    point(running, server)
    running.run("%wcode_config retries=1")
    shown = running.run("%%wcode\nhi")
    said = str([message["content"] for message in shown.messages])
    assert "sent again in 2 s" in said
    assert "sent again in 1 s" in said
    assert "done" in str(shown.outputs)
    assert "sent again" not in str(shown.outputs)


def test_login_without_a_keyring_holds_the_key_for_the_session(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """It says so; nothing that was typed is lost; another endpoint does not get it."""
    typed = "sk-typed-0123456789"
    server, other = loopback(completion()), loopback(completion())
    point(running, server)
    shown = [running.run("%wcode_login", typed=typed)]
    shown += [running.run("%wcode --no-stream hi"), running.run("%wcode_config")]
    point(running, other)
    shown.append(running.run("%wcode --no-stream hi"))
    point(running, server)
    running.run("%wcode_logout")
    shown.append(running.run("%wcode --no-stream ho"))
    sent = [seen.headers.get("authorization") for seen in server.seen]
    assert sent == [f"Bearer {typed}", f"Bearer {KEY}"]
    assert other.seen[0].headers["authorization"] == f"Bearer {KEY}"
    said = json.dumps([one.messages for one in shown], default=str)
    assert KEY not in said
    assert typed not in said
    assert "holds for this session" in said
    assert "typed in this session" in said


def test_an_empty_cell_says_that_it_waits(
    running: Kernel, loopback: Callable[..., Loopback]
) -> None:
    """After half a second, with how to stop; then the answer takes the place."""
    slow = replace(streamed("first ", "second", pause=0.3), delay=0.8)
    point(running, loopback(slow))
    pages: list[str] = []

    def look(shown: Any) -> None:
        pages.extend(o["data"]["text/html"] for o in shown.outputs if "data" in o)

    running.run("%%wcode\nhi", on_output=look)
    assert "waiting for the answer · ■ stops it" in pages[0].replace("\xa0", " ")
    assert any("so far" in page and "first" in page for page in pages)
    assert "second" in pages[-1]
    assert not any(word in pages[-1] for word in ("so far", "waiting"))
