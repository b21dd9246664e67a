"""Python functions as tools."""

import asyncio
import json
import sys
import threading
from typing import Annotated, Any, Literal

import pandas as pd
import pytest
from pydantic import BaseModel, Field

from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import ToolCall
from wcode_magics.session.session import Session
from wcode_magics.session.tools import RESULT_LIMIT, Tool, Toolbox, confirm


class Place(BaseModel):
    """Somewhere."""

    city: str
    zone: int = 0


def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
    """Tell the weather.

    Args:
        city: where it is.
        unit: of temperature.
    """
    return f"{city}: 20 {unit}"


def call(name: str, ident: str = "c1", **arguments: Any) -> ToolCall:
    """A call as the model makes it."""
    return ToolCall(ident, name, json.dumps(arguments))


def test_the_schema_comes_from_hints_and_docstring() -> None:
    """Names, types, defaults and descriptions are those of the function."""
    assert Tool(weather).wire == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tell the weather.",
            "parameters": {
                "type": "object",
                "additionalProperties": False,
                "required": ["city"],
                "properties": {
                    "city": {"type": "string", "description": "where it is."},
                    "unit": {
                        "enum": ["C", "F"],
                        "type": "string",
                        "default": "C",
                        "description": "of temperature.",
                    },
                },
            },
        },
    }


class Order(BaseModel):
    """A pattern that endpoints know in other words."""

    code: Annotated[str, Field(pattern=r"^\d{4}$")]


def order(
    item: Order, word: Annotated[str, Field(pattern=r"^(?=.*x)\w+$")], count: int = 1
) -> str:
    """Order something."""
    return f"{item.code} {word} {count}"


def test_patterns_are_sent_in_words_that_endpoints_know() -> None:
    """What none knows is left out, named, and held all the same."""
    box = Toolbox([order])
    schema = box.wire[0]["function"]["parameters"]
    assert schema["$defs"]["Order"]["properties"]["code"]["pattern"] == "^[0-9]{4}$"
    assert "pattern" not in schema["properties"]["word"]
    assert schema["properties"]["count"]["default"] == 1
    assert schema["required"] == ["item", "word"]
    assert box.patterns == [r"^(?=.*x)\w+$"]
    good, bad = ({"item": {"code": "1234"}, "word": n} for n in ("ax", "ab"))
    made = box.run([call("order", **good), call("order", "c2", **bad)], 1)
    assert [one.ok for one in made] == [True, False]
    assert made[0].result == "1234 ax 1"


def test_a_pattern_that_is_none_is_refused() -> None:
    """In one line, before anything is sent."""

    def broken(code: Annotated[str, Field(pattern="a(")]) -> str:
        return code

    with pytest.raises(UsageError, match=r"^broken cannot be.*unterminated"):
        Toolbox([broken])


def test_a_request_tells_of_patterns_that_are_not_sent() -> None:
    """As advice, like that of a schema for the answer."""
    told = Session().prepare("hi", functions=[order]).advice
    assert ("tool_patterns_held", {"patterns": r"^(?=.*x)\w+$"}) in told
    assert not Session().prepare("hi", functions=[weather]).advice


def test_any_name_may_be_an_argument() -> None:
    """Names that pydantic keeps for itself, or underscored, work as well."""

    def odd(json: int, _x: int, model_dump: int = 3) -> int:
        return json + _x + model_dump

    (trace,) = Toolbox([odd]).run([call("odd", json=1, _x=2)], 1)
    assert (trace.ok, trace.result) == (True, "6")


def test_arguments_are_what_the_hints_say() -> None:
    """A model's JSON becomes the class that the function expects."""

    def zone(place: Place) -> int:
        assert isinstance(place, Place)
        return place.zone

    (trace,) = Toolbox([zone]).run([call("zone", place={"city": "x", "zone": 8})], 1)
    assert trace.result == "8"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"city": 1}', "city: Input should be a valid string"),
        ("{}", "city: Field required"),
        ('{"city": "x", "town": 1}', "town: Extra inputs"),
        ('{"city": ', "Invalid JSON"),
        ('{"city": "x", "unit": "K"}', "'C' or 'F'"),
    ],
)
def test_wrong_arguments_do_not_reach_the_function(arguments: str, words: str) -> None:
    """The model is told what is wrong, and nothing runs."""
    ran = []

    def weather(city: str, unit: Literal["C", "F"] = "C") -> None:
        ran.append((city, unit))

    (trace,) = Toolbox([weather]).run([ToolCall("c1", "weather", arguments)], 1)
    assert not trace.ok
    assert words in trace.result
    assert not ran


def test_nothing_runs_that_was_not_listed() -> None:
    """An unknown function is an error for the model, with the nearest name."""
    (trace,) = Toolbox([weather]).run([call("wether")], 1)
    assert not trace.ok
    assert "weather" in trace.result


