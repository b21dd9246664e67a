"""Functions and sweeps in a real kernel: asking the person, stopping."""

import json
import os
from collections.abc import Callable
from typing import Any

from tests.kernel import kernel
from tests.loopback import Answer, Loopback, Seen, completion, streamed
from tests.stopping import once

DEFINED = """
import wcode_magics as wcode
ran = []
@wcode.confirm
def delete(path: str) -> str:
    ran.append(path)
    return "gone"
"""


def wanting(path: str) -> Answer:
    """An answer that calls the function."""
    function = {"name": "delete", "arguments": json.dumps({"path": path})}
    call = {"id": "c", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return completion(message=message, finish_reason="tool_calls")


def test_a_marked_function_asks_in_the_notebook(
    loopback: Callable[..., Loopback],
) -> None:
    """The question names call and arguments; only a yes runs it."""
    done = streamed("done")
    server = loopback(wanting("a.txt"), done, wanting("b.txt"), done)
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_LANGUAGE": "en"}
    with kernel(env) as made:
        made.run(DEFINED)
        asked: list[str] = []
        for answer in ("y", ""):

            def reply(message: dict[str, Any], said: str = answer) -> None:
                asked.append(message["content"]["prompt"])
                made._client.input(said)

            made._client.execute_interactive(
                "%%wcode --functions delete\nhi",
                stdin_hook=reply,
                output_hook=lambda _message: None,
                timeout=60,
            )
        assert made.value("ran") == "['a.txt']"
    assert "delete(path='a.txt')" in asked[0]
    told = [one["content"] for one in server.seen[-1].body["messages"]]
    assert "did not allow" in told[-1]


def test_what_functions_print_stays(loopback: Callable[..., Loopback]) -> None:
    """It stands above the streamed answer, where it was printed."""
    server = loopback(wanting("a"), streamed("All ", "done.", pause=0.2))
    env = {**os.environ, "WCODE_BASE_URL": server.url}
    with kernel(env) as made:
        made.run("def delete(path):\n    print('deleting', path)")
        shown = made.run("%%wcode --functions delete\nhi")
        first, last = (output["data"]["text/plain"] for output in shown.outputs)
        assert "deleting a" in first
        assert "All done." in last


def test_a_stopped_sweep_keeps_what_came(loopback: Callable[..., Loopback]) -> None:
    """The table has the answers that arrived; the cell fails in one line."""

    def by_seed(seen: Seen) -> Answer:
        return Answer(hang=True) if seen.body["seed"] == 2 else completion("here")

    def answered() -> bool:
        return len(server.seen) == 3 and server.flying == 1

    server = loopback(by_seed)
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_RETRIES": "0"}
    with kernel(env) as made:
        with once(answered, made.manager.interrupt_kernel, later=2):
            shown = made.run("%%wcode --sweep seed=1,2,3 -o table\nhi")
        assert shown.status == "error"
        assert len(shown.outputs[-1]["traceback"]) == 1
        texts = "table['text'].fillna('').tolist()"
        assert made.value(texts) == "['here', '', 'here']"
