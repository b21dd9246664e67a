"""Votes: the answer given most often, and how often."""

import itertools

import pytest

from tests.loopback import Answer, completion
from tests.stopping import interrupted
from tests.tables.asking import QUIET, texts
from wcode_magics.errors import Stopped, UsageError


def _by_seed(*answers):
    return lambda seen: completion(answers[seen.body["seed"] - 1])


def test_majority_of_texts(serve):
    """Equal texts are counted without the white space around them, and paid once."""
    server = serve(_by_seed("blue", "red", "red ", "green", "red"))
    made = texts(1).wcode.ask("{{ text }}", votes=5, **QUIET)
    assert made["answer"].tolist() == ["red"]
    assert made["answer_agreement"].tolist() == [0.6]
    assert [seen.body["seed"] for seen in server.seen] == [1, 2, 3, 4, 5]
    again = texts(1).wcode.ask("{{ text }}", votes=5, **QUIET)
    assert again["answer_status"].tolist() == ["replayed"]
    assert len(server.seen) == 5
    assert texts(1).wcode.estimate("{{ text }}", votes=6, **QUIET).sends == 1


def test_majority_of_labels_leaves_the_temperature(serve):
    """A label is a vote; what is no label is none, and counts against agreement."""
    answers = ("a", "b", "b", "?")
    server = serve(_by_seed(*answers))
    made = texts(1).wcode.classify(
        "{{ text }}", ["a", "b"], votes=4, into="mood", **QUIET
    )
    assert made["mood"].tolist() == ["b"]
    assert made["mood_agreement"].tolist() == [0.5]
    assert all("temperature" not in seen.body for seen in server.seen)


def test_majority_of_objects(serve):
    """Objects are equal if all their fields are."""
    serve(_by_seed('{"n": 1}', '{"n": 2}', '{ "n":2 }'))
    made = texts(1).wcode.extract("{{ text }}", {"n": "int"}, votes=3, **QUIET)
    assert made["n"].tolist() == [2]
    assert made["extract_agreement"].tolist() == pytest.approx([2 / 3])


def test_retry_of_votes(serve):
    """A vote that failed is sent again alone; the call knows that it was votes."""
    counter = itertools.count()
    broken = Answer([b"{}"], status=500)
    server = serve(
        lambda _: broken if next(counter) == 1 else completion("x"), retries=0
    )
    made = texts(1).wcode.ask("{{ text }}", votes=3, **QUIET)
    assert made["answer_status"].tolist() == ["http_5xx"]
    made = made.wcode.retry(**QUIET)
    assert made["answer_agreement"].tolist() == [1.0]
    assert len(server.seen) == 4


@pytest.mark.priced
def test_budget_ends_votes_and_they_go_on(serve):
    """A budget is never overrun by votes; running again sends the missing ones."""
    server = serve(lambda _: completion("x"), concurrency=2)
    frame = texts(20)
    made = frame.wcode.ask("{{ text }}", votes=5, max_tokens=5, details=True, **QUIET)
    assert made["answer_prompt_tokens"].tolist() == [50] * 20
    whole = float(made["answer_cost"].sum()) / 4
    sent = len(server.seen)
    assert sent == 100
    other = frame.assign(text=frame["text"] + "!")
    part = other.wcode.ask("{{ text }}", votes=5, max_tokens=5, budget=whole, **QUIET)
    done = part["answer_status"].eq("ok").sum()
    assert 0 < done < 20
    assert set(part["answer_status"]) == {"ok", "budget"}
    other.wcode.ask("{{ text }}", votes=5, max_tokens=5, **QUIET)
    assert len(server.seen) == 200


def test_stop_keeps_the_votes_that_came(serve):
    """A row that lacks votes is stopped; running again sends the lacking ones alone."""
    slow = Answer(completion("x").pieces, delay=0.05)
    server = serve(slow, concurrency=4)
    with pytest.raises(Stopped) as caught, interrupted(lambda: len(server.seen) >= 9):
        texts(10).wcode.ask("{{ text }}", votes=5, **QUIET)
    statuses = caught.value.value["answer_status"].tolist()
    assert "stopped" in statuses
    texts(10).wcode.ask("{{ text }}", votes=5, **QUIET)
    assert len(server.seen) == 50


def test_options_of_labels_are_for_labels(serve):
    """A text has no labels to reorder."""
    serve()
    with pytest.raises(UsageError, match="orders is for classify"):
        texts(1).wcode.ask("{{ text }}", orders=2, **QUIET)
