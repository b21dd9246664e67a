"""Tables made of answers, Series, and what their results remember."""

from collections import Counter

import pytest

from tests.loopback import Answer
from tests.tables.asking import QUIET, prompt_of
from tests.tables.dask.tables import slow, table
from wcode_magics.errors import UsageError


def refusing(refused: set[str]):
    """The usual answers, but a prompt that ends in 5 is refused at first."""

    def answer(seen) -> Answer:
        prompt = prompt_of(seen)
        if prompt.endswith("5") and prompt not in refused:
            refused.add(prompt)
            return Answer([b'{"error": {"message": "no"}}'], status=400)
        return slow(seen)

    return answer


@pytest.mark.parametrize("scheduler", ["cluster", "threads"])
def test_nothing_is_sent(cluster, lead, scheduler):
    """What would send the requests of another call is refused until they are sent."""
    if scheduler == "cluster":
        cluster()
    server = lead(slow)
    asked = table(12, 2).wcode.ask("Say {{ 评论 }}", into="said")
    made = asked[asked["n"] > 1], asked.optimize(), asked["said"]
    for unsent in made:
        with pytest.raises(UsageError, match="persist"):
            unsent.wcode.estimate("Once more", into="more")
        with pytest.raises(UsageError, match="persist"):
            unsent.wcode.preview("Once more", into="more")
    assert not server.seen
    there = asked.persist()
    assert there.wcode.estimate("{{ said }}", into="more").sends == 11
    assert len(server.seen) == 11


@pytest.mark.parametrize("scheduler", ["cluster", "threads"])
def test_remembered(cluster, lead, scheduler):
    """What was computed knows how it was asked, so pandas can retry it."""
    if scheduler == "cluster":
        cluster()
    server = lead(refusing(set()))
    asked = table(30).wcode.ask("Say {{ 评论 }}", into="said")
    made = asked.wcode.ask("Then {{ n }}", into="then").compute()
    assert Counter(made["said_status"])["http_4xx"] == 3
    sent = len(server.seen)
    again = made.wcode.retry(["http_4xx"], into="said", **QUIET)
    assert "http_4xx" not in set(again["said_status"])
    assert len(server.seen) == sent + 3


def test_series_retry(cluster, lead):
    """A Series is asked again where the answers of before say so."""
    cluster()
    server = lead(refusing(set()))
    texts = table(30)["评论"]
    said = texts.wcode.ask("Say {{ value }}", into="said")
    assert Counter(said.compute()["said_status"])["http_4xx"] == 3
    with pytest.raises(UsageError, match="of="):
        texts.wcode.retry(["http_4xx"])
    made = texts.wcode.retry(["http_4xx"], of=said)
    assert [*made.columns] == ["said", "said_status", "said_error"]
    assert Counter(made.compute()["said_status"])["http_4xx"] == 0
    assert len(server.seen) == 29 + 3


def test_series_name(lead):
    """A column of answers may have the name of the series itself."""
    lead(slow)
    texts = table(6, 2)["评论"]
    made = texts.wcode.ask("{{ value }}", into="评论")
    assert [*made.columns] == [*made.compute().columns]
    assert made.compute()["评论"].iloc[0] == "TEXT 0"
    some = texts.wcode.preview("{{ value }}", 2, into="评论", **QUIET)
    assert [*some.columns] == [*made.columns]
