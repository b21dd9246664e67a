"""Stop in a script: one line, wherever a blocking call waits."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.loopback import Answer, Loopback, event
from tests.stopping import interrupted
from wcode_magics.errors import Stopped
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.session.session import Session

REPLY = Reply("hi", Request("m", (Message("user", "hi"),)), "m")


def tool(text: str) -> str:
    """Return the text."""
    return text


CALLS: dict[str, Callable[[Session], Any]] = {
    "ask": lambda s: s.ask("hi"),
    "run_tools": lambda s: s.run_tools("hi", [tool]),
    "stream": lambda s: list(s.stream("hi")),
    "chat.ask": lambda s: s.chat("c").ask("hi"),
    "chat.stream": lambda s: list(s.chat("c").stream("hi")),
    "sweep": lambda s: s.sweep("hi", {"seed": [1, 2]}),
    "repeat": lambda s: s.repeat("hi", 2),
    "tree": lambda s: s.tree(REPLY),
    "models": lambda s: s.models(),
    "list_models": lambda s: s.list_models(),
    "probe": lambda s: s.probe(budget=1),
}


@pytest.mark.parametrize("call", CALLS)
def test_stop_is_one_line(loopback: Callable[..., Loopback], call: str) -> None:
    """The interrupt has no frames of the loop and no context behind it."""
    server = loopback(Answer([event({"content": "a"})], hang=True))
    with (
        Session(base_url=server.url, api_key="k", price="0.1/0.1") as session,
        pytest.raises(Stopped) as stopped,
        interrupted(lambda: bool(server.seen)),
    ):
        CALLS[call](session)
    error = stopped.value
    assert str(error).startswith("Stopped.")
    assert error.__suppress_context__
    assert not [one for one in stopped.traceback if "runtime" in str(one.path)]
