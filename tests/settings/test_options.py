"""Options: every row can be written, read, checked and explained."""

import json
from typing import get_args

import numpy as np
import pytest

from wcode_magics import text
from wcode_magics.errors import (
    OptionError,
    ParameterError,
    SettingError,
    VariableError,
    called_from,
)
from wcode_magics.protocol import parameters
from wcode_magics.settings import option_values as written
from wcode_magics.settings import options
from wcode_magics.settings.option import Option, Stage
from wcode_magics.settings.option_values import read
from wcode_magics.settings.options import CELL, FLAGS, OPTIONS, SETTINGS
from wcode_magics.text import LANGUAGES, say

STRUCTURED = {
    "stop": (["a b", "c"], '["a b", "c"]'),
    "logit_bias": ({"5": 1.0}, '{"5": 1}'),
    "response_format": ({"type": "json_object"}, '{"type": "json_object"}'),
    "tools": ([{"function": {"name": "f"}}], '[{"function": {"name": "f"}}]'),
    "tool_choice": ({"function": {"name": "f"}}, '{"function": {"name": "f"}}'),
}


def row(name: str) -> Option:
    """The row of a name."""
    return next(row for row in OPTIONS if row.name == name)


def test_every_parameter_is_an_option_and_a_setting():
    """The table of parameters is walked, not copied."""
    walked = [each.param for each in OPTIONS if each.param is not None]
    assert walked == list(parameters.PARAMS)
    assert {each.param for each in SETTINGS if each.param} == set(parameters.PARAMS)


def test_no_flag_means_two_things():
    """Each spelling belongs to one row."""
    spelt = [flag for each in CELL for flag in each.flags]
    assert len(spelt) == len(set(spelt)) == len(FLAGS)
    assert len({each.name for each in OPTIONS}) == len(OPTIONS)


def test_every_row_is_explained_in_both_languages():
    """Help has words for each option and says what it takes."""
    for each in OPTIONS:
        key = f"params.{each.name}.help" if each.param else f"options.{each.name}"
        assert all(say(key, lang) for lang in LANGUAGES)
        assert each.help
        assert each.allowed


def test_every_default_is_allowed():
    """What holds when nobody set anything could have been set."""
    for each in OPTIONS:
        if each.param is None and each.default is not None:
            assert options.checked(each, each.default) == each.default
        assert options.default(each.name) == each.default


@pytest.mark.parametrize("name", STRUCTURED)
def test_structures_are_read_from_json_a_file_and_a_variable(name, tmp_path):
    """JSON, ``@path`` and ``$name`` give the same value."""
    value, written = STRUCTURED[name]
    path = tmp_path / "值 1.json"
    path.write_text(written, "utf-8")
    for raw in (written, f" {written}", f"@{path}", "$有"):
        assert read(row(name), raw, {"有": value}) == value


def test_every_structured_row_has_an_example_here():
    """No structured row escapes these tests."""
    kinds = {
        each.name for each in parameters.PARAMS if each.kind in {"object", "array"}
    }
    assert set(STRUCTURED) == kinds


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("temperature", "0", 0),
        ("temperature", "1e-1", 0.1),
        ("frequency_penalty", "-2", -2),
        ("seed", "-7", -7),
        ("top_k", "3.0", 3),
        ("logprobs", "True", True),
        ("logprobs", "off", False),
        ("stream", "no", False),
        ("stop", "END", ["END"]),
        ("tool_choice", "auto", "auto"),
        ("verbosity", "low", "low"),
        ("model", "@cf/meta/llama", "@cf/meta/llama"),
        ("model", "$m", "mine"),
        ("system", "$not-a-name", "$not-a-name"),
        ("system", "$", "$"),
        ("timeout", "0.5", 0.5),
        ("retries", "0", 0),
        ("out", "答案", "答案"),
        ("param", "best_of=2", ("best_of", 2)),
        ("param", "x=007", ("x", "007")),
        ("param", "x=a=b", ("x", "a=b")),
        ("param", 'x={"a": 1}', ("x", {"a": 1})),
        ("param", "x=$m", ("x", "mine")),
        ("param", "x=", ("x", "")),
    ],
)
def test_words_are_read_as_values(name, raw, value):
    """Numbers, switches, names, pairs and variables."""
    assert read(row(name), raw, {"m": "mine"}) == value


def test_a_system_prompt_may_stand_in_a_file(tmp_path):
    """``@path`` is read as UTF-8."""
    path = tmp_path / "s.txt"
    path.write_text("你是猫。", "utf-8")
    assert read(row("system"), f"@{path}", {}) == "你是猫。"


