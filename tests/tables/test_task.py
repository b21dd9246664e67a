"""What is read from an answer: a label and its probability, typed fields."""

import datetime as dt
import enum
import json
from typing import Annotated

import numpy as np
import pandas as pd
import pydantic
import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, logprob, prompt_of, texts
from wcode_magics import text
from wcode_magics.errors import UsageError


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


@pytest.mark.parametrize("into", ["", 5, "a\ud800", np.array(["a", "b"])])
def test_what_is_no_column(serve, into):
    """The name of a column is a text that a file can carry."""
    server = serve()
    with pytest.raises(UsageError) as caught:
        texts(1).wcode.ask("{{ text }}", into=into, **QUIET)
    str(caught.value).encode()
    assert not server.seen


def test_extract(serve):
    """A column for each field, with the field's dtype."""
    server = serve(completion(json.dumps(ANSWER)))
    made = texts(2).wcode.extract("{{ text }}", Review, **QUIET)
    assert {name: str(made[name].dtype) for name in ANSWER} == {
        "stars": "Int64",
        "price": "Float64",
        "fair": "boolean",
        "day": "datetime64[us]",
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


def test_choices_that_are_told_twice(serve):
    """A choice that an enum repeats is one category."""
    serve(completion('{"x": "b"}'))
    schema = {"type": "object", "properties": {"x": {"enum": ["a", "b", "a"]}}}
    made = texts(1).wcode.extract("{{ text }}", schema, **QUIET)
    assert made["x"].dtype.categories.tolist() == ["a", "b"]
    assert made["x"].tolist() == ["b"]


def test_moments_have_one_dtype(serve):
    """Offsets, their lack and fractions of seconds never change a column's dtype."""
    said = [
        "2024-05-01T10:00:00",
        "2024-05-01T10:00:00.25+08:00",
        "2024-05-01T10:00:00Z",
    ]
    serve(*(completion(json.dumps({"at": one})) for one in said))
    schema = {"at": "datetime"}
    df = texts(3)
    made = df.wcode.extract("{{ text }}", schema, concurrency=1, **QUIET)
    none = df[:0].wcode.extract("{{ text }}", schema, **QUIET)
    assert made["at"].dtype == none["at"].dtype == "datetime64[us, UTC]"
    hours = made["at"].dt.hour + made["at"].dt.microsecond / 1e6
    assert sorted(hours) == [2.25, 10.0, 10.0]


@pytest.mark.parametrize(
    ("kind", "said", "status"),
    [
        ("integer", "1" + "0" * 30, "invalid"),
        ("integer", "1e30", "invalid"),
        ("integer", str(2**63 - 1), "ok"),
        ("number", "1" + "0" * 400, "invalid"),
        ("string", '"a\\ud800b"', "ok"),
        ("array", '["a\\ud800b"]', "ok"),
    ],
)
def test_no_answer_breaks_the_frame(serve, kind, said, status):
    """What no column can hold is its row's error, or U+FFFD; the frame stands."""
    schema = {"type": "object", "properties": {"x": {"type": kind}}}
    serve(completion('{"x": ' + said + "}"))
    made = texts(1).wcode.extract("{{ text }}", schema, **QUIET)
    assert made["extract_status"].tolist() == [status]
    if kind == "string":
        assert made["x"].tolist() == ["a\ufffdb"]


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


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("date", "next tuesday"),
        ("date", "2024-02-30"),
        ("date-time", "2024-05-01T25:00:00"),
        ("date-time", "0001-01-01T00:00:00+08:00"),
    ],
)
def test_dates_that_are_none(serve, form, said):
    """A date that the calendar lacks is asked once more, then invalid."""
    server = serve(completion(json.dumps({"when": said})))
    schema = {"properties": {"when": {"type": "string", "format": form}}}
    made = texts(1).wcode.extract("{{ text }}", schema, **QUIET)
    assert made["extract_status"].tolist() == ["invalid"]
    assert made["when"].isna().all()
    assert "$.when" in made["extract_error"][0]
    assert said in made["extract_error"][0]
    assert len(server.seen) == 2


@pytest.mark.parametrize("form", ["date", "date-time"])
@pytest.mark.parametrize("year", ["0001", "1066", "9999"])
def test_dates_of_any_year(serve, form, year):
    """Years that nanoseconds cannot tell are told all the same."""
    serve(completion(json.dumps({"when": f"{year}-03-04"})))
    schema = {"properties": {"when": {"type": "string", "format": form}}}
    made = texts(1).wcode.extract("{{ text }}", schema, **QUIET)
    assert made["extract_status"].tolist() == ["ok"]
    assert (made["when"].dt.year[0], made["when"].dt.day[0]) == (int(year), 4)


