"""A call over a frame: refused before it is paid for, and made again as it was."""

import pandas as pd
import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, echo, texts
from wcode_magics.errors import BudgetError, UsageError
from wcode_magics.tables import run


def short(seen) -> Answer:
    """Cut off below ten tokens."""
    if seen.body.get("max_tokens", 99) < 10:
        return completion("half", finish_reason="length")
    return echo(seen)


def test_retry_with_more_room_is_paid_once(serve):
    """Run All pays for a question and its second try once each, not every time."""
    server = serve(short)
    for _ in range(3):
        made = texts(4).wcode.ask("{{ text }}", max_tokens=2, **QUIET)
        assert set(made["answer_status"]) == {"truncated"}
        again = made.wcode.retry(["truncated"], max_tokens=80, **QUIET)
        assert again["answer"].tolist() == [f"ROW {n}" for n in range(4)]
    assert len(server.seen) == 8


def test_retry_of_the_same_question_is_sent_again(serve):
    """The answer that did not do is recorded; it is not replayed in place of a try."""
    server = serve(short)
    made = texts(4).wcode.ask("{{ text }}", max_tokens=2, **QUIET)
    made.wcode.retry(["truncated"], **QUIET)
    assert len(server.seen) == 8


@pytest.mark.parametrize(
    ("options", "column"),
    [
        ({"details": True}, "label_prompt_tokens"),
        ({"labels": ["a", "c"]}, "label"),
        ({"schema": {"label": "int"}, "labels": None}, "label"),
    ],
)
def test_retry_that_makes_other_columns(serve, options, column):
    """It is refused before it is paid for, with the column's name."""
    server = serve(Answer([b"{}"], status=400))
    made = texts(2).wcode.classify("{{ text }}", ["a", "b"], **QUIET)
    with pytest.raises(UsageError, match=f"{column} would be another"):
        made.wcode.retry(**options, **QUIET)
    with pytest.raises(UsageError, match="label_error would be another"):
        made.drop(columns="label_error").wcode.retry(**QUIET)
    with pytest.raises(UsageError, match=r"label .*was renamed or dropped"):
        made.rename(columns={"label": "mood"}).wcode.retry(**QUIET)
    assert len(server.seen) == 2


def test_retry_knows_the_names_of_the_first_time(serve):
    """Plain values are kept beside the table; it can still be written to Parquet."""
    refusing = [True]
    server = serve(
        lambda seen: Answer([b"{}"], status=400) if refusing[0] else echo(seen)
    )
    names = {"word": "hello", "frame": texts(1), "unused": object()}
    made = texts(2).wcode.ask("{{ word }} {{ text }}", names=names, **QUIET)
    refusing[0] = False
    again = made.wcode.retry(**QUIET)
    assert again["answer"].tolist() == ["HELLO ROW 0", "HELLO ROW 1"]
    assert made.attrs["wcode"]["answer"]["names"] == {"word": "hello"}
    assert len(server.seen) == 4


def test_retry_takes_the_column_that_was_asked_last(serve):
    """A column that was asked again is the newest, whatever its place."""
    serve(Answer([b"{}"], status=400))
    made = texts(2).wcode.ask("{{ text }}", **QUIET)
    made = made.wcode.ask("{{ text }}!", into="other", **QUIET)
    made = made.wcode.ask("{{ text }}?", overwrite=True, **QUIET)
    assert list(made.attrs["wcode"]) == ["other", "answer"]


def test_the_text_is_not_replaced_by_its_answer(serve):
    """A retry would ask about the answer, so the template's column is refused."""
    server = serve()
    with pytest.raises(UsageError, match="take the place of text"):
        texts(2).wcode.ask("{{ text }}", into="text", overwrite=True, **QUIET)
    made = texts(2)["text"].wcode.ask("{{ text }}", into="text", **QUIET)
    assert made["text"].tolist() == ["ROW 0", "ROW 1"]
    assert len(server.seen) == 2


@pytest.mark.priced
def test_budget_of_a_profile(serve):
    """A profile's budget holds for a table as it does for a cell."""
    server = serve()
    run.session().settings.save_profile("cheap", {"budget": 1e-9})
    with pytest.raises(BudgetError):
        texts(2).wcode.ask("{{ text }}", profile="cheap", **QUIET)
    assert not server.seen


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda df: df.wcode.ask("x", names=["a"]), "names is list"),
        (lambda df: df.wcode.retry(None), "no status None"),
        (lambda df: df.wcode.retry([4]), "no status 4"),
        (lambda df: df.wcode.preview("x", "5"), "n is '5'"),
        (lambda df: df.wcode.preview("x", -1), "n is -1"),
        (lambda df: df["text"].wcode.retry(of=df["text"]), "of=answers"),
    ],
)
def test_wrong_arguments(serve, ask, words):
    """Each is one line about what was given, and nothing is sent."""
    server = serve()
    with pytest.raises(UsageError, match=words):
        ask(texts(2))
    assert not server.seen


def test_attributes_of_the_persons_own(serve):
    """What else a frame has under our name among its attributes is replaced."""
    serve()
    df = texts(1)
    df.attrs["wcode"] = "mine"
    made = df.wcode.ask("{{ text }}", **QUIET)
    assert isinstance(made, pd.DataFrame)
    assert list(made.attrs["wcode"]) == ["answer"]
    assert df.attrs["wcode"] == "mine"


def test_a_field_that_exists_needs_a_prefix(serve):
    """into= names no field; the remedy is one that works."""
    server = serve(completion('{"text": "a"}'))
    df = texts(1)
    with pytest.raises(UsageError, match=r"text exists already.*prefix="):
        df.wcode.extract("{{ text }}", {"text": "str"}, into="e", **QUIET)
    assert not server.seen
    made = df.wcode.extract("{{ text }}", {"text": "str"}, prefix="e_", **QUIET)
    assert made["e_text"].tolist() == ["a"]
