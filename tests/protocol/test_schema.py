"""Schemas: many ways to say one thing, and clear words where an answer differs."""

import datetime as dt
import enum
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
import pydantic
import pytest

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.protocol import parameters
from wcode_magics.protocol.schema import Field
from wcode_magics.protocol.schema_source import schema_of


class Model(pydantic.BaseModel):
    """A pydantic model."""

    name: str
    price: float


@dataclass
class Data:
    """A dataclass."""

    name: str
    price: float


class Typed(TypedDict):
    """A TypedDict of the standard library."""

    name: str
    price: float


class Mood(enum.Enum):
    """An Enum."""

    good = "good"
    bad = "bad"


FORMS = {
    "model": Model,
    "dataclass": Data,
    "typed dict": Typed,
    "words": {"name": "str", "price": "float"},
    "types": {"name": str, "price": float},
    "json schema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "price": {"type": "number"}},
        "required": ["name", "price"],
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_say_the_same(form):
    """Every form sends an object of the same two fields and reads the same answer."""
    schema = schema_of(FORMS[form])
    assert schema.fields == (Field("name", "text"), Field("price", "float"))
    assert sorted(schema.json["required"]) == ["name", "price"]
    value = schema.check({"name": "tea", "price": 3})
    assert schema.plain(value) == {"name": "tea", "price": 3}


def test_values_are_of_the_type_asked_for():
    """A model, a dataclass and an Enum come back as their own instances."""
    assert schema_of(Model).check({"name": "a", "price": 1}) == Model(name="a", price=1)
    assert schema_of(Data).check({"name": "a", "price": 1}) == Data("a", 1.0)
    assert schema_of(Mood).check("good") is Mood.good
    assert schema_of(Literal["a", "b"]).check("b") == "b"


@pytest.mark.parametrize("form", FORMS)
def test_misfit_names_the_path(form):
    """An answer that does not fit is refused with the path that fails."""
    schema = schema_of(FORMS[form])
    with pytest.raises(AnswerError) as caught:
        schema.check({"name": "tea", "price": "cheap"})
    assert "$.price" in str(caught.value)
    with pytest.raises(AnswerError):
        schema.check({"name": "tea"})


def test_the_alternative_that_leads_furthest_is_named():
    """Of several alternatives that fail, the reason lies deepest in the value."""
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    found = {"properties": {"a": {"anyOf": [{"type": "null"}, inner]}}}
    with pytest.raises(AnswerError, match=r"\$\.a\.b"):
        schema_of(found).check({"a": {"b": 1}})
    with pytest.raises(AnswerError, match=r"\$\.a\b"):
        schema_of(found).check({"a": 1})


def test_a_pattern_that_backtracks_ends():
    """A hostile pattern and a long value are no wait without end."""
    schema = schema_of({"type": "string", "pattern": "^(?=(a+)+$)(a|b)"})
    with pytest.raises(AnswerError):
        schema.check("a" * 60 + "b")


def test_a_schema_that_has_checked_a_value_can_be_pickled():
    """It travels to the workers of a cluster."""
    schema = schema_of({"type": "object", "properties": {"a": {"type": "integer"}}})
    schema.check({"a": 1})
    with pytest.raises(AnswerError):
        pickle.loads(pickle.dumps(schema)).check({"a": "x"})


def test_paths_inside_lists():
    """The path goes through lists and objects."""
    schema = schema_of({"items": "list[int]"})
    with pytest.raises(AnswerError) as caught:
        schema.check({"items": [1, "x"]})
    assert "$.items[1]" in str(caught.value)


def test_kinds():
    """Each field has a kind, behind references and optional types too."""

    class Inner(pydantic.BaseModel):
        x: int

    class Outer(pydantic.BaseModel):
        whole: int | None
        flag: bool
        day: dt.date
        moment: dt.datetime
        mood: Mood
        inner: Inner
        tags: list[str]

    assert schema_of(Outer).fields == (
        Field("whole", "int"),
        Field("flag", "bool"),
        Field("day", "date"),
        Field("moment", "datetime"),
        Field("mood", "choice", ("good", "bad")),
        Field("inner", "object", (), (Field("x", "int"),)),
        Field("tags", "object"),
    )


def test_recursion():
    """A field that is again what stands above it is an object, and so it ends."""
    node = {"type": "object", "properties": {"v": {"type": "integer"}, "any": True}}
    node["properties"]["next"] = {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}
    schema = schema_of({"$defs": {"N": node}, "$ref": "#/$defs/N"})
    kinds = {field.name: (field.kind, field.fields) for field in schema.fields}
    assert kinds == {"v": ("int", ()), "any": ("object", ()), "next": ("object", ())}
    value = {"v": 1, "next": {"v": 2, "next": None}}
    assert schema.check(value) == value


def test_any_field_name():
    """Fields may be called anything: Chinese, with spaces."""
    schema = schema_of(
        {"总价": "float", "unit price": "int | None", "好坏": ["好", "坏"]}
    )
    assert [f.kind for f in schema.fields] == ["float", "int", "choice"]
    value = {"总价": 1.5, "unit price": None, "好坏": "好"}
    assert schema.check(value) == value


@pytest.mark.parametrize("form", [Literal["a", "b"], Mood, {"enum": ["a"]}, list[int]])
def test_answers_that_are_no_objects(form):
    """A choice or a list is a schema of one value, without fields."""
    schema = schema_of(form)
    assert schema.fields == ()
    assert schema.value.kind in {"choice", "object"}


@pytest.mark.parametrize("form", [*FORMS.values(), Mood, Literal["a"], list[Model]])
def test_response_format_is_allowed(form):
    """What is sent passes the table of parameters, with a name the API takes."""
    sent = parameters.check("response_format", schema_of(form).response_format)
    assert sent["json_schema"]["name"].replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"a": "strr"}, "str"),
        ({"a": []}, "choices"),
        ({"a": np.int64}, "no schema"),
        ({"type": "object", "properties": 3}, "JSON Schema"),
        (object(), "no schema"),
        ({"enum": []}, "enum []"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "#/$defs/b"),
        ({"items": {"$ref": "https://example.com/b"}}, "https://example.com/b"),
        ({"items": {"$dynamicRef": "http://127.0.0.1:9/b"}}, "127.0.0.1:9"),
        ({"type": "string", "pattern": "("}, "regex"),
        ({"type": "integer", "minimum": 3, "maximum": 1}, "minimum 3 > maximum 1"),
        (
            {"type": "object", "properties": {"a": False}, "required": ["a"]},
            "$.a",
        ),
        (
            {
                "type": "object",
                "properties": {},
                "required": ["b"],
                "additionalProperties": False,
            },
            "required b",
        ),
    ],
)
def test_refused(form, words):
    """What is no schema, or one that nothing meets, is refused before it is sent."""
    with pytest.raises(UsageError) as caught:
        schema_of(form)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


