"""A line: options into values, the rest untouched, and what could come next."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.errors import (
    OptionError,
    ParameterError,
    SettingError,
    UsageError,
    VariableError,
)
from wcode_magics.protocol import parameters
from wcode_magics.settings import options
from wcode_magics.settings.option_line import (
    OptionLine,
    parse,
    parse_assignments,
    parse_words,
)
from wcode_magics.settings.options import CELL

WORDS = {
    "temperature": ("0.5", 0.5),
    "top_p": ("1", 1),
    "top_k": ("0", 0),
    "min_p": ("0.1", 0.1),
    "top_a": ("0", 0),
    "seed": ("-1", -1),
    "frequency_penalty": ("-1.5", -1.5),
    "presence_penalty": ("-2", -2),
    "repetition_penalty": ("1.1", 1.1),
    "max_tokens": ("1", 1),
    "stop": ('["a b"]', ["a b"]),
    "verbosity": ("high", "high"),
    "top_logprobs": ("20", 20),
    "logit_bias": ('{"5": -1, "6": 2}', {"5": -1, "6": 2}),
    "response_format": ('{"type": "text"}', {"type": "text"}),
    "tools": ('[{"function": {"name": "f g"}}]', [{"function": {"name": "f g"}}]),
    "tool_choice": ("none", "none"),
}
"""A word for each parameter that takes one."""


def values(line: str, **variables) -> dict:
    """The values of a line."""
    return dict(parse(line, variables).values)


def test_every_parameter_has_a_word_here_or_is_a_switch():
    """No parameter escapes these tests."""
    switches = {row.name for row in parameters.PARAMS if row.kind == "bool"}
    assert {*WORDS, *switches} == set(parameters.NAMES)


@pytest.mark.parametrize("name", WORDS)
def test_every_parameter_is_read_in_every_spelling(name):
    """Hyphens, underscores, short forms; with a space or an equals sign."""
    word, value = WORDS[name]
    row = next(row for row in CELL if row.name == name)
    assert f"--{name}" in row.flags
    assert f"--{name.replace('_', '-')}" in row.flags
    for flag in row.flags:
        for line in (f"{flag} {word}", f"{flag}={word}", f"  {flag}   {word} "):
            parsed = parse(f"{line} -- rest", {})
            assert (dict(parsed.values), parsed.rest) == ({name: value}, "rest")


@pytest.mark.parametrize(
    "row", [row for row in CELL if row.switch], ids=lambda r: r.name
)
def test_every_switch_is_on_and_off(row):
    """``--x`` and ``--no-x``, in both spellings."""
    for flag in row.flags:
        assert values(flag) == {row.name: not flag.startswith("--no")}
    assert values(f"{row.flag}=false") == {row.name: False}
    with pytest.raises(OptionError):
        values(f"--no-{row.flag[2:]}=true")
    with pytest.raises(UsageError):
        values(f"{row.flag}=perhaps")


@pytest.mark.parametrize("row", [row for row in CELL if row.bare is not None])
def test_a_flag_that_may_be_bare(row):
    """It has a value without one; another stands behind ``=``, no space, not twice."""
    assert parse(f"{row.flag} {row.choices[0]}", {}) == OptionLine(
        {row.name: row.bare}, row.choices[0]
    )
    for choice in row.choices:
        assert values(f"{row.flag}={choice}") == {row.name: choice}
        assert parse_words([f"{row.flag}={choice}", "hi"]).values[row.name] == choice
    assert parse_words([row.flag, "hi"]) == OptionLine({row.name: row.bare}, "hi")
    with pytest.raises(OptionError, match="must be"):
        values(f"{row.flag}=perhaps")
    with pytest.raises(OptionError, match="twice"):
        values(f"{row.flag} {row.flag}")
    apart = parse(f"{row.flag} {row.choices[-1]}", {})
    with pytest.raises(OptionError, match=f"Write {row.flag}={row.choices[-1]}"):
        apart.refuse_rest()
    with pytest.raises(OptionError, match="hello is not an option"):
        parse(f"{row.flag} hello", {}).refuse_rest()


@pytest.mark.parametrize(
    "row", [row for row in CELL if row.kind == "flag"], ids=lambda row: row.name
)
def test_every_flag_stands_alone(row):
    """A flag has no value and no opposite."""
    assert values(f"{row.flag} hello") == {row.name: True}
    with pytest.raises(OptionError, match="takes no value"):
        values(f"{row.flag}=1")


@pytest.mark.parametrize(
    ("line", "read", "rest"),
    [
        ("", {}, ""),
        ("   ", {}, ""),
        ("hello there", {}, "hello there"),
        ("-t 0 hello --seed 7", {"temperature": 0}, "hello --seed 7"),
        ("-t 0 -- --not an option", {"temperature": 0}, "--not an option"),
        ("--", {}, ""),
        ("-t 0 don't 'quote\" this", {"temperature": 0}, "don't 'quote\" this"),
        ('-t 0 {"a": 1}', {"temperature": 0}, '{"a": 1}'),
        ("--system 'you are a cat' hi", {"system": "you are a cat"}, "hi"),
        ('--system "say \\"hi\\" \\\\ bye"', {"system": 'say "hi" \\ bye'}, ""),
        ("--system='a b'", {"system": "a b"}, ""),
        ('--system=a" "b', {"system": "a b"}, ""),
        ("--system {curly} x", {"system": "{curly}"}, "x"),
        ("--system [draft x", {"system": "[draft"}, "x"),
        ("--stop END --stop '[x]y'", None, ""),
        ("--stop a --stop b", {"stop": ["a", "b"]}, ""),
        ('--stop ["a", "b c"] --stop d', {"stop": ["a", "b c", "d"]}, ""),
        ('--logit-bias={"5": 1} x', {"logit_bias": {"5": 1}}, "x"),
        ('--param a=1 --param b={"c": [1, 2]} x',
         {"param": [("a", 1), ("b", {"c": [1, 2]})]}, "x"),
        ("--param=a=b", {"param": [("a", "b")]}, ""),
        ("--model 'qwen/x' -o 名字", {"model": "qwen/x", "out": "名字"}, ""),
        ("--logprobs --top-logprobs 3", {"logprobs": True, "top_logprobs": 3}, ""),
        ("--no-stream\t-t\t0", {"stream": False, "temperature": 0}, ""),
        ("--system 你好，世界 嗨", {"system": "你好，世界"}, "嗨"),
    ],
)  # fmt: skip
def test_a_line_is_read_up_to_the_prompt(line, read, rest):
    """Options stand first; what follows is left as it is."""
    if read is None:
        with pytest.raises(OptionError):
            parse(line, {})
        return
    parsed = parse(line, {})
    assert (dict(parsed.values), parsed.rest) == (read, rest)


def test_variables_stand_for_values(tmp_path):
    """``$name`` takes the object itself, ``@path`` the text of a file."""
    path = tmp_path / "t.json"
    path.write_text('["x"]', "utf-8")
    tools = [{"function": {"name": "f"}}]
    line = f"--tools $tools -t $t --stop=@{path} --system $s"
    assert values(line, tools=tools, t=0.5, s="a $t b") == {
        "tools": tools,
        "temperature": 0.5,
        "stop": ["x"],
        "system": "a $t b",
    }


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("--temprature 1", OptionError, "--temperature"),
        ("-x 1", OptionError, "-x"),
        ("-", OptionError, "-"),
        ("---", OptionError, "---"),
        ("-t", OptionError, "needs a value: a number (0 … 2)"),
        ("--temperature=", ParameterError, "temperature"),
        ("--system= x", OptionError, "--system"),
        ("-t 3", ParameterError, "0 … 2"),
        ("-t 0 -t 1", OptionError, "twice"),
        ("--temperature 0 -t 0", OptionError, "twice"),
        ("--logprobs --no-logprobs", OptionError, "twice"),
        ("--system 'open", OptionError, "not closed"),
        ('--system "open', OptionError, "not closed"),
        ("--system don't", OptionError, "not closed"),
        ('--logit-bias {"5": 1', OptionError, "not JSON"),
        ("--logit-bias {5: 1}", OptionError, "$name"),
        ("--tools $tool", VariableError, "$tools"),
        ("--tools @nowhere.json", VariableError, "nowhere.json"),
        ("--dry-run=yes", OptionError, "takes no value"),
        ("--param x", OptionError, "name=value"),
        ("--base-url http://x", OptionError, "--base-url"),
    ],
)
def test_a_bad_line_is_one_line(line, kind, said):
    """The error tells what was given, what is allowed, what to do."""
    with pytest.raises(kind) as caught:
        parse(line, {"tools": []})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet=" -=\"'{}[]\\$@abt01.,:#\n\t你", max_size=30))
def test_any_line_is_read_or_refused(line):
    """No line raises anything but our own errors."""
    try:
        parsed = parse(line, {"a": 1})
    except UsageError as error:
        assert str(error)  # noqa: PT017
    else:
        assert line.strip().endswith(parsed.rest)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("", []),
        ("temperature=0.2 seed=7", [("temperature", 0.2, True), ("seed", 7, True)]),
        ("temperature=", [("temperature", None, True)]),
        ("temperature", [("temperature", None, False)]),
        ("top-p = 1", None),
        ('stop=["a b"] model="x y"', [("stop", ["a b"], True), ("model", "x y", True)]),
        ("stream=off", [("stream", False, True)]),
        ("base_url=http://h/v1", [("base_url", "http://h/v1", True)]),
        ("model=$m", [("model", "mine", True)]),
        ("=5", None),
        ("top_p=1 !", None),
    ],
)
def test_assignments_are_read(line, read):
    """``name=value`` sets, ``name=`` unsets, ``name`` asks."""
    if read is None:
        with pytest.raises(UsageError):
            list(parse_assignments(line, {"m": "mine"}))
        return
    found = parse_assignments(line, {"m": "mine"})
    assert [(row.name, value, given) for row, value, given in found] == read


def test_only_settings_are_assigned():
    """What belongs to one cell is no setting."""
    with pytest.raises(SettingError):
        list(parse_assignments("dry_run=1", {}))


@pytest.mark.parametrize("line", ["-l 5", "--logprobs=5", "--logprobs 5 -t 0", "-l  5"])
def test_a_number_after_logprobs_is_how_many_alternatives(line):
    """Both parameters are set at once, by a cell's line and by the shell's words."""
    values = {"logprobs": True, "top_logprobs": 5}
    assert values.items() <= parse(line, {}).values.items()
    words = parse_words(["hi", *line.replace("=", " ").split()])
    assert values.items() <= words.values.items()
    assert words.rest == "hi"


def test_what_is_no_number_after_logprobs_is_the_prompt():
    """Words, also with digits, stay; a number beyond the range is told."""
    assert parse("-l 5th of May", {}).rest == "5th of May"
    assert dict(parse("-l -- 5 plus 3", {}).values) == {"logprobs": True}
    with pytest.raises(ParameterError, match="0 … 20"):
        parse("-l 50", {})
    with pytest.raises(OptionError, match="given twice"):
        parse("-l 5 --top-logprobs 3", {})
    with pytest.raises(OptionError, match="takes no value"):
        parse("--no-logprobs=5", {})


def test_every_flag_of_the_table_is_read_by_the_line():
    """The parser knows what the table knows."""
    assert set(options.FLAGS) == {flag for row in CELL for flag in row.flags}


GUIDES = [
    {"choice": ["good", "so so"]},
    {"regex": r"a+\d"},
    {"grammar": 'root ::= "a b"'},
    {"json": {"type": "object"}, "disable_any_whitespace": True},
]


@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("between", ["=", " "])
def test_a_switch_may_take_an_object(guide, between):
    """VLLM's structured_outputs is a switch here and an object there."""
    line = f"--structured-outputs{between}{json.dumps(guide)} Say it"
    read = parse(line, {})
    assert (read.values, read.rest) == ({"structured_outputs": guide}, "Say it")
    assert parse("--structured-outputs=$g x", {"g": guide}).values == read.values
    assert parse("--structured-outputs hi", {}).values == {"structured_outputs": True}


@pytest.mark.parametrize(
    "guide", ["{}", '{"choice": "a"}', '{"regex": "a", "json": {}}']
)
def test_an_object_that_guides_nothing_is_refused(guide):
    """One of the guides, of its type."""
    with pytest.raises(ParameterError, match=r"structured_outputs is .*choice"):
        parse(f"--structured-outputs {guide} x", {})
