"""``df.wcode``: rows in, typed columns out, nothing lost and nothing paid twice."""

import asyncio
import datetime as dt
import enum
import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pydantic
import pytest

from tests.loopback import Answer, Loopback, completion
from wcode_magics.errors import (
    AuthenticationError,
    BudgetError,
    OptionError,
    ReplayError,
    TemplateError,
    UsageError,
)
from wcode_magics.frames import frame as frames
from wcode_magics.session import Session

QUIET = {"progress": False}


def prompt_of(seen) -> str:
    """What the row asked."""
    return seen.body["messages"][0]["content"]


def echo(seen) -> Answer:
    """Answers the prompt in capitals."""
    return completion(prompt_of(seen).upper())


@pytest.fixture
def serve(loopback) -> Iterator:
    """Make a server and let ``df.wcode`` use it: ``serve(script, **settings)``."""
    sessions = []

    def make(*script, **settings) -> Loopback:
        server = loopback(*(script or [echo]))
        sessions.append(Session(base_url=server.url, api_key="k", **settings))
        frames.register(sessions[-1])
        return server

    yield make
    for session in sessions:
        session.close()
    frames.register()


def texts(number: int) -> pd.DataFrame:
    """A frame of as many different texts."""
    return pd.DataFrame({"text": [f"row {n}" for n in range(number)]})


def test_ask(serve):
    """A template is filled from each row, and the answers stand in a new column."""
    server = serve()
    df = pd.DataFrame({"review": ["fine", "poor"], "stars": [5, 1]})
    made = df.wcode.ask("{{ review }} {{ stars }}", into="said", temperature=0, **QUIET)
    assert made["said"].tolist() == ["FINE 5", "POOR 1"]
    assert made["said_status"].tolist() == ["ok", "ok"]
    assert list(df.columns) == ["review", "stars"]
    assert server.seen[0].body["temperature"] == 0


@pytest.mark.parametrize("name", ["评论", "total price", "a-b", 3, ("x", 1), "row"])
def test_any_column_name(serve, name):
    """Every column is reachable as row[name]; identifiers by name, in any script."""
    serve()
    df = pd.DataFrame({"other": [1]})
    df[name] = pd.Series(["v"], dtype=object)
    template = "{{ row }}" if name == "row" else f"{{{{ row[{name!r}] }}}}"
    assert df.wcode.ask(template, **QUIET)["answer"].tolist() == ["V"]
    if str(name).isidentifier():
        made = df.wcode.ask(f"!{{{{ {name} }}}}", **QUIET)
        assert made["answer"].tolist() == ["!V"]


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


@pytest.mark.parametrize(
    "values",
    [
        pd.array(["a", None, "c"], dtype="string"),
        pd.array(["a", None, "c"], dtype=object),
        pd.Categorical(["a", None, "c"]),
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([1.5, None, 2.5], dtype="Float64"),
        pd.array([True, None, False], dtype="boolean"),
        np.array([1.0, np.nan, 2.0]),
        pd.to_datetime(["2024-01-01", None, "2024-01-03"]).array,
    ],
    ids=lambda values: str(values.dtype),
)
def test_missing_values_are_never_sent(serve, values):
    """A row without a value it uses is skipped, whatever the dtype, and unpaid."""
    server = serve()
    df = pd.DataFrame({"x": values, "unused": [None, "u", None]})
    made = df.wcode.ask("say {{ x }}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "skipped", "ok"]
    assert made["answer"].isna().tolist() == [False, True, False]
    sent = " ".join(prompt_of(seen) for seen in server.seen)
    assert len(server.seen) == 2
    assert not any(word in sent.lower() for word in ("nan", "none", "na>", "nat"))


def test_missing_values_may_be_an_error(serve):
    """missing="error" names the columns and the number of rows, and sends nothing."""
    server = serve()
    df = pd.DataFrame({"x": ["a", None, None]})
    with pytest.raises(UsageError) as caught:
        df.wcode.ask("{{ x }}", missing="error", **QUIET)
    assert "2 rows have missing values in x" in str(caught.value)
    assert not server.seen


def test_no_rows(serve):
    """A frame without rows gets its columns, with their dtypes."""
    serve()
    made = texts(0).wcode.ask("{{ text }}", details=True, **QUIET)
    assert len(made) == 0
    assert str(made["answer"].dtype) == "string"
    assert str(made["answer_prompt_tokens"].dtype) == "Int64"


def test_identical_prompts_and_second_runs_are_free(serve):
    """Equal rows are sent once; another run sends only what is missing, and says so."""
    server = serve()
    df = pd.DataFrame({"text": ["a", "b", "a", "a"]})
    df.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 2
    more = pd.DataFrame({"text": ["c", "a", "b"]})
    made = more.wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 3
    assert made["answer_status"].tolist() == ["ok", "replayed", "replayed"]
    df.wcode.ask("{{ text }}", fresh=True, **QUIET)
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    "change", [{"temperature": 1}, {"model": "m"}, {"system": "s"}]
)
def test_another_request_is_another_answer(serve, change):
    """Another parameter, model or instruction is not replayed from the first."""
    server = serve()
    texts(2).wcode.ask("{{ text }}", **QUIET)
    texts(2).wcode.ask("{{ text }}", **change, **QUIET)
    assert len(server.seen) == 4


