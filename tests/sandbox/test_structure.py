"""JSON and schemas: what comes parses, fits, and is about the prompt."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher

from tests.sandbox.wire import Wire, function, schema
from wcode_magics.sandbox import Sandbox

TEXT = "Alice, 31 years old, lives in Paris. She loves her new phone, it cost $20.50."
PLAIN = {"type": "string"}
MAYBE = {"anyOf": [{"type": "string", "maxLength": 40}, {"type": "null"}]}
SCHEMAS: dict[str, Any] = {
    "flat": schema(name=PLAIN, age={"type": "integer", "minimum": 0}),
    "choice": schema(label={"enum": ["good", "bad"]}, sure={"type": "boolean"}),
    "list": schema(tags={"type": "array", "items": PLAIN, "minItems": 2}),
    "score": schema(score={"type": "number", "minimum": 0, "maximum": 1}),
    "pattern": schema(code={"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}$"}),
    "null": schema(email=MAYBE),
}  # fmt: skip
_NODE = {
    "type": "object",
    "properties": {
        "name": PLAIN,
        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
    },
    "required": ["name", "children"],
    "additionalProperties": False,
}
SCHEMAS["recursive"] = {
    "type": "json_schema",
    "json_schema": {"name": "t", "schema": {"$defs": {"node": _NODE}, **_NODE}},
}


def fits(value: Any, form: dict[str, Any]) -> bool:
    """Whether a value is of the types and among the choices of a schema."""
    if "enum" in form:
        return value in form["enum"]
    if "anyOf" in form:
        return any(fits(value, part) for part in form["anyOf"])
    if form.get("type") == "object":
        return value.keys() == set(form["required"]) and all(
            fits(value[key], part) for key, part in form["properties"].items()
        )
    if form.get("type") == "array":
        items = form["items"] if "$ref" not in form["items"] else _NODE
        return len(value) >= form.get("minItems", 0) and all(
            fits(item, items) for item in value
        )
    if isinstance(value, bool):
        return form["type"] == "boolean"
    kinds = {"string": str, "integer": int, "number": (int, float), "null": type(None)}
    within = form.get("minimum", value) <= value <= form.get("maximum", value) \
        if isinstance(value, int | float) else True  # fmt: skip
    return within and isinstance(value, kinds[form["type"]])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(sorted(SCHEMAS)),
    prompt=st.one_of(st.just(TEXT), st.text(min_size=1, max_size=60)),
    temperature=st.sampled_from([0, 0.7, 1, 1.5, 2]),
    seed=st.integers(0, 10_000),
)
def test_what_ends_fits_the_schema(
    name: str, prompt: str, temperature: float, seed: int, sandbox: Sandbox
) -> None:
    """At any temperature a finished answer is strict JSON and fits the schema."""
    answered = Wire(sandbox.base_url).chat(
        prompt, response_format=SCHEMAS[name], temperature=temperature, seed=seed
    )
    assert answered.finish == "stop"
    value = json.loads(answered.text)
    assert fits(value, SCHEMAS[name]["json_schema"]["schema"])


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    prompt=st.text(max_size=60),
    temperature=st.sampled_from([0, 1, 2]),
    seed=st.integers(0, 10_000),
)
def test_json_mode_gives_an_object(
    prompt: str, temperature: float, seed: int, sandbox: Sandbox
) -> None:
    """JSON mode ends with an object at any temperature."""
    answered = Wire(sandbox.base_url).chat(
        f"JSON, please: {prompt}",
        response_format={"type": "json_object"},
        temperature=temperature,
        seed=seed,
    )
    assert answered.finish == "stop"
    assert isinstance(json.loads(answered.text), dict)


def test_values_come_from_the_prompt(wire: Wire) -> None:
    """Fields take the words and numbers of the prompt that belong to them."""
    form = schema(
        name=PLAIN, age={"type": "integer"}, city=PLAIN, price={"type": "number"},
        mood={"enum": ["positive", "negative"]},
    )  # fmt: skip
    answered = wire.chat(f"Extract: {TEXT}", response_format=form, temperature=0)
    assert json.loads(answered.text) == {
        "name": "Alice", "age": 31, "city": "Paris", "price": 20.5, "mood": "positive",
    }  # fmt: skip


def test_values_come_from_a_chinese_prompt(wire: Wire) -> None:
    """The same in Chinese, with Chinese keys."""
    form = schema(姓名=PLAIN, 年龄={"type": "integer"}, 城市=PLAIN)
    ask = "提取信息：小明今年18岁，住在上海。"
    answered = wire.chat(ask, response_format=form, temperature=0)
    assert json.loads(answered.text) == {"姓名": "小明", "年龄": 18, "城市": "上海"}


def test_json_mode_wants_the_word(wire: Wire) -> None:
    """Without the word JSON in the messages JSON mode is a 400, as at OpenAI."""
    refused = wire.chat("hi", response_format={"type": "json_object"})
    assert (refused.status, refused.error["param"]) == (400, "response_format")


def test_a_cut_answer_says_so(wire: Wire) -> None:
    """JSON cut by max_tokens ends with the reason length."""
    form = SCHEMAS["flat"]
    assert wire.chat(TEXT, response_format=form, max_tokens=3).finish == "length"


def test_logprobs_of_json_are_among_what_is_allowed(wire: Wire) -> None:
    """What the schema forbids has no probability: a label's are those of labels."""
    answered = wire.chat(
        TEXT, response_format=SCHEMAS["choice"], logprobs=True, top_logprobs=20, seed=1
    )
    assert "".join(t["token"] for t in answered.tokens) == answered.text
    assert answered.tokens[0]["logprob"] == 0.0
    assert len(answered.tokens[0]["top_logprobs"]) == 1
    for token in answered.tokens:
        told = [other["logprob"] for other in token["top_logprobs"]]
        assert sum(map(math.exp, told)) == pytest.approx(1.0, abs=1e-6)