class Shop(pydantic.BaseModel):
    """A model whose answers and dumps have different names."""

    model_config = pydantic.ConfigDict(alias_generator=str.upper)

    name: str
    token: pydantic.SecretStr
    price: float = pydantic.Field(alias="价格", exclude=True)
    size: int = pydantic.Field(
        3, validation_alias=pydantic.AliasChoices("grösse", "size")
    )

    @pydantic.field_serializer("name")
    def shown(self, _name: str) -> str:
        """How it is shown elsewhere."""
        return "shown"

    @pydantic.field_validator("price", mode="before")
    @classmethod
    def bare(cls, price: object) -> object:
        """Prices without their sign."""
        return str(price).strip("¥")


@dataclass
class Sale:
    """A dataclass that holds such models."""

    shops: list[Shop]
    day: Annotated[dt.date, pydantic.Field(alias="on")]

    @pydantic.model_serializer
    def shown(self) -> str:
        """How it is shown elsewhere."""
        return "sale"


def test_values_stand_under_the_names_that_were_sent():
    """Aliases are the names, validators make the values, serializers do nothing."""
    answer = {"NAME": "tea", "TOKEN": "s3", "价格": "¥3", "size": 4}
    schema = schema_of(Shop)
    assert [f.name for f in schema.fields] == ["NAME", "TOKEN", "价格", "grösse"]
    plain = {"NAME": "tea", "TOKEN": "s3", "价格": 3.0, "grösse": 4}
    assert schema.plain(schema.check(answer)) == plain
    assert isinstance(schema.check(answer), Shop)
    nested = schema_of(Sale)
    value = nested.check({"shops": [answer], "on": "2024-05-01"})
    assert nested.plain(value) == {"shops": [plain], "on": "2024-05-01"}


def test_defaults_and_further_fields_are_kept():
    """What the answer leaves out has its default; what it adds stays."""

    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        at: dt.date = dt.date(2024, 5, 1)
        mood: Mood = Mood.good
        by: dict[int, set[str]] = {}
        old: int = pydantic.Field(3, deprecated=True)

    schema = schema_of(Open)
    plain = schema.plain(schema.check({"more": [1], "by": {"1": ["a"]}}))
    assert plain == {
        "at": "2024-05-01",
        "mood": "good",
        "by": {"1": ["a"]},
        "old": 3,
        "more": [1],
    }


@pytest.mark.parametrize("error", [ZeroDivisionError, TypeError, KeyError])
def test_a_validator_that_breaks(error):
    """Any error of the person's own code says that this answer does not fit."""

    class Broken(pydantic.BaseModel):
        price: int

        @pydantic.field_validator("price")
        @classmethod
        def odd(cls, _price: int) -> int:
            raise error("of course")

    with pytest.raises(AnswerError) as caught:
        schema_of(Broken).check({"price": 1})
    assert error.__name__ in str(caught.value)
    assert "of course" in str(caught.value)


def test_values_without_a_word_in_json():
    """A value that no JSON can hold does not fit either."""

    class Odd(pydantic.BaseModel):
        price: int

        @pydantic.field_validator("price")
        @classmethod
        def odd(cls, _price: int) -> object:
            return object()

    schema = schema_of(Odd)
    with pytest.raises(AnswerError):
        schema.plain(schema.check({"price": 1}))


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ({"a": "int"}, {"a": True}),
        ({"a": "float"}, {"a": False}),
        ({"a": int | None}, {"a": True}),
        (list[int], [1, True]),
        ({"a": Decimal}, {"a": True}),
    ],
)
def test_a_truth_is_no_number(form, value):
    """Pydantic takes true for 1; an answer that says so is not of its schema."""
    with pytest.raises(AnswerError, match="does not fit the schema"):
        schema_of(form).check(value)


def test_truths_are_read_where_they_may_stand():
    """Beside numbers, in a choice of types, and where anything may stand."""
    form = {"a": bool, "n": int, "u": bool | int, "x": Any}
    value = {"a": True, "n": 1, "u": False, "x": {"deep": True}}
    made = schema_of(form)
    assert made.plain(made.check(value)) == value


def test_half_a_character_in_a_name_is_one_line():
    """Pydantic's own error has a traceback."""
    with pytest.raises(UsageError) as caught:
        schema_of({"a\ud83d": "str"})
    assert "\n" not in str(caught.value)