def test_told_in_a_line(serve, capsys):
    """Skipped, failed and replayed rows are told in one line; else nothing."""
    serve()
    df = pd.DataFrame({"text": ["a", None]})
    texts(2).wcode.ask("{{ text }}")
    assert capsys.readouterr().err == ""
    df.wcode.ask("{{ text }}")
    assert "skipped 1" in capsys.readouterr().err
    df.wcode.ask("{{ text }}")
    assert "1 answers replayed" in capsys.readouterr().err


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


def test_duplicate_columns(serve):
    """A column that is there twice cannot be used; one that is not used may be."""
    serve()
    df = pd.DataFrame([["a", "b", "c"]], columns=["x", "x", "y"])
    with pytest.raises(UsageError):
        df.wcode.ask("{{ x }}", **QUIET)
    assert df.wcode.ask("{{ y }}", **QUIET)["answer"].tolist() == ["C"]


def test_a_row_whose_template_fails(serve):
    """A template that fails on one row is that row's error; nothing is sent for it."""
    server = serve()
    df = pd.DataFrame({"a": [1, 1], "b": [2, 0]})
    made = df.wcode.ask("{{ a / b }}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "invalid"]
    assert "ZeroDivisionError" in made["answer_error"][1]
    assert len(server.seen) == 1


def test_values_are_text_and_never_a_template(serve):
    """Braces in a value go to the model as they are."""
    server = serve()
    df = pd.DataFrame({"x": ["{{ 7*7 }} {% raw %}"]})
    df.wcode.ask("{{ x }}", **QUIET)
    assert prompt_of(server.seen[0]) == "{{ 7*7 }} {% raw %}"


def logprob(token: str, *others: tuple[str, float]) -> dict:
    """One reported token, most likely first."""
    top = [{"token": t, "logprob": p, "bytes": [*t.encode()]} for t, p in others]
    return {**top[0], "token": token, "top_logprobs": top}


def test_classify(serve):
    """A label with its probability, and one for each label, from the log probs."""
    others = [("good", np.log(0.7)), ("bad", np.log(0.2)), ("x", np.log(0.1))]
    tokens = {"content": [logprob("good", *others)]}
    server = serve(completion("good", logprobs=tokens))
    made = texts(2).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    assert made["label"].dtype.categories.tolist() == ["good", "bad"]
    assert made["label"].tolist() == ["good", "good"]
    assert made["label_p"].tolist() == pytest.approx([7 / 9, 7 / 9])
    assert made["label_p_bad"].tolist() == pytest.approx([2 / 9, 2 / 9])
    body = server.seen[0].body
    assert body["logprobs"] is True
    assert body["response_format"]["json_schema"]["schema"]["enum"] == ["good", "bad"]
    assert body["max_tokens"] < 20
    assert "good / bad" in prompt_of(server.seen[0])


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("positive", "positive"),
        ('"Positive"', "positive"),
        ("Very positive.", "very positive"),
        ("I would say: positive!", "positive"),
        ("好评。", "好评"),
        ("neither", None),
        ("positive or 好评", None),
    ],
)
def test_labels_that_share_words(serve, said, label):
    """The longest label that the answer says; no label, or two, is invalid."""
    serve(completion(said))
    labels = ["positive", "very positive", "好评"]
    made = texts(1).wcode.classify("{{ text }}", labels, **QUIET)
    assert made["label_status"][0] == ("ok" if label else "invalid")
    assert made["label"].isna().tolist() == [label is None]
    assert label is None or made["label"].tolist() == [label]
    assert made["label_p"].isna().all()


class Mood(enum.Enum):
    """A field of choices."""

    glad = "glad"
    sad = "sad"


class Review(pydantic.BaseModel):
    """What is extracted."""

    stars: int
    price: float | None
    fair: bool
    day: dt.date
    mood: Mood
    tags: list[str]
    shop: dict[str, str]


