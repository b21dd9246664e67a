"""The table: the 20 parameters of the service, and the check of a value."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

from tests.catalogues import keys
from wcode_magics.errors import ParameterError
from wcode_magics.protocol import parameters
from wcode_magics.protocol.parameters import (
    GROUPS,
    NAMES,
    PARAMS,
    advice,
    check,
    check_all,
    find,
)
from wcode_magics.text import LANGUAGES, say

INF = math.inf
SERVICE = {
    "temperature": ("温度", "float", 0.0, 2.0, 1.0, ()),
    "top_p": ("Top-P", "float", 0.0, 1.0, 1.0, ()),
    "top_k": ("Top-K", "int", 0, None, 0, ()),
    "frequency_penalty": ("频率惩罚", "float", -2.0, 2.0, 0.0, ()),
    "presence_penalty": ("存在惩罚", "float", -2.0, 2.0, 0.0, ()),
    "repetition_penalty": ("重复惩罚", "float", 0.0, 2.0, 1.0, ()),
    "min_p": ("Min-P", "float", 0.0, 1.0, 0.0, ()),
    "top_a": ("Top-A", "float", 0.0, 1.0, 0.0, ()),
    "seed": ("种子", "int", None, None, None, ()),
    "max_tokens": ("最大 tokens 数", "int", 1, None, None, ()),
    "logit_bias": ("Logit Bias", "object", None, None, None, ()),
    "logprobs": ("对数概率", "bool", None, None, None, ()),
    "top_logprobs": ("最高对数概率", "int", 0, 20, None, ()),
    "response_format": ("响应格式", "object", None, None, None, ()),
    "structured_outputs": ("结构化输出", "bool", None, None, None, ()),
    "stop": ("停止", "array", None, None, None, ()),
    "tools": ("工具", "array", None, None, None, ()),
    "tool_choice": (
        "工具选择",
        "object",
        None,
        None,
        None,
        ("none", "auto", "required"),
    ),
    "parallel_tool_calls": ("并行工具调用", "bool", None, None, True, ()),
    "verbosity": (
        "冗长程度",
        "choice",
        None,
        None,
        "medium",
        ("low", "medium", "high"),
    ),
}
"""The service's own table: label, type, lowest, highest, default, choices."""

FUNCTION = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
GOOD = {
    "stop": (["a"], ["a", "b", "c", "d", "e"], ("a",)),
    "logit_bias": ({"5": 100}, {"5": -100.0}, {"0": 0}, {}),
    "response_format": ({"type": "json_object"}, {"type": "text"}, SCHEMA),
    "tools": ([FUNCTION], (FUNCTION, FUNCTION)),
    "tool_choice": ("none", "auto", "required", FUNCTION),
    "verbosity": ("low", "medium", "high"),
}
BAD = {
    "stop": ([], "", [""], [1], [None], 5, {"a": 1}, {"a"}, b"a"),
    "logit_bias": (
        {"5": 100.1},
        {"5": -101},
        {"x": 1},
        {"-5": 1},
        {"²": 1},
        {"5": True},
        {"5": "1"},
        {"5": None},
        {"5": math.nan},
        [["5", 1]],
        "5",
    ),
    "response_format": (
        {},
        {"type": "xml"},
        {"type": []},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"name": "a"}},
        {"type": "json_schema", "json_schema": []},
        "json_object",
        ["json_object"],
    ),
    "tools": ([1], ["f"], [{}], [{"function": {}}], [{"function": {"name": 1}}], "f"),
    "tool_choice": ("all", {}, {"function": {}}, {"function": {"name": 1}}, 1, True),
    "verbosity": ("MEDIUM", "", 1, True, ["low"], {}),
}
NUMERIC = [row.name for row in PARAMS if row.kind in {"float", "int"}]
BOOLEAN = [row.name for row in PARAMS if row.kind == "bool"]
SCALARS = (np.float64, np.float32, np.int64, np.int8, np.uint16, np.array)


