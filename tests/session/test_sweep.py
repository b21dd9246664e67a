"""One prompt over a grid of values, against a real server."""

import asyncio
import math
from collections.abc import Callable

import pytest

from tests.loopback import Answer, Loopback, Seen, completion
from wcode_magics.errors import OptionError, ParameterError, UsageError
from wcode_magics.session.session import Session


def by_heat(seen: Seen) -> Answer:
    """A cold and a hot answer."""
    body = seen.body
    if body.get("seed") == 13:
        return Answer([b'{"error": {"message": "unlucky"}}'], 400)
    hot = body.get("temperature", 0) > 0.5
    return completion("The cat sat there." if hot else "The cat sat here.")


@pytest.fixture
def server(loopback: Callable[..., Loopback]) -> Loopback:
    """A server whose answers depend on the temperature."""
    return loopback(by_heat)


@pytest.fixture
def session(server: Loopback) -> Session:
    """A session that asks it."""
    return Session(base_url=server.url, retries=0)


def test_the_cross_product_is_sent(session: Session, server: Loopback) -> None:
    """Every combination once; the frame has them in order, the last fastest."""
    grid = {"temperature": [0, 1], "seed": [1, 2, 3]}
    frame = session.sweep("hi", grid, max_tokens=9).frame()
    assert list(frame.columns) == [
        *("temperature", "seed", "text", "prompt_tokens", "completion_tokens"),
        *("cost", "currency", "mean_logprob", "agreement", "finish_reason"),
        *("seconds", "error"),
    ]
    points = list(zip(frame["temperature"], frame["seed"], strict=True))
    assert points == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    sent = {(one.body["temperature"], one.body["seed"]) for one in server.seen}
    assert sent == set(points)
    assert {one.body["max_tokens"] for one in server.seen} == {9}
    assert set(frame["text"][frame["temperature"] == 1]) == {"The cat sat there."}
    assert list(frame["prompt_tokens"]) == [10] * 6


def test_agreement_is_with_the_first(session: Session) -> None:
    """1 for the same text, less for another."""
    frame = session.sweep("hi", {"temperature": [0, 0.1, 1]}).frame()
    assert list(frame["agreement"][:2]) == [1, 1]
    assert 0 < frame["agreement"][2] < 1


def test_an_error_is_the_outcome_of_its_trial(session: Session) -> None:
    """The others are answered; the frame tells what went wrong."""
    swept = session.sweep("hi", {"seed": [1, 13]})
    frame = swept.frame()
    assert frame["text"][0] == "The cat sat here."
    assert frame["text"].isna()[1]
    assert "unlucky" in frame["error"][1]
    assert math.isnan(frame["agreement"][1])
    assert swept.cost == swept.replies[0].cost


def test_models_are_a_dimension(session: Session, server: Loopback) -> None:
    """A grid over models sends each its own; unknown prices leave the cost open."""
    session.sweep("hi", {"model": ["a", "b"]})
    assert {one.body["model"] for one in server.seen} == {"a", "b"}


@pytest.mark.priced
def test_many_requests_need_a_yes(session: Session, server: Loopback) -> None:
    """More than 20 are refused with their number and price; yes sends them."""
    grid = {"seed": range(21)}
    with pytest.raises(UsageError, match=r"21 requests, at most ¥0\.\d+.*yes=True"):
        session.sweep("hi", grid)
    assert not server.seen
    assert len(session.sweep("hi", {"seed": range(20)}).trials) == 20
    assert len(session.sweep("hi", grid, yes=True).trials) == 21


def test_trials_run_side_by_side(loopback: Callable[..., Loopback]) -> None:
    """Eight at a time, in a script as with await."""
    eighth = Answer(completion().pieces, until=lambda: len(server.seen) >= 8)
    server = loopback(eighth)
    session = Session(base_url=server.url, retries=0)
    asyncio.run(session.aio.sweep("hi", {"seed": range(16)}))
    assert (server.most, len(server.seen)) == (8, 16)


@pytest.mark.parametrize(
    ("grid", "kind", "words"),
    [
        ({"tempature": [1]}, OptionError, "temperature"),
        ({"temperature": []}, OptionError, "no values"),
        ({}, OptionError, "no values"),
        ({"temperature": [1, 3]}, ParameterError, "0 … 2"),
    ],
)
def test_a_bad_grid_sends_nothing(
    grid: dict[str, list[float]],
    kind: type[Exception],
    words: str,
    session: Session,
    server: Loopback,
) -> None:
    """Unknown names, no values, values out of range."""
    with pytest.raises(kind, match=words):
        session.sweep("hi", grid)
    assert not server.seen