ANSWER = {
    "stars": 4,
    "price": None,
    "fair": True,
    "day": "2024-05-01",
    "mood": "glad",
    "tags": ["a", "b"],
    "shop": {"name": "tea"},
}


def test_extract(serve):
    """A column for each field, with the field's dtype."""
    server = serve(completion(json.dumps(ANSWER)))
    made = texts(2).wcode.extract("{{ text }}", Review, **QUIET)
    assert {name: str(made[name].dtype) for name in ANSWER} == {
        "stars": "Int64",
        "price": "Float64",
        "fair": "boolean",
        "day": made["day"].dtype.name,
        "mood": "category",
        "tags": "object",
        "shop": "object",
    }
    assert made["day"][0] == pd.Timestamp("2024-05-01")
    assert made["tags"][0] == ["a", "b"]
    assert made["mood"].tolist() == ["glad", "glad"]
    assert made["price"].isna().all()
    sent = server.seen[0].body["response_format"]
    assert sent["json_schema"]["schema"]["properties"]["stars"] == {
        "title": "Stars",
        "type": "integer",
    }


def test_extract_flat_with_confidence(serve):
    """Objects inside become dotted columns; each field has its probability."""

    class Shop(pydantic.BaseModel):
        name: str

    class Sale(pydantic.BaseModel):
        shop: Shop
        price: float

    said = '{"shop": {"name": "tea"}, "price": 2}'
    pieces = ['{"shop": {"name": "', "tea", '"}, "price": ', "2", "}"]
    tokens = {"content": [logprob(p, (p, np.log(0.5))) for p in pieces]}
    serve(completion(said, logprobs=tokens))
    made = texts(1).wcode.extract(
        "{{ text }}", Sale, flat=True, confidence=True, prefix="s_", **QUIET
    )
    assert made["s_shop.name"].tolist() == ["tea"]
    assert made["s_price"].tolist() == [2.0]
    assert made["s_price_p"].tolist() == pytest.approx([0.5])


def test_invalid_answers_are_asked_again_once(serve):
    """What does not fit is asked again with the error; then it is a row's error."""

    def script(seen) -> Answer:
        said = seen.body["messages"]
        asked, again = said[0]["content"], len(said) > 1
        if again and "row 0" in asked:
            assert "$.price" in said[2]["content"]
            return completion('{"price": 3}')
        return completion('{"price": "cheap"}')

    server = serve(script)
    made = texts(2).wcode.extract("{{ text }}", {"price": "float"}, **QUIET)
    assert made["extract_status"].tolist() == ["ok", "invalid"]
    assert made["price"].tolist() == [3.0, pd.NA]
    assert '{"price": "cheap"}' in made["extract_error"][1]
    assert len(server.seen) == 4


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


def test_truncated_answers_are_kept_and_told(serve):
    """An answer cut at max_tokens is not called ok, its text is there."""
    serve(completion("half", finish_reason="length"))
    made = texts(1).wcode.ask("{{ text }}", **QUIET)
    assert made[["answer", "answer_status"]].to_numpy().tolist() == [
        ["half", "truncated"]
    ]


def test_estimate_sends_nothing(serve):
    """The estimate counts rows, tokens and ¥ from the store and the template."""
    server = serve()
    df = pd.DataFrame({"text": ["a", "b", "b", None, "c"]})
    df[:1].wcode.ask("{{ text }}", max_tokens=10, **QUIET)
    told = df.wcode.estimate("{{ text }}", max_tokens=10)
    assert (told.rows, told.skipped, told.repeated) == (5, 1, 1)
    assert (told.recorded, told.sends) == (1, 2)
    assert told.answer == (2, 20)
    assert told.prompt.tokens > 10
    assert told.cost[0] < told.cost[1] < 0.001
    assert "2 to send" in str(told)
    assert len(server.seen) == 1


def test_preview_is_paid_once(serve, capsys):
    """A preview of short and long rows is reused by the run, and forecasts it."""
    server = serve()
    df = pd.DataFrame({"text": ["x" * n for n in range(1, 41)]})
    some = df.wcode.preview("{{ text }}", 5, progress=False)
    assert some.index.tolist() == [0, 10, 20, 29, 39]
    told = capsys.readouterr().err
    assert "35 to send, 5 recorded" in told
    df.wcode.ask("{{ text }}", into="answer", **QUIET)
    assert len(server.seen) == 40


def test_budget(serve):
    """A budget stops before it is overrun; the rest is told and can go on."""
    server = serve(concurrency=2)
    options = {"max_tokens": 5, "budget": 0.0005, **QUIET}
    made = texts(60).wcode.ask("{{ text }}", **options)
    done = Counter(made["answer_status"])
    assert set(done) == {"ok", "budget"}
    assert 0 < done["ok"] < 60
    assert len(server.seen) == done["ok"]
    again = made.wcode.retry(["budget"], **{**options, "budget": 1})
    assert set(again["answer_status"]) == {"ok"}