def test_what_a_function_raises_is_text_for_the_model() -> None:
    """Kind and message of the exception are handed back."""

    def fail() -> None:
        raise ZeroDivisionError("by zero, 零")

    (trace,) = Toolbox([fail]).run([call("fail")], 1)
    assert json.loads(trace.result) == {"error": "ZeroDivisionError: by zero, 零"}
    assert not trace.ok


def test_calls_run_side_by_side() -> None:
    """Plain and async functions of one round wait together, in the calls' order."""
    all_four = threading.Barrier(4, timeout=10)

    def wait(n: int) -> int:
        all_four.wait()
        return n

    async def later(n: int) -> int:
        await asyncio.to_thread(all_four.wait)
        await asyncio.sleep(0.2)
        return n

    calls = [call("wait", n=1), call("later", n=2), call("wait", n=3)]
    calls.append(call("later", n=4))
    traces = Toolbox([wait, later]).run(calls, 2)
    assert [trace.result for trace in traces] == ["1", "2", "3", "4"]
    assert {trace.round for trace in traces} == {2}
    assert traces[1].seconds >= 0.2


def test_calls_can_run_one_after_the_other() -> None:
    """Without parallel calls each waits for the one before it."""
    seen: list[int] = []

    async def later(n: int) -> None:
        seen.append(n)
        await asyncio.sleep(0.01)
        seen.append(-n)

    calls = [call("later", n=1), call("later", n=2)]
    Toolbox([later]).run(calls, 1, parallel=False)
    assert seen == [1, -1, 2, -2]


def test_one_call_runs_where_the_caller_is() -> None:
    """A single plain call stays in the caller's thread, where its connections are."""
    where: list[int] = []

    def here() -> None:
        where.append(threading.get_ident())

    Toolbox([here]).run([call("here")], 1)
    assert where == [threading.get_ident()]


def test_async_code_runs_tools_on_its_own_loop() -> None:
    """An async function awaits on the loop of who asked."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def which() -> bool:
            return asyncio.get_running_loop() is loop

        (trace,) = await Toolbox([which]).arun([call("which")], 1)
        assert trace.result == "true"

    asyncio.run(main())


def test_marked_functions_ask_first() -> None:
    """@confirm calls run only when the person says yes; unasked they do not."""
    ran = []

    @confirm
    def delete(path: str) -> str:
        ran.append(path)
        return "done"

    asked = []

    def ask(name: str, arguments: Any) -> bool:
        asked.append((name, arguments))
        return arguments["path"] == "yes"

    calls = [call("delete", path="yes"), call("delete", path="no")]
    traces = Toolbox([delete], ask=ask).run(calls, 1)
    assert [trace.ok for trace in traces] == [True, False]
    assert asked == [("delete", {"path": "yes"}), ("delete", {"path": "no"})]
    assert not Toolbox([delete]).run(calls, 1)[0].ok
    assert ran == ["yes"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (Place(city="x"), '{"city":"x","zone":0}'),
        (
            pd.DataFrame({"a": [1]}),
            "1 row × 1 column\n\n| a (int64) |\n| --- |\n| 1 |",
        ),
        (None, "null"),
        (object, "<class 'object'>"),
    ],
    ids=["text", "dict", "model", "table", "none", "other"],
)
def test_results_read_well(value: object, text: str) -> None:
    """Text stays, data is JSON, tables are Markdown, the rest is str()."""

    def give() -> object:
        return value

    assert Toolbox([give]).run([call("give")], 1)[0].result == text


def test_a_long_result_is_refused_with_its_size() -> None:
    """The model is told how long it is and what the limit is."""

    def long() -> str:
        return "x" * (RESULT_LIMIT + 1)

    (trace,) = Toolbox([long]).run([call("long")], 1)
    assert "20,001" in trace.result
    assert "20,000" in trace.result


def anything(*rest: int) -> None:
    """Takes what no schema can name."""


def odd_hint(frame: "threading.Thread") -> None:
    """Takes what no JSON can carry."""


@pytest.mark.parametrize(
    "bad", [anything, odd_hint, 3, lambda x: x, [weather, weather]]
)
def test_what_cannot_be_a_tool_is_refused(bad: Any) -> None:
    """Star arguments, hints without JSON, no functions, no names, equal names."""
    with pytest.raises(UsageError):
        Toolbox(bad if isinstance(bad, list) else [bad])


def leaves() -> str:
    """Ends the program, or tries to."""
    sys.exit(3)


async def leaves_later() -> str:
    """The same on a loop."""
    sys.exit(3)


@pytest.mark.parametrize("function", [leaves, leaves_later])
@pytest.mark.parametrize("parallel", [False, True])
def test_a_tool_cannot_end_the_program(function, parallel) -> None:
    """The model reads what it raised, and the next tool runs."""
    calls = [call(function.__name__)] * 2
    traces = Toolbox([function]).run(calls, 1, parallel=parallel)
    assert [(trace.ok, "SystemExit: 3" in trace.result) for trace in traces] == [
        (False, True)
    ] * 2
