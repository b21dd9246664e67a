"""What is sent for a schema, and answers to it read back."""

import datetime as dt
import enum
import json
from decimal import Decimal
from typing import Any, Literal, Optional, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from tests.protocol.test_reply import reply as a_reply
from wcode_magics.errors import AnswerError
from wcode_magics.protocol.schema_source import schema_of


class Inner(BaseModel):
    """Has a default."""

    label: str
    weight: float = 1.0


class Colour(enum.Enum):
    """A choice."""

    RED = "red"


class Cat(BaseModel):
    """One of two."""

    kind: Literal["cat"] = "cat"
    claws: int = 3


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"] = "dog"


class Payload(BaseModel):
    """Has all that pydantic writes."""

    name: str = Field(pattern=r"^\w+$")
    note: Optional[str] = None  # noqa: UP045 - as people write it
    inner: Inner = Field(description="the inner one")
    colour: Colour = Colour.RED
    pet: Cat | Dog = Field(discriminator="kind")
    more: list[Inner] = []
    at: dt.date | None = None
    price: Decimal = Decimal(0)


class Node(BaseModel):
    """Holds itself."""

    value: int
    next: Optional["Node"] = Field(None, description="the next")


class Typed(TypedDict, total=False):
    """Fields that may be missing."""

    a: int


KINDS: dict[str, Any] = {
    "model": Payload,
    "recursive": Node,
    "typed dict": Typed,
    "words": {"name": "str", "age": "int | None"},
    "json schema": {
        "type": "object",
        "properties": {"a": {"type": "string", "default": "x"}, "b": {"enum": [1, 2]}},
        "required": ["a"],
    },
    "references": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "title": "An A"}},
        "$defs": {"A": {"oneOf": [{"type": "object", "properties": {"x": {}}}]}},
    },
    "a reference under allOf": {
        "type": "object",
        "properties": {"a": {"allOf": [{"$ref": "#/$defs/A"}], "description": "An A"}},
        "$defs": {"A": {"type": "object", "properties": {"x": {"type": "integer"}}}},
    },
}


def flaws(part: Any, path: str = "$") -> list[str]:
    """What strict endpoints refuse."""
    if isinstance(part, list):
        return [f for n, one in enumerate(part) for f in flaws(one, f"{path}[{n}]")]
    if not isinstance(part, dict):
        return []
    found = []
    if isinstance(part.get("properties"), dict):
        missing = sorted(set(part["properties"]) - set(part.get("required", [])))
        found += [f"{path}: required lacks {missing}"] * bool(missing)
        if part.get("additionalProperties") is not False:
            found.append(f"{path}: open")
    if "$ref" in part and set(part) - {"$ref", "$defs"}:
        found.append(f"{path}: $ref with {sorted(part)}")
    found += [f"{path}: {word}" for word in ("oneOf", "default") if word in part]
    return found + [f for k, v in part.items() for f in flaws(v, f"{path}.{k}")]


@pytest.mark.parametrize("kind", KINDS)
def test_strict_endpoints_take_it(kind: str) -> None:
    """All required, all closed, nothing beside a reference."""
    form = schema_of(KINDS[kind]).response_format["json_schema"]
    assert form["strict"] is True
    assert flaws(form["schema"]) == []


@pytest.mark.parametrize("kind", [dict[str, int], {"type": "object"}])
def test_what_is_open_is_not_called_strict(kind: Any) -> None:
    """An object of any names cannot be closed; the endpoint is told so."""
    assert schema_of(kind).response_format["json_schema"]["strict"] is False


def test_a_null_that_was_only_sent_is_left_out() -> None:
    """The default stands where the model chose to say nothing."""
    answer = {
        "name": "a", "note": None, "inner": {"label": "x", "weight": None},
        "colour": None, "pet": {"kind": "cat", "claws": None},
        "more": [{"label": "y", "weight": None}], "at": None, "price": None,
    }  # fmt: skip
    made = schema_of(Payload).check(answer)
    assert made == Payload(
        name="a", inner=Inner(label="x"), pet=Cat(), more=[Inner(label="y")]
    )
    nested = {"value": 1, "next": {"value": 2, "next": None}}
    assert schema_of(Node).check(nested).next.next is None
    assert schema_of(KINDS["json schema"]).check({"a": "x", "b": None}) == {"a": "x"}
    assert schema_of(Typed).check({"a": None}) == {}


def test_a_null_where_one_is_required_is_an_error() -> None:
    """Only optional properties may be left out."""
    with pytest.raises(AnswerError):
        schema_of(Inner).check({"label": None, "weight": 1})


DIGITS = "0.12345678901234567890123"


@pytest.mark.parametrize("thing", [Payload, {"x": Decimal}, {"x": list[Decimal]}])
def test_decimals_keep_their_digits(thing: Any) -> None:
    """As the model wrote them; floats stay floats, and texts texts."""
    if thing is Payload:
        rest = '"name": "a", "inner": {"label": "x"}, "pet": {"kind": "dog"}'
        assert read(thing, f'{{"price": {DIGITS}, {rest}}}').price == Decimal(DIGITS)
        return
    many = thing["x"] is not Decimal
    value = read(thing, f'{{"x": {"[" if many else ""}{DIGITS}{"]" if many else ""}}}')
    assert value["x"] == ([Decimal(DIGITS)] if many else Decimal(DIGITS))


@pytest.mark.parametrize("kind", [float, float | str, Any])
def test_floats_stay_floats(kind: Any) -> None:
    """Digits that a float does not hold are no reason for a text."""
    assert read({"x": kind}, f'{{"x": {DIGITS}}}') == {"x": float(DIGITS)}


def read(thing: Any, text: str) -> Any:
    """The value of an answer."""
    return schema_of(thing).check(a_reply(text).json)


def test_patterns_are_sent_where_they_can_be_and_held_in_any_case() -> None:
    """What no grammar takes is not sent, and told; the answer is checked."""

    class Bill(BaseModel):
        model_config = ConfigDict(regex_engine="python-re")
        code: str = Field(pattern=r"^INV-\d+$")
        word: str = Field(pattern=r"^(?=.*\d).{3}$")

    schema = schema_of(Bill)
    sent = schema.response_format["json_schema"]["schema"]["properties"]
    assert sent["code"]["pattern"] == "^INV-[0-9]+$"
    assert "pattern" not in sent["word"]
    assert schema.strict.patterns == [r"^(?=.*\d).{3}$"]
    schema.check({"code": "INV-1", "word": "a1b"})
    with pytest.raises(AnswerError, match=r"\$\.word"):
        schema.check({"code": "INV-1", "word": "abc"})
    assert schema_of({"x": Decimal}).strict.patterns == []


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
)


@given(VALUES)
def test_what_fits_the_schema_comes_back_as_it_is(value: Any) -> None:
    """Reading back changes nothing that the schema itself allows."""
    schema = schema_of({"type": "object", "properties": {"a": {}, "b": True}})
    answer = {"a": value, "b": value}
    assert schema.check(json.loads(json.dumps(answer))) == answer