def test_budget_below_one_row(serve):
    """A budget that no row fits is an error before anything is sent."""
    server = serve()
    with pytest.raises(BudgetError):
        texts(3).wcode.ask("{{ text }}", budget=1e-9, **QUIET)
    assert not server.seen


def test_a_refused_key_is_an_error(serve):
    """What befalls all rows is raised, after one flight at most."""
    server = serve(Answer([b'{"error": "bad key"}'], status=401), concurrency=4)
    with pytest.raises(AuthenticationError):
        texts(100).wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) <= 8


def test_details(serve):
    """Columns of tokens, price, mean logprob and finish reason on request."""
    tokens = {"content": [logprob("hi", ("hi", -0.5))]}
    serve(completion("hi", logprobs=tokens))
    made = texts(1).wcode.ask("{{ text }}", details=True, logprobs=True, **QUIET)
    assert made["answer_completion_tokens"].tolist() == [5]
    assert made["answer_logprob"].tolist() == [-0.5]
    assert made["answer_finish_reason"].tolist() == ["stop"]
    assert made["answer_cost"][0] > 0


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


def test_stop_is_a_pause(serve):
    """Stop returns what was answered; running again sends the rest alone."""

    def slow(seen) -> Answer:
        return Answer(echo(seen).pieces, delay=0.05)

    server = serve(slow, concurrency=4)
    main = threading.main_thread().ident
    timer = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    made = texts(100).wcode.ask("{{ text }}", **QUIET)
    timer.join()
    done = Counter(made["answer_status"])
    assert done["stopped"] > 20
    assert done["ok"] == len(server.seen) >= 4
    whole = texts(100).wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 100
    assert whole["answer"].tolist() == [f"ROW {n}" for n in range(100)]


def test_replay_only(serve, tmp_path):
    """WCODE_REPLAY=only: recorded rows without a server, others are an error."""
    store = tmp_path / "project.db"
    serve(store=str(store))
    texts(3).wcode.ask("{{ text }}", **QUIET)
    with Session(store=str(store), replay="only") as offline:
        frames.register(offline)
        made = texts(3).wcode.ask("{{ text }}", **QUIET)
        assert set(made["answer_status"]) == {"replayed"}
        with pytest.raises(ReplayError) as caught:
            texts(4).wcode.ask("{{ text }}", **QUIET)
    assert "“row 3”" in str(caught.value)
    assert "Nearest is “row " in str(caught.value)


def faulty(dice: random.Random):
    """10 % 429, 5 % 500, 3 % resets, 2 % cut, 1 % broken JSON, 1 % too slow."""

    def script(seen) -> Answer:
        roll = dice.random()
        if roll < 0.10:
            when = dice.choice(["0", "0.01", "Thu, 01 Jan 1970 00:00:00 GMT"])
            return Answer([b"{}"], status=429, headers={"Retry-After": when})
        if roll < 0.15:
            return Answer([b"oops"], status=500)
        if roll < 0.18:
            raise ConnectionResetError
        if roll < 0.20:
            return Answer([b'{"choices": [{"mess'], cut=True)
        if roll < 0.21:
            return Answer([b'{"choices": [{"mess'])
        if roll < 0.22:
            return Answer(hang=True)
        return echo(seen)

    return script


def test_faults_of_every_kind(serve):
    """Under all faults at once every row is right or has its own error."""
    serve(faulty(random.Random(5)), timeout=0.5, retries=2)
    made = texts(600).wcode.ask("{{ text }}", **QUIET)
    good = made["answer_status"] == "ok"
    assert (made["answer"][good] == made["text"][good].str.upper()).all()
    assert made["answer_error"][~good].notna().all()
    assert made["answer"][~good].isna().all()
    assert good.mean() > 0.9
    assert set(made["answer_status"]) <= {
        "ok",
        "http_4xx",
        "http_5xx",
        "connection",
        "timeout",
        "invalid",
    }


ENRICH = """
import sys
import pandas as pd
from wcode_magics.frames import frame
from wcode_magics.session import Session
frame.register(Session(base_url=sys.argv[1], api_key="k", store=sys.argv[2]))
df = pd.DataFrame({"text": [f"row {n}" for n in range(2_000)]})
made = df.wcode.ask("{{ text }}", progress=False)
assert made["answer"].tolist() == [f"ROW {n}" for n in range(2_000)]
print(made["answer_status"].value_counts().to_dict())
"""