def test_arguments_fit_the_function(wire: Wire) -> None:
    """Arguments of a call are JSON of the function's schema, at any temperature."""
    tool = function("book_table", "Book a table at a restaurant",
                    city=PLAIN, people={"type": "integer", "minimum": 1})  # fmt: skip
    for seed in range(10):
        answered = wire.chat(
            "Book a table in Rome for 4 people", tools=[tool], seed=seed,
            temperature=seed / 5, tool_choice="required",
        )  # fmt: skip
        (call,) = answered.choice["message"]["tool_calls"]
        given_ = json.loads(call["function"]["arguments"])
        assert fits(given_, tool["function"]["parameters"])
        if seed == 0:
            assert given_ == {"city": "Rome", "people": 4}


def test_the_grammar_knows_the_schemas() -> None:
    """The schemas of these tests are ones that the grammar compiler accepts."""
    for form in SCHEMAS.values():
        text = json.dumps(form["json_schema"]["schema"])
        grammar = LLMatcher.grammar_from_json_schema(text)
        assert not LLMatcher.validate_grammar(grammar)


def test_a_broken_tool_choice_is_400(wire: Wire) -> None:
    """A function that is not among the tools, or a call without tools, is refused."""
    named = {"type": "function", "function": {"name": "nothing"}}
    tool = function("get_time", "The time")
    for more in (
        {"tools": [tool], "tool_choice": named},
        {"tool_choice": "required"},
    ):
        refused = wire.chat("hi", **more)
        assert (refused.status, refused.error["param"]) == (400, "tool_choice")


def test_the_result_of_a_tool_is_told(wire: Wire) -> None:
    """After a tool message the answer is in words and has the result."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
    }
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"sky": "clear", "c": 21}'},
    ]
    tool = function("get_weather", "The weather of a city", city=PLAIN)
    answered = wire.chat(messages, tools=[tool], temperature=0)
    assert answered.finish == "stop"
    assert "sky: clear, c: 21" in answered.text


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_json_is_quick(name: str, wire: Wire) -> None:
    """A schema answer at temperature 0 is short: bounded strings, no recursion."""
    answered = wire.chat(TEXT, response_format=SCHEMAS[name], temperature=0)
    assert answered.body["usage"]["completion_tokens"] < 100


@pytest.mark.parametrize(
    ("text", "tone"),
    [("I love it, it is great.", "positive"), ("It broke.", "negative")],
)
def test_a_schema_in_the_prompt_is_no_text(wire: Wire, text: str, tone: str) -> None:
    """A choice is by the text, not by the schema that is written behind it."""
    form = schema(tone={"enum": ["positive", "negative"]}, again={"type": "boolean"})
    asked = f"{text}\n\nFill this in: {json.dumps(form['json_schema']['schema'])}"
    answered = wire.chat(asked, response_format=form, temperature=0)
    assert json.loads(answered.text)["tone"] == tone


GUIDED: dict[str, tuple[dict[str, Any], str]] = {
    "choice": ({"choice": ["good", "bad", '不好 "x"']}, r"good|bad|不好 \"x\""),
    "regex": ({"regex": r"^\d{4}-\d\d$"}, r"\d{4}-\d\d"),
    "grammar": ({"grammar": 'start: "yes" | "no"'}, "yes|no"),
    "json": ({"json": {"enum": [1, 2]}}, "1|2"),
    "json text": ({"json": '{"enum": [1, 2]}'}, "1|2"),
}


@pytest.mark.parametrize(("given", "fits"), GUIDED.values(), ids=list(GUIDED))
def test_structured_outputs_guide_an_answer(
    wire: Wire, given: dict[str, Any], fits: str
) -> None:
    """The object of vLLM holds the whole answer; its tokens have their shares."""
    asked = {"structured_outputs": given, "logprobs": True, "top_logprobs": 3}
    answered = wire.chat("Is it good or bad? I love it.", **asked)
    assert re.fullmatch(fits, answered.text), answered.text
    assert answered.choice["finish_reason"] == "stop"
    assert "".join(one["token"] for one in answered.tokens) == answered.text


def test_a_choice_is_about_the_prompt(wire: Wire) -> None:
    """The likeliest is the one that the words of the prompt speak for."""
    asked = {"structured_outputs": {"choice": ["negative", "positive"]}}
    said = "I love it, wonderful. Positive or negative?"
    assert wire.chat(said, temperature=0, **asked).text == "positive"


@pytest.mark.parametrize(
    "given",
    [
        "yes",
        {},
        {"choice": []},
        {"choice": ["a"], "regex": "b"},
        {"regex": "a("},
        {"grammar": "root ::= no"},
        {"json": "{"},
        {"structural_tag": {}},
    ],
)
def test_a_guide_that_cannot_be_used_is_refused(wire: Wire, given: Any) -> None:
    """In one line that names the parameter."""
    answered = wire.chat("hi", structured_outputs=given)
    assert answered.status == 400
    assert answered.error["param"] == "structured_outputs"


def test_two_forms_exclude_each_other(wire: Wire) -> None:
    """An answer has one form."""
    asked = {"response_format": schema(a=PLAIN), "structured_outputs": {"regex": "a"}}
    assert wire.chat("hi", **asked).status == 400