@pytest.mark.parametrize("said", ['["x"]', '"x"', "3", "null"])
@pytest.mark.parametrize("flat", [False, True])
def test_objects_without_a_type(serve, said, flat):
    """Where fields are asked for, what is no object does not fit."""
    inner = {"properties": {"a": {"type": "string"}}}
    serve(completion(f'{{"in": {said}}}' if flat else said))
    schema = {"properties": {"in": inner}} if flat else inner
    made = texts(1).wcode.extract("{{ text }}", schema, flat=flat, **QUIET)
    nothing = flat and said == "null"
    assert made["extract_status"].tolist() == ["ok" if nothing else "invalid"]
    assert nothing or ("$.in" if flat else "$:") in made["extract_error"][0]


def test_an_object_or_nothing(serve):
    """Where a schema allows null, null has no values and is no mistake."""
    serve(completion("null"))
    made = texts(1).wcode.extract("{{ text }}", Review | None, **QUIET)
    assert made["extract_status"].tolist() == ["ok"]
    assert made[list(ANSWER)].isna().all(axis=None)


KINDS = {
    "whole": (int, 1, "x"),
    "half": (int, 1, 1.5),
    "share": (float, 1.5, [1]),
    "yes": (bool, True, 1),
    "text": (str, "a", 1),
    "day": (dt.date, dt.date(2024, 5, 1), "soon"),
    "mood": (Mood, Mood.glad, "merry"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_another_kind(serve, kind):
    """What a validator makes of another kind than its column's is its row's error."""
    form, good, bad = KINDS[kind]

    def odd(_value: object, info: pydantic.ValidationInfo) -> object:
        return good if info.data["good"] else bad

    made = pydantic.create_model(
        "Made",
        good=(bool, ...),
        x=(Annotated[form, pydantic.BeforeValidator(lambda _: good)], ...),
        __validators__={"odd": pydantic.field_validator("x")(odd)},
    )

    def script(seen) -> Answer:
        wanted = "false" if "row 1" in prompt_of(seen) else "true"
        return completion(f'{{"good": {wanted}, "x": 0}}')

    serve(script)
    found = texts(3).wcode.extract("{{ text }}", made, **QUIET)
    assert found["extract_status"].tolist() == ["ok", "invalid", "ok"]
    assert found["x"].isna().tolist() == [False, True, False]
    assert "$.x" in found["extract_error"][1]


@pytest.mark.parametrize("name", ["c.d", "a[0]", "]", "", "$", "$.x", 'q"\\"', "单 价"])
@pytest.mark.parametrize("flat", [False, True])
def test_fields_of_any_name(serve, name, flat):
    """A name may hold what paths are made of; its value and probability are found."""
    inner = json.dumps({name: 7, "other": 1}, ensure_ascii=False)
    said = f'{{"a b": {inner}}}' if flat else inner
    pieces = [*said.partition("7")]
    shares = [0.5, 0.25, 0.5]
    tokens = [logprob(p, (p, np.log(q))) for p, q in zip(pieces, shares, strict=True)]
    serve(completion(said, logprobs={"content": tokens}))
    schema = {name: "int", "other": "int"}
    made = texts(1).wcode.extract(
        *("{{ text }}", {"a b": schema} if flat else schema),
        **{"flat": flat, "confidence": True, "prefix": "p_", **QUIET},
    )
    column = f"p_a b.{name}" if flat else f"p_{name}"
    assert made[column].tolist() == [7]
    assert made[f"{column}_p"].tolist() == pytest.approx([0.25])


def test_an_answer_too_deep_to_be_read(serve):
    """JSON nested without end is its row's error, and the other rows are there."""

    def script(seen) -> Answer:
        deep = "row 1" in prompt_of(seen)
        return completion('{"a": ' + ("[" * 9_000 if deep else "1}"))

    serve(script)
    made = texts(3).wcode.extract("{{ text }}", {"a": "int"}, **QUIET)
    assert made["extract_status"].tolist() == ["ok", "invalid", "ok"]
    assert "nested deeper than 500 levels" in made["extract_error"][1]


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
    assert "_wcode" not in made["extract_error"][1]
    assert len(server.seen) == 4


@pytest.mark.parametrize("said", ['{"x": "dear"}', "no JSON"])
@pytest.mark.parametrize("prompt", ["{{ text }}", "评 {{ text }}"])
def test_asking_again_is_the_same_in_every_language(serve, said, prompt):
    """The model is told what is wrong in its prompt's language, and no more."""
    server = serve(completion(said))
    for spoken in text.LANGUAGES:
        text.use(spoken)
        made = texts(1).wcode.extract(prompt, {"x": "int"}, fresh=True, **QUIET)
        assert made["extract_status"].tolist() == ["invalid"]
    bodies = [seen.body["messages"] for seen in server.seen]
    assert bodies[:2] == bodies[2:]
    asked = bodies[1][-1]["content"]
    assert ("请" in asked) == ("评" in prompt)
    assert ("$.x: " if "dear" in said else "JSON: ") in asked
    assert "--" not in asked


def test_half_a_character_is_asked_again(serve):
    """An answer that no request can carry is shown to the model with U+FFFD."""
    (whole,) = completion('{"x": "aHALFb😀"}').pieces
    half = Answer([whole.replace(b"HALF", b"\\ud800")])
    server = serve(half, completion('{"x": 1}'))
    made = texts(1).wcode.extract("{{ text }}", {"x": "int"}, **QUIET)
    assert made["extract_status"].tolist() == ["ok"]
    assert server.seen[1].body["messages"][1]["content"] == '{"x": "a\ufffdb😀"}'


def test_numbers_of_numpy_are_plain_in_the_notes(serve, tmp_path):
    """What a frame remembers of a call is JSON, so that Parquet takes the frame."""
    server = serve(completion('{"x": 3}'))
    field = {"type": "integer", "minimum": np.int64(1), "enum": np.array([3, 4])}
    schema = {"type": "object", "properties": {"x": field}}
    made = texts(1).wcode.extract(
        *("{{ text }}", schema), seed=np.int64(3), temperature=np.float32(0.5), **QUIET
    )
    assert made["extract_status"].tolist() == ["ok"]
    assert server.seen[0].body["seed"] == 3
    made.to_parquet(tmp_path / "made.parquet")
    read = pd.read_parquet(tmp_path / "made.parquet")
    assert read.attrs["wcode"]["extract"]["seed"] == 3
    again = read.wcode.retry(["ok"], **QUIET)
    assert again["x"].tolist() == [3]
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"content": None}, "no text"),
        ({"content": " \n"}, "no text"),
        ({"content": "", "reasoning_content": "hm"}, "thought"),
        (
            {
                "content": None,
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "function": {"name": "look", "arguments": "{}"},
                    }
                ],
            },
            "look",
        ),
    ],
    ids=["null", "space", "thinking", "call"],
)
@pytest.mark.parametrize("kind", ["ask", "classify", "extract"])
def test_an_empty_answer_is_none(serve, message, words, kind):
    """Its status is empty, its error says what came; retry sends it again."""
    good = {"ask": "fine", "classify": "a", "extract": '{"n": 1}'}[kind]
    server = serve(
        completion(message={"role": "assistant", **message}), completion(good)
    )
    rest = {"classify": [["a", "b"]], "extract": [{"n": "int"}]}.get(kind, [])
    made = getattr(texts(1).wcode, kind)("{{ text }}", *rest, into="x", **QUIET)
    assert made["x_status"].tolist() == ["empty"]
    assert words in made["x_error"][0]
    column = "n" if kind == "extract" else "x"
    assert made[column].isna().all()
    again = made.wcode.retry(**QUIET)
    assert again["x_status"].tolist() == ["ok"]
    assert str(again[column][0]) == ("1" if kind == "extract" else good)
    assert len(server.seen) == 2


def test_an_empty_answer_of_the_store(serve):
    """Replayed it is no more than it was."""
    server = serve(completion(""))
    for _ in range(2):
        made = texts(1).wcode.ask("{{ text }}", **QUIET)
        assert made["answer_status"].tolist() == ["empty"]
    assert len(server.seen) == 1


def test_json_mode_holds_for_rows(serve):
    """An answer that is not JSON is no answer; one that was cut off keeps its text."""
    said = iter(
        [
            completion('{"a": 1}'),
            completion("Sure, a is 1."),
            completion('{"a":', finish_reason="length"),
        ]
    )
    serve(lambda _seen: next(said))
    made = texts(3).wcode.ask("JSON of {{ text }}", json=True, concurrency=1, **QUIET)
    assert made["answer_status"].tolist() == ["ok", "invalid", "truncated"]
    assert made["answer"].fillna("").tolist() == ['{"a": 1}', "", '{"a":']
    assert "is not JSON" in made["answer_error"][1]
    assert made["answer_error"][1].endswith("| Sure, a is 1.")
