"""Schemas that no answer can meet, and those that only look so."""

from typing import Annotated, Optional

import pydantic
import pytest

from wcode_magics.errors import UsageError
from wcode_magics.protocol.schema_satisfiability import flaw_of
from wcode_magics.protocol.schema_source import schema_of

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NONE = {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 5}
NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}


def refers(node: dict, **more) -> dict:
    """A schema that is a node by reference."""
    return {"$defs": {"N": {**node, **more}}, "$ref": "#/$defs/N"}


@pytest.mark.parametrize(
    ("schema", "path", "reason"),
    [
        (NONE, "$", "exclusiveMinimum 5, exclusiveMaximum 5"),
        ({**NONE, "exclusiveMaximum": 6}, "$", "exclusiveMaximum 6"),
        ({"type": "number", "minimum": 3, "maximum": 1}, "$", "minimum 3 > maximum 1"),
        ({"type": "number", "minimum": 1, "exclusiveMaximum": 1}, "$", "minimum 1"),
        ({"minItems": 2, "maxItems": 1}, "$", "minItems 2 > maxItems 1"),
        ({"type": "string", "minLength": 2, "maxLength": 1}, "$", "minLength"),
        (refers({**NODE, "required": ["next"]}), "$.next", "#/$defs/N"),
        (refers(NONE), "$", "exclusiveMinimum"),
        ({"type": "array", "items": NONE}, "$[0]", "exclusiveMinimum"),
        ({"items": {"enum": []}, "minItems": 1}, "$[0]", "enum []"),
        ({"prefixItems": [True, False], "minItems": 2}, "$[1]", "false"),
        ({"anyOf": [NONE, False]}, "$", "exclusiveMinimum"),
        ({"oneOf": [{"enum": []}]}, "$", "enum []"),
        ({"allOf": [True, NONE]}, "$", "exclusiveMinimum"),
        (
            {"properties": {"a": {"items": NONE}}, "required": ["a"]},
            "$.a[0]",
            "exclusiveMinimum",
        ),
    ],
)
def test_what_no_answer_can_meet(schema, path, reason):
    """The part is found behind references, items and alternatives, and named."""
    with pytest.raises(UsageError) as caught:
        schema_of({"$schema": DRAFT, **schema})
    assert f" {path} (" in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["integer", "null"], "exclusiveMinimum": 5, "exclusiveMaximum": 5},
        {"type": "integer", "minimum": 5, "maximum": 5},
        {"type": "number", "exclusiveMinimum": 5, "exclusiveMaximum": 6},
        {"anyOf": [NONE, {"type": "null"}]},
        {"properties": {"a": NONE}},
        {"prefixItems": [True], "items": False, "minItems": 1.0},
        {"type": "array", "items": False},
        refers(NODE),
        refers({"properties": {"all": {"items": {"$ref": "#"}}}, "required": ["all"]}),
        {"$ref": "#thing"},
        {"type": "number", "minimum": 1, "maximum": float("inf")},
    ],
)
def test_what_can_be_met(schema):
    """Null, an empty list, a field left out: one way to answer is enough."""
    assert flaw_of(schema) is None


def test_types_that_hold_themselves():
    """A type that must hold itself is refused; one that may is not."""

    class Endless(pydantic.BaseModel):
        next: "Endless"

    class Chain(pydantic.BaseModel):
        next: Optional["Chain"]
        others: list["Chain"]

    class Narrow(pydantic.BaseModel):
        stars: list[Annotated[int, pydantic.Field(gt=5, lt=5)]]

    assert schema_of(Chain).fields
    for kind, path in ((Endless, "$.next"), (Narrow, "$.stars[0]")):
        with pytest.raises(UsageError) as caught:
            schema_of(kind)
        assert path in str(caught.value)