def test_the_table_is_the_services_table():
    """All 20 parameters are there with the service's ranges, defaults and choices."""
    rows = {
        row.name: (
            say(f"params.{row.name}.label", "zh"),
            row.kind,
            row.low,
            row.high,
            row.default,
            row.choices,
        )
        for row in PARAMS
    }
    assert rows == SERVICE
    assert len(PARAMS) == 20


def test_every_row_has_a_group_and_words():
    """No row is left out of the help or of the panel."""
    for row in PARAMS:
        assert row.group in GROUPS
        for lang in LANGUAGES:
            assert say(f"params.{row.name}.label", lang)
            assert say(f"params.{row.name}.help", lang)
    assert {row.group for row in PARAMS} == set(GROUPS)
    assert {key for key in keys("en") if key.startswith("params.")} == {
        f"params.{name}.{what}" for name in NAMES for what in ("label", "help")
    }


def test_short_forms_are_one_letter_and_unlike():
    """A short flag means one parameter."""
    shorts = [row.short for row in PARAMS if row.short]
    assert all(len(short) == 1 for short in shorts)
    assert len(set(shorts)) == len(shorts)


@pytest.mark.parametrize("name", NUMERIC)
def test_a_numbers_bounds_belong_to_its_range(name):
    """The lowest and the highest value are allowed."""
    row = find(name)
    for value in (row.low, row.high, row.default):
        if value is not None:
            assert check(name, value) == value
    if row.low is None:
        assert check(name, -(10**30)) == -(10**30)
    if row.high is None:
        assert check(name, 10**400) == 10**400


@pytest.mark.parametrize("name", NUMERIC)
def test_just_outside_is_refused_with_the_range(name):
    """One step outside names the value, the range and the parameter."""
    row = find(name)
    step = 1 if row.kind == "int" else 1e-9
    bounds = ((row.low, -step), (row.high, step))
    for bound, out in bounds:
        if bound is None:
            continue
        with pytest.raises(ParameterError) as caught:
            check(name, bound + out)
        assert caught.value.key == "out_of_range"
        assert row.range in str(caught.value)
        assert str(caught.value).startswith(f"{name} is {bound + out}")


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize(
    "value",
    [
        *(True, False, None, "1", "", [1], (), {}, 1j, math.nan, INF, -INF, object()),
        *(pd.NA, pd.NaT, np.bool_(True), np.float64("nan"), pd.Series([1.0])),
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused(name, value):
    """Booleans, texts, containers, missing values and infinities are no numbers."""
    with pytest.raises(ParameterError) as caught:
        check(name, value)
    assert caught.value.key == "bad_value"
    assert find(name).expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("kind", SCALARS, ids=lambda kind: kind.__name__)
def test_scalars_of_tables_pass_as_python_numbers(name, kind):
    """A cell of a DataFrame can be a value, and becomes plain JSON."""
    checked = check(name, kind(1))
    assert checked == 1
    assert type(checked) in {int, float}
    assert check(name, pd.Series([1]).iloc[0]) == 1


def test_whole_floats_pass_for_ints_and_others_do_not():
    """3.0 is 3; 3.5 is a mistake."""
    assert check("top_k", 3.0) == 3
    assert type(check("top_k", 3.0)) is int
    with pytest.raises(ParameterError):
        check("top_k", 3.5)
    assert check("temperature", 1) == 1


@pytest.mark.parametrize("name", BOOLEAN)
def test_booleans_are_booleans_only(name):
    """0, 1 and words are not booleans here; NumPy's are."""
    assert check(name, True) is True
    assert check(name, False) is False
    assert check(name, np.bool_(False)) is False
    for wrong in (0, 1, "true", None, [], np.int64(1), pd.NA):
        with pytest.raises(ParameterError):
            check(name, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_zero_and_false_are_values(name):
    """Nothing that was set is dropped because it is falsy."""
    kind = find(name).kind
    if kind == "bool":
        assert check_all({name: False}) == {name: False}
    elif kind in {"float", "int"} and name != "max_tokens":
        assert check_all({name: 0}) == {name: 0}


def test_structured_rows_have_good_and_bad_examples_here():
    """No row escapes these tests."""
    assert {*GOOD, *NUMERIC, *BOOLEAN} == set(NAMES)
    assert set(GOOD) == set(BAD)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]]
)
def test_good_structures_pass_as_plain_json(name, value):
    """What the API documents is accepted and comes out as lists and dicts."""
    checked = check(name, value)
    assert checked == (list(value) if isinstance(value, tuple) else value)
    assert isinstance(checked, list | dict | str)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in BAD for value in BAD[name]]
)
def test_bad_structures_are_refused_in_one_line(name, value):
    """What the API would refuse is told before it is sent."""
    with pytest.raises(ParameterError) as caught:
        check(name, value)
    assert str(caught.value).startswith(f"{name} is ")
    assert "\n" not in str(caught.value)


