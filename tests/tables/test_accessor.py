"""``df.wcode``: rows in, typed columns out, mistakes told before anything is sent."""

import asyncio
import itertools

import pandas as pd
import pytest

from tests.loopback import Answer, Seen, completion
from tests.tables.asking import QUIET, echo, prompt_of, texts
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
        (lambda w: w.ask("x", into=3), UsageError, "into is 3"),
        (lambda w: w.ask("x", into=""), UsageError, "name of the new"),
        (lambda w: w.ask(3), UsageError, "template is int"),
        (lambda w: w.ask("x", budget="much"), UsageError, "budget is"),
        (lambda w: w.ask("x", budget=float("nan")), UsageError, "budget is"),
        (lambda w: w.ask("x", functions=[len]), UsageError, "functions is for"),
        (lambda w: w.ask("x", chat="c"), UsageError, "chat is for a cell"),
        (lambda w: w.ask("x", temperature=9), UsageError, "0 … 2"),
        (lambda w: w.ask("x", temprature=0), OptionError, "did you mean temperature"),
        (lambda w: w.ask("x", progres=False), OptionError, "did you mean progress?"),
        (lambda w: w.ask("x", over_write=True), OptionError, "mean overwrite?"),
        (lambda w: w.ask("x", lables=["a"]), OptionError, "did you mean labels?"),
        (lambda w: w.ask("x", zzz=1), OptionError, "no option zzz. See help()"),
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


def test_retry_without_the_status(serve):
    """A frame whose status column was dropped no longer knows whom to ask again."""
    serve()
    made = texts(1).wcode.ask("{{ text }}", **QUIET)
    with pytest.raises(UsageError):
        made.drop(columns="answer_status").wcode.retry(["ok"], **QUIET)


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


def said(series, template: str, **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a series is answered, waited for and awaited."""

    async def awaited() -> pd.DataFrame:
        return await series.wcode.aio.ask(template, **options, **QUIET)

    return series.wcode.ask(template, **options, **QUIET), asyncio.run(awaited())


@pytest.mark.parametrize("name", [None, "word", "value", "answer", 3])
def test_series_of_any_name(serve, name):
    """The new columns alone, awaited too, also where they are named as the series."""
    serve()
    series = pd.Series(["a", None, "b"], index=[5, 5, 1], name=name)
    used = name if isinstance(name, str) else "value"
    for made in said(series, f"{{{{ {used} }}}}"):
        assert list(made.columns) == ["answer", "answer_status", "answer_error"]
        assert made["answer"].fillna("–").tolist() == ["A", "–", "B"]
        assert made.index.equals(series.index)


def test_series_has_every_method(serve):
    """Labels, fields, a preview of some rows, and an estimate; awaited too."""

    def script(seen: Seen) -> Answer:
        return completion('{"n": 1}' if "JSON" in prompt_of(seen) else "a")

    server = serve(script)
    series = pd.Series(list("abcdefgh"), name="word")

    async def awaited() -> list[pd.DataFrame]:
        face = series.wcode.aio
        return [
            await face.classify("{{ word }}", ["a", "b"], **QUIET),
            await face.extract("{{ word }}", {"n": "int"}, **QUIET),
            await face.preview("{{ word }}!", 3, into="word", **QUIET),
        ]

    face = series.wcode
    waited = [
        face.classify("{{ word }}", ["a", "b"], **QUIET),
        face.extract("{{ word }}", {"n": "int"}, **QUIET),
        face.preview("{{ word }}!", 3, into="word", **QUIET),
    ]
    firsts = ["label", "n", "word"]
    for made in (waited, asyncio.run(awaited())):
        assert [one.columns[0] for one in made] == firsts
        assert [len(one) for one in made] == [8, 8, 3]
        assert set(made[2].index) < set(series.index)
        assert not {"value"} & {name for one in made for name in one.columns}
    sent = len(server.seen)
    told = face.estimate("{{ word }}!")
    assert (told.rows, told.sends, told.recorded) == (8, 5, 3)
    assert asyncio.run(face.aio.estimate("{{ word }}!")) == told
    assert len(server.seen) == sent


@pytest.mark.parametrize("name", ["word", "answer"])
def test_series_retries_what_failed(serve, name):
    """The rows that failed are sent again, for the frame of answers that is given."""
    broken = {"b"}

    def script(seen):
        return Answer([b"no"], status=400) if prompt_of(seen) in broken else echo(seen)

    server = serve(script)
    series = pd.Series(["a", "b", "c"], index=[7, 7, 7], name=name)
    made = series.wcode.ask(f"{{{{ {name} }}}}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "http_4xx", "ok"]
    broken.clear()

    async def awaited() -> pd.DataFrame:
        return await series.wcode.aio.retry(["http_4xx"], of=made, **QUIET)

    waited = series.wcode.retry(["http_4xx"], of=made, **QUIET)
    for again in (waited, asyncio.run(awaited())):
        assert again["answer"].tolist() == ["A", "B", "C"]
        assert list(again.columns) == list(made.columns)
        assert again.index.equals(series.index)
    assert len(server.seen) == 4
    assert made["answer_status"].tolist() == ["ok", "http_4xx", "ok"]
    for of in (None, made.head(2)):
        with pytest.raises(UsageError, match="of=answers"):
            series.wcode.retry(of=of)


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
