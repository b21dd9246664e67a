"""Votes: the answer given most often, and how often."""

import itertools

import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, texts
from wcode_magics.errors import UsageError


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


def test_options_of_labels_are_for_labels(serve):
    """A text has no labels to reorder."""
    serve()
    with pytest.raises(UsageError, match="orders is for classify"):
        texts(1).wcode.ask("{{ text }}", orders=2, **QUIET)