def test_one_stop_word_may_stand_alone():
    """``stop="END"`` means a list of one."""
    assert check("stop", "END") == ["END"]


def test_logit_bias_takes_what_a_table_holds():
    """Token ids may be ints, shifts may be NumPy's; JSON has texts and numbers."""
    checked = check("logit_bias", {5: np.int64(3), np.int64(7): np.float32(0.5)})
    assert checked == {"5": 3, "7": 0.5}
    assert type(checked["5"]) is float


def test_long_values_are_shown_short():
    """An error does not print a megabyte."""
    with pytest.raises(ParameterError) as caught:
        check("tools", ["x" * 10_000])
    assert len(str(caught.value)) < 300


def test_an_unknown_name_suggests_the_nearest():
    """A slip of the finger costs one glance."""
    with pytest.raises(ParameterError, match="Did you mean temperature"):
        find("temprature")
    assert find("top-p") is find("top_p")


def test_hints_say_what_is_known_where_nothing_is_near():
    """At most eight names, and none where none exist."""
    assert parameters.hint("zzz", ["a", "b"]) == "Known: a, b."
    assert parameters.hint("zzz", NAMES).endswith(", ….")
    assert parameters.hint("zzz", []) == ""
    assert parameters.hint("revew", ["review"], "${}") == "Did you mean $review?"


def test_checked_values_stand_in_the_tables_order():
    """The order in which values were set does not matter."""
    assert list(check_all({"seed": 1, "temperature": 0})) == ["temperature", "seed"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_allowed_is_said_for_every_row(name):
    """Help and errors can tell the range of each parameter."""
    row = find(name)
    for part in (*row.choices, row.low, row.high):
        if part is not None:
            assert (part if isinstance(part, str) else f"{part:g}") in row.allowed
    assert row.allowed


@pytest.mark.parametrize(
    ("values", "prompt", "keys"),
    [
        ({"temperature": 0, "top_p": 0}, "", ["temperature_top_p"]),
        ({"temperature": 0}, "", []),
        ({"top_logprobs": 0}, "", ["top_logprobs"]),
        ({"top_logprobs": 0, "logprobs": False}, "", ["top_logprobs"]),
        ({"top_logprobs": 0, "logprobs": True}, "", []),
        ({"response_format": {"type": "json_object"}}, "a list", ["json_word"]),
        ({"response_format": {"type": "json_object"}}, "as Json", []),
        ({"response_format": {"type": "text"}}, "", []),
        ({"tool_choice": "auto"}, "", ["tool_choice"]),
        ({"tool_choice": "auto", "tools": [FUNCTION]}, "", []),
    ],
)
def test_advice_is_the_apis_advice(values, prompt, keys):
    """Combinations that the API advises against are told, not forbidden."""
    assert advice(values, prompt) == keys


def test_every_advice_has_words():
    """Each advice can be said."""
    everything = {
        "temperature": 1,
        "top_p": 1,
        "top_logprobs": 1,
        "response_format": {"type": "json_object"},
        "tool_choice": "auto",
    }
    assert len(advice(everything, "")) == 4
    assert all(say(f"advice.{key}") for key in advice(everything, ""))


def test_rows_travel():
    """A row can be sent to a worker."""
    assert pickle.loads(pickle.dumps(find("stop"))) == find("stop")
