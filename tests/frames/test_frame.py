"""``df.wcode``: rows in, typed columns out, mistakes told before anything is sent."""

import asyncio
import itertools

import pandas as pd
import pytest

from tests.frames.asking import QUIET, echo, prompt_of, texts
from tests.loopback import Answer
from wcode_magics.errors import OptionError, TemplateError, UsageError


def test_ask(serve):
    """A template is filled from each row, and the answers stand in a new column."""
    server = serve()
    df = pd.DataFrame({"review": ["fine", "poor"], "stars": [5, 1]})
    made = df.wcode.ask("{{ review }} {{ stars }}", into="said", temperature=0, **QUIET)
    assert made["said"].tolist() == ["FINE 5", "POOR 1"]
    assert made["said_status"].tolist() == ["ok", "ok"]
    assert list(df.columns) == ["review", "stars"]
    assert server.seen[0].body["temperature"] == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda w: w.ask("{{ txet }}"), TemplateError, "text"),
        (lambda w: w.ask('{{ row["txet"] }}'), TemplateError, "text"),
        (lambda w: w.ask("{{ text "), TemplateError, "line 1"),
        (lambda w: w.ask("x", into="text"), UsageError, "overwrite=True"),
        (lambda w: w.ask("x", temperature=9), UsageError, "0.0 … 2.0"),
        (lambda w: w.ask("x", temprature=0), OptionError, "--temperature"),
        (lambda w: w.ask("x", missing="drop"), UsageError, "skip, error"),
        (lambda w: w.classify("x", ["a"]), UsageError, "two or more"),
        (lambda w: w.classify("x", "ab"), UsageError, "list"),
        (lambda w: w.classify("x", ["a", "A "]), UsageError, "different"),
        (lambda w: w.extract("x", {"a": "strr"}), UsageError, "strr"),
        (lambda w: w.extract("x", {"text": "str"}), UsageError, "text"),
        (lambda w: w.retry(), UsageError, "asked"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(serve, call, error, words):
    """A mistake is one line with the remedy, and costs nothing."""
    server = serve()
    with pytest.raises(error) as caught:
        call(texts(2).wcode)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not server.seen


def test_retry_sends_those_rows_alone(serve):
    """Rows of the given statuses are sent again; all others stay as they are."""
    broken = {"row 1", "row 3"}

    def script(seen) -> Answer:
        if prompt_of(seen) in broken:
            return Answer([b'{"error": "no"}'], status=400)
        return echo(seen)

    server = serve(script)
    made = texts(5).wcode.ask("{{ text }}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "http_4xx", "ok", "http_4xx", "ok"]
    assert made["answer_error"].notna().tolist() == [False, True, False, True, False]
    broken.clear()
    before = len(server.seen)
    again = made.wcode.retry(["http_4xx"], **QUIET)
    assert len(server.seen) == before + 2
    assert again["answer"].tolist() == [f"ROW {n}" for n in range(5)]
    assert again["answer_error"].isna().all()
    assert made["answer_status"][1] == "http_4xx"


def test_retry_names_the_statuses(serve):
    """An unknown status is told, with those that there are."""
    serve()
    made = texts(1).wcode.ask("{{ text }}", **QUIET)
    with pytest.raises(UsageError) as caught:
        made.wcode.retry(["timeuot"])
    assert "timeout" in str(caught.value)


def test_series(serve):
    """A series is asked by its name or as value; its index is kept."""
    serve()
    series = pd.Series(["a", "b"], index=[5, 5], name="word")
    made = series.wcode.ask("{{ word }}{{ value }}", **QUIET)
    assert made["answer"].tolist() == ["AA", "BB"]
    assert made.index.tolist() == [5, 5]
    assert list(made.columns) == ["answer", "answer_status", "answer_error"]


def test_await(serve):
    """The same methods for await, inside a running loop."""
    serve()

    async def both() -> list[pd.DataFrame]:
        one = texts(3).wcode.aio.ask("{{ text }}", **QUIET)
        two = texts(3).wcode.aio.classify("{{ text }}", ["row", "x"], **QUIET)
        return [await one, await two]

    one, two = asyncio.run(both())
    assert one["answer"].tolist() == ["ROW 0", "ROW 1", "ROW 2"]
    assert len(two) == 3


@pytest.mark.parametrize("pair", list(itertools.product([1, 7, 300], [2, 64])))
def test_any_size_and_concurrency(serve, pair):
    """Rows and answers never lose each other, whatever the numbers."""
    rows, concurrency = pair
    serve(concurrency=concurrency)
    made = texts(rows).wcode.ask("{{ text }}", **QUIET)
    assert (made["answer"] == made["text"].str.upper()).all()