def test_killed_at_any_moment(loopback, tmp_path):
    """Killed (-9) at ten random moments: a last run is right and sends little again."""

    def slow(seen) -> Answer:
        return Answer(echo(seen).pieces, delay=0.02)

    server = loopback(slow)
    store = tmp_path / "answers.db"
    argv = [sys.executable, "-c", ENRICH, server.url, str(store)]
    dice = random.Random()
    for _ in range(10):
        before = len(server.seen)
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while len(server.seen) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.15))
        process.kill()
        process.wait()
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "ok" in done.stdout or "replayed" in done.stdout
    times = Counter(prompt_of(seen) for seen in server.seen)
    assert len(times) == 2_000
    flight = 64 * 2  # what is in flight, and what was answered in the last 50 ms
    assert sum(times.values()) - 2_000 <= 10 * flight


def test_two_frames_at_once_share_one_limiter(serve):
    """Two runs at the same time do not exceed the concurrency together."""
    flying = []

    def script(seen) -> Answer:
        flying.append(limiter.flying)
        return Answer(echo(seen).pieces, delay=0.01)

    serve(script, concurrency=5)
    session = frames.session()
    limiter = session.limiter(session.settings.resolve({}))

    async def both() -> None:
        calls = (texts(40).wcode.aio.ask(f"{k}{{{{ text }}}}", **QUIET) for k in "ab")
        await asyncio.gather(*calls)

    asyncio.run(both())
    assert len(flying) == 80
    assert max(flying) == 5


def test_cell_over_a_frame(loopback, shell, run):
    """%%wcode --frame fills the cell from each row and binds a new frame."""
    server = loopback(echo)
    shell.run_line_magic("wcode_config", f"base_url={server.url}")
    shell.user_ns["df"] = pd.DataFrame({"评论": ["a", "b"], "n": [1, 2]})
    shell.user_ns["word"] = "hello"
    done = run("%%wcode --frame $df --into said -t 0 --out out\n{{ word }} {{ 评论 }}")
    assert done.success
    assert shell.user_ns["out"]["said"].tolist() == ["HELLO A", "HELLO B"]
    assert "said" not in shell.user_ns["df"].columns
    assert all(seen.body["temperature"] == 0 for seen in server.seen)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--frame $word", "DataFrame"),
        ("--frame $df --code", "--code"),
        ("--into x", "--frame"),
        ("--frame $df --into n", "overwrite"),
    ],
)
def test_cell_over_a_frame_that_cannot_be(shell, run, line, words):
    """A frame that is none, or options that make no sense with it, are told."""
    shell.user_ns["df"] = pd.DataFrame({"n": [1]})
    shell.user_ns["word"] = 3
    done = run(f"%%wcode {line}\n{{{{ n }}}}")
    assert not done.success
    assert words in str(done.error)


ARRIVAL = """
import sys
if sys.argv[1] == "before":
    import pandas
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
meta = list(sys.meta_path)
shell.run_line_magic("load_ext", "wcode_magics")
loaded = "pandas" in sys.modules
import pandas as pd
assert hasattr(pd.DataFrame({"a": [1]}).wcode, "ask")
assert hasattr(pd.Series([1]).wcode, "ask")
shell.run_line_magic("unload_ext", "wcode_magics")
assert not hasattr(pd.DataFrame, "wcode") and not hasattr(pd.Series, "wcode")
shell.run_line_magic("load_ext", "wcode_magics")
assert hasattr(pd.DataFrame, "wcode")
shell.run_line_magic("unload_ext", "wcode_magics")
assert [m for m in sys.meta_path if "wcode" in type(m).__module__] == []
print(loaded)
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_available_whenever_pandas_comes(order):
    """df.wcode is there whether pandas was imported before or after, and goes."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ARRIVAL, order],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(order == "before")


def test_unloading_forgets_to_wait():
    """Unloaded before pandas came, nothing is left of the import hook."""
    script = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "wcode_magics")
shell.run_line_magic("unload_ext", "wcode_magics")
import pandas as pd
print(hasattr(pd.DataFrame, "wcode"), "wcode_magics.frames.frame" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == ["False", "False"]


@pytest.mark.parametrize("pair", list(itertools.product([1, 7, 300], [2, 64])))
def test_any_size_and_concurrency(serve, pair):
    """Rows and answers never lose each other, whatever the numbers."""
    rows, concurrency = pair
    serve(concurrency=concurrency)
    made = texts(rows).wcode.ask("{{ text }}", **QUIET)
    assert (made["answer"] == made["text"].str.upper()).all()
