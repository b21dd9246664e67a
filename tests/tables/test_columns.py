"""Outcomes as columns: index, order and dtypes stay, new ones have theirs."""

import pandas as pd
import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, logprob, prompt_of, texts
from wcode_magics.errors import UsageError

INDEXES = {
    "duplicates": pd.Index(["b", "a", "b", "c"]),
    "unsorted": pd.Index([9, 3, 7, 1]),
    "multi": pd.MultiIndex.from_tuples([("x", 1), ("x", 1), ("y", 2), ("a", 0)]),
    "times": pd.date_range("2024-01-01", periods=4, tz="Asia/Shanghai"),
    "categories": pd.CategoricalIndex(["q", "p", "q", "p"]),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_index_is_kept(serve, kind):
    """Index, order and the dtypes of all other columns stay as they were."""
    serve()
    df = pd.DataFrame(
        {
            "t": ["d", "c", "b", "a"],
            "cat": pd.Categorical(list("xyxy")),
            "int": pd.array([1, None, 3, 4], dtype="Int64"),
            "time": pd.date_range("2020", periods=4),
        },
        index=INDEXES[kind],
    )
    df.index.name = "key" if kind != "multi" else None
    made = df.wcode.ask("{{ t }}", **QUIET)
    pd.testing.assert_frame_equal(made[list(df.columns)], df)
    assert made["answer"].tolist() == ["D", "C", "B", "A"]


def test_names_with_levels(serve):
    """Where the columns' names have levels, the new ones stand in the first."""
    server = serve()
    names = pd.MultiIndex.from_tuples([("x", "a"), ("x", "b")], names=["k", "l"])
    df = pd.DataFrame([["p", "q"], ["r", "s"]], columns=names)
    made = df.wcode.ask("{{ row[('x', 'a')] }}", **QUIET)
    assert list(made.columns[2:]) == [
        ("answer", ""),
        ("answer_status", ""),
        ("answer_error", ""),
    ]
    pd.testing.assert_frame_equal(made[["x"]], df)
    assert made["answer"].tolist() == ["P", "R"]
    again = made.wcode.retry(["ok"], fresh=True, **QUIET)
    assert again["answer"].tolist() == ["P", "R"]
    assert len(server.seen) == 4
    with pytest.raises(UsageError):
        made.wcode.ask("hello", **QUIET)


@pytest.mark.parametrize("said", ['"a"', "1", "[1, 2]", '{"b": 1}', "null"])
def test_fields_of_any_type_are_objects(serve, said):
    """A column of several types is of objects, whatever came, and stays so."""
    server = serve(completion(f'{{"x": {said}}}'))
    df = texts(3).set_index(pd.Index([1, 1, 2]))
    made = df.wcode.extract(
        "{{ text }}", {"x": "str | int | list | dict | None"}, **QUIET
    )
    assert made["x"].dtype == object
    server.script[:] = [completion('{"x": [7]}')]
    again = made.wcode.retry(["ok"], fresh=True, **QUIET)
    assert again["x"].dtype == object
    assert again["x"].tolist() == [[7]] * 3


def test_some_rows_of_a_field_of_any_type(serve):
    """Rows that are asked again put values of other types among the old ones."""

    def script(seen) -> Answer:
        held = {"row 0": '"a"', "row 1": "oops", "row 2": '"c"'}
        again = len(server.seen) > 4
        return completion('{"x": [7]}' if again else f'{{"x": {held[first(seen)]}}}')

    server = serve(script)
    made = texts(3).wcode.extract("{{ text }}", {"x": "str | list"}, **QUIET)
    assert made["extract_status"].tolist() == ["ok", "invalid", "ok"]
    again = made.wcode.retry(["invalid"], **QUIET)
    assert again["x"].dtype == object
    assert again["x"].tolist() == ["a", [7], "c"]


def first(seen) -> str:
    """Which row is asked."""
    return prompt_of(seen)[:5]


def test_no_rows(serve):
    """A frame without rows gets its columns, with their dtypes."""
    serve()
    made = texts(0).wcode.ask("{{ text }}", details=True, **QUIET)
    assert len(made) == 0
    assert str(made["answer"].dtype) == "string"
    assert str(made["answer_prompt_tokens"].dtype) == "Int64"


@pytest.mark.priced
def test_details(serve):
    """Columns of tokens, price, mean logprob and finish reason on request."""
    tokens = {"content": [logprob("hi", ("hi", -0.5))]}
    serve(completion("hi", logprobs=tokens))
    made = texts(1).wcode.ask("{{ text }}", details=True, logprobs=True, **QUIET)
    assert made["answer_completion_tokens"].tolist() == [5]
    assert made["answer_logprob"].tolist() == [-0.5]
    assert made["answer_finish_reason"].tolist() == ["stop"]
    assert made["answer_cost"][0] > 0


def test_truncated_answers_are_kept_and_told(serve):
    """An answer cut at max_tokens is not called ok, its text is there."""
    serve(completion("half", finish_reason="length"))
    made = texts(1).wcode.ask("{{ text }}", **QUIET)
    assert made[["answer", "answer_status"]].to_numpy().tolist() == [
        ["half", "truncated"]
    ]
