"""Whatever sends and fails: booked is the truth or more, and within the limit."""

import json
import random
from contextlib import suppress

import pandas as pd
import pytest

from tests.loopback import Answer, completion, event, streamed
from wcode_magics import models
from wcode_magics.errors import WcodeError
from wcode_magics.frames import frame as frames
from wcode_magics.models import DEFAULT
from wcode_magics.session import Session
from wcode_magics.values import HOSTED_URL, Usage

pytestmark = pytest.mark.priced

FEW = {"max_tokens": 20}
ROWS = [f"row {n}" for n in range(12)]


def stream_all(session: Session) -> None:
    """One stream after another, to the end."""
    for n in range(6):
        with suppress(WcodeError):
            list(session.stream(f"stream {n}", **FEW))


def ask_all(session: Session) -> None:
    """One question after another."""
    for n in range(6):
        with suppress(WcodeError):
            session.ask(f"ask {n}", **FEW)


def rows(session: Session) -> None:
    """A table."""
    frames.register(session)
    table = pd.DataFrame({"text": ROWS})
    table.wcode.ask("{{ text }}", progress=False, on_error="continue", **FEW)


FACES = {
    "ask": ask_all,
    "stream": stream_all,
    "repeat": lambda session: session.repeat("hello", 12, **FEW),
    "sweep": lambda session: session.sweep("hello", {"seed": range(12)}, **FEW),
    "tools": lambda session: session.run_tools("hello", [add], rounds=9, **FEW),
    "rows": rows,
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Billing:
    """Answers, fails, cuts, calls tools; ``truth`` in ¥ is what it bills."""

    def __init__(self, seed: int, *, tools: bool) -> None:
        self.truth = 0.0
        self._dice = random.Random(seed)
        self._tools = tools

    def __call__(self, seen) -> Answer:
        """What comes of one request."""
        roll = self._dice.random()
        if roll < 0.2:
            status = self._dice.choice([429, 500, 503])
            body = json.dumps({"error": {"message": "no"}}).encode()
            return Answer([body], status=status, headers={"Retry-After": "0"})
        self.truth += models.cost(DEFAULT, Usage(10, 5), HOSTED_URL)
        if roll < 0.3:
            raise ConnectionResetError
        if roll < 0.4 and seen.body.get("stream"):
            half = [event({"content": "Half"})]
            return Answer(half, kind="text/event-stream", cut=True)
        if seen.body.get("stream"):
            return streamed("Hello", " there")
        if self._tools:
            function = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
            call = {"id": "c", "type": "function", "function": function}
            said = {"role": "assistant", "content": None, "tool_calls": [call]}
            return completion(message=said, finish_reason="tool_calls")
        return completion()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("face", FACES)
def test_booked_is_the_truth_or_more_and_within_the_limit(loopback, face, seed):
    """Over every face, fault and concurrency, with and without room."""
    dice = random.Random(seed)
    billing = Billing(seed, tools=face == "tools")
    with Session(
        base_url=loopback(billing).url,
        budget=dice.choice([0.0002, 0.0006, 0.01]),
        concurrency=dice.choice([1, 4, 64]),
        retries=2,
    ) as session:
        with suppress(WcodeError):
            FACES[face](session)
        budget = session.budget
        assert billing.truth <= budget.spent * 1.000001
        assert budget.spent <= budget.limit * 1.000001
        assert budget.aside == pytest.approx(0)


@pytest.mark.parametrize("face", ["repeat", "sweep", "tools"])
def test_a_cells_own_budget_holds_over_all_it_sends(loopback, face):
    """``budget=`` of a call is one for its runs, rounds and tries."""
    billing = Billing(1, tools=face == "tools")
    given = {"budget": 0.0002, **FEW}
    calls = {
        "repeat": lambda session: session.repeat("hello", 12, **given),
        "sweep": lambda session: session.sweep("hello", {"seed": range(12)}, **given),
        "tools": lambda session: session.run_tools("hello", [add], rounds=9, **given),
    }
    with Session(base_url=loopback(billing).url, retries=3) as session:
        with suppress(WcodeError):
            calls[face](session)
        assert billing.truth <= session.budget.spent <= given["budget"] * 1.000001