@pytest.mark.parametrize(
    ("name", "raw", "kind"),
    [
        ("temperature", "warm", ParameterError),
        ("temperature", "nan", ParameterError),
        ("temperature", "2.1", ParameterError),
        ("temperature", "", ParameterError),
        ("seed", "1.5", ParameterError),
        ("logprobs", "maybe", ParameterError),
        ("verbosity", "lo", ParameterError),
        ("logit_bias", "5", ParameterError),
        ("tools", '{"a": 1}', ParameterError),
        ("tools", "[1, ", OptionError),
        ("logit_bias", "{5: 1}", OptionError),
        ("format", "pdf", OptionError),
        ("timeout", "0", OptionError),
        ("timeout", "-1", OptionError),
        ("timeout", "inf", OptionError),
        ("timeout", "nan", OptionError),
        ("timeout", "soon", OptionError),
        ("out", "1x", OptionError),
        ("out", "class", OptionError),
        ("out", "a.b", OptionError),
        ("model", "", OptionError),
        ("param", "x", OptionError),
        ("param", "=1", OptionError),
        ("system", "@/no/such/file", VariableError),
        ("tools", "@/no/such/file", VariableError),
        ("system", "$nobody", VariableError),
        ("param", "x=$nobody", VariableError),
    ],
)
def test_what_cannot_be_read_is_one_line(name, raw, kind):
    """The error names the option, or what the word points at."""
    with pytest.raises(kind) as caught:
        read(row(name), raw, {"somebody": 1})
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_text_is_one_line(tmp_path):
    """Bytes that are no UTF-8 are told with the path."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VariableError, match=r"x\.bin"):
        read(row("system"), f"@{path}", {})


def test_a_path_that_no_file_has_is_one_line():
    """A NUL ends the names of files."""
    with pytest.raises(VariableError, match="null byte"):
        read(row("system"), "@a\0b", {})


def test_a_variable_of_the_wrong_kind_is_told():
    """What a variable holds is checked like what is written."""
    with pytest.raises(ParameterError):
        read(row("temperature"), "$t", {"t": "hot"})
    with pytest.raises(OptionError):
        read(row("system"), "$t", {"t": 5})


def test_slips_suggest_the_nearest():
    """Flags, settings and variables, each with its own nearest."""
    with pytest.raises(OptionError, match=r"temperature \(float 0 … 2\)"):
        options.flag("--temprature")
    with pytest.raises(SettingError, match="Did you mean base_url"):
        options.setting("baseurl")
    with pytest.raises(VariableError, match=r"\$review"):
        written.variable("reveiw", {"review": 1, "_hidden": 2})
    with pytest.raises(OptionError, match="%%wcode"), called_from("cell"):
        options.flag("--qqqqqqqqq")
    with pytest.raises(OptionError, match=r"qqqqqqqqq\. See help\(\)"):
        options.checked_options({"qqqqqqqqq": 1})


def test_options_of_a_call_are_checked_like_those_of_a_line():
    """A script gets the same errors; None means not given."""
    given = options.checked_options({"temperature": 0, "model": None, "stop": ["a"]})
    assert given == {"temperature": 0, "stop": ["a"]}
    with pytest.raises(ParameterError):
        options.checked_options({"temperature": 3})
    with pytest.raises(OptionError, match="temperature"):
        options.checked_options({"temprature": 1})
    with pytest.raises(OptionError):
        options.checked_options({"timeout": True})


def test_what_json_writes_is_what_is_read():
    """A value that is shown can be written back."""
    for name, (value, _written) in STRUCTURED.items():
        assert read(row(name), json.dumps(value), {}) == value


@pytest.mark.parametrize("kind", [int, np.int64, np.float32])
def test_numbers_of_any_library(kind):
    """A number is what Python's tower says is one, NumPy's too."""
    assert options.checked_options({"budget": kind(1)}) == {"budget": 1}
    with pytest.raises(OptionError):
        options.checked_options({"budget": kind(0)})


@pytest.mark.parametrize("value", [True, "1", 1j, float("nan"), float("inf"), [1]])
def test_no_numbers(value):
    """What is no finite real number is refused in one line."""
    with pytest.raises(OptionError):
        options.checked_options({"budget": value})


@pytest.mark.parametrize(
    ("name", "least", "under", "allowed"),
    [
        ("max_seconds", 0, -0.5, "number ≥ 0"),
        ("retries", 0, -1, "int ≥ 0"),
        ("rounds", 1, 0, "int ≥ 1"),
        ("concurrency", 1, 0, "int ≥ 1"),
        ("timeout", 0.001, 0, "number > 0"),
    ],
)
def test_the_least_number(name, least, under, allowed):
    """A bound reads as it is checked."""
    assert options.checked(row(name), least) == least
    assert row(name).allowed == allowed
    with pytest.raises(OptionError):
        options.checked(row(name), under)


def test_each_option_has_one_stage():
    """The stages part the options: what a face refuses is read from the table."""
    stages = get_args(Stage)
    parted = [options.staged(stage) for stage in stages]
    assert sum(map(len, parted)) == len(options.OPTIONS)
    assert frozenset().union(*parted) == {row.name for row in options.OPTIONS}
    assert options.staged("session") == {
        row.name for row in options.SETTINGS if row not in options.CELL
    }


def test_what_a_request_is_made_of():
    """What is done with the request or with its answer goes into none."""
    given = {"temperature": 0.3, "out": "x", "sweep": [1], "chat": "c", "stream": False}
    assert options.of_request(given) == {"temperature": 0.3, "stream": False}


@pytest.mark.parametrize("lang", text.LANGUAGES)
@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_what_is_expected_is_in_words(row, lang):
    """An error names a kind of value as people do, in their language."""
    text.use(lang)
    assert " > " not in row.expected
    kinds = {
        "text",
        "name",
        "flag",
        "switch",
        "array",
        "object",
        "path",
        "int",
        "float",
    }
    assert row.expected not in kinds


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "budget is -1, but it must be a number above 0."),
        ("zh", "budget 的值是 -1，但必须是大于 0 的数。"),
    ],
)
def test_python_names_an_option_as_python_does(lang, said):
    """The same error in a cell names the flag."""
    text.use(lang)
    with pytest.raises(OptionError) as caught:
        options.checked_options({"budget": -1})
    assert str(caught.value) == said
    caught.value.face = "cell"
    assert str(caught.value) == f"--{said}"
    with pytest.raises(OptionError, match=r"max_token\b.*max_tokens"):
        options.checked_options({"max_token": 3})
