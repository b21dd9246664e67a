"""The rows of a frame as requests: every column reachable, nothing sent as nan."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.tables.asking import QUIET, prompt_of, texts
from wcode_magics.errors import TemplateError, UsageError
from wcode_magics.prompts.template import Template
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request
from wcode_magics.tables.rows import Rows
from wcode_magics.tables.task import Task


@pytest.mark.parametrize(
    "name",
    ["评论", "total price", "a-b", 3, ("x", 1), "row", "range", "class", "items"],
)
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


@pytest.mark.parametrize("name", ["v", "two words", "none", "not", True, None, 1, 2.5])
def test_an_unknown_column_is_answered_with_what_a_template_can_write(serve, name):
    """What the error names, typed as it stands, is the column."""
    server = serve()
    df = pd.DataFrame([["value"]], columns=pd.Index([name], dtype=object))
    with pytest.raises(TemplateError) as caught:
        df.wcode.ask("{{ nowhere }}", **QUIET)
    named = re.search(r"Known: (.+)\.$", str(caught.value))[1]
    made = df.wcode.ask(f"{{{{ {named} }}}}", **QUIET)
    assert made["answer"].tolist() == ["VALUE"]
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "name", [np.nan, pd.NA, pd.NaT, b"k", pd.Timestamp("2026-01-02"), pd.Interval(0, 1)]
)
@pytest.mark.parametrize("template", ["{{ nowhere }}", "{{ row[nowhere] }}"])
def test_a_name_that_no_template_can_write_is_to_be_changed(serve, name, template):
    """One line says so, and does not name what fails when it is typed."""
    server = serve()
    df = pd.DataFrame([["value"]], columns=pd.Index([name], dtype=object))
    with pytest.raises(UsageError, match=r"df\.columns\.map\(str\)") as caught:
        df.wcode.ask(template, **QUIET)
    assert "row[" not in str(caught.value)
    df.columns = df.columns.map(str)
    assert df.wcode.ask("{{ row }}", **QUIET)["answer_status"].tolist() == ["ok"]
    assert len(server.seen) == 1


def test_a_row_does_not_lose_what_has_no_name(serve):
    """A column named NaN cannot be a key, so the row is not sent without it."""
    server = serve()
    df = pd.DataFrame([["a", "b"]], columns=[np.nan, 1.0])
    with pytest.raises(UsageError, match="named nan"):
        df.wcode.ask("{{ row }}", **QUIET)
    assert not server.seen
    assert df.wcode.ask("{{ row[1.0] }}", **QUIET)["answer"].tolist() == ["B"]


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


def test_duplicate_columns(serve):
    """A column that is there twice cannot be used; one that is not used may be."""
    serve()
    df = pd.DataFrame([["a", "b", "c"]], columns=["x", "x", "y"])
    with pytest.raises(UsageError):
        df.wcode.ask("{{ x }}", **QUIET)
    with pytest.raises(UsageError):
        df.wcode.ask("{{ y }}", into="x", overwrite=True, **QUIET)
    assert df.wcode.ask("{{ y }}", **QUIET)["answer"].tolist() == ["C"]


def test_a_row_whose_template_fails(serve):
    """A template that fails on one row is that row's error; nothing is sent for it."""
    server = serve()
    df = pd.DataFrame({"a": [1, 1], "b": [2, 0]})
    made = df.wcode.ask("{{ a / b }}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "invalid"]
    assert "ZeroDivisionError" in made["answer_error"][1]
    assert len(server.seen) == 1


def test_a_column_named_as_something_of_python(serve):
    """A column that is named as a method of dict is the column; else it is that."""
    serve()
    df = pd.DataFrame({"items": ["a"], "n": [1]})
    assert df.wcode.ask("{{ row.items }}", **QUIET)["answer"].tolist() == ["A"]
    loop = "{% for key, value in row.items() %}{{ key }}={{ value }};{% endfor %}"
    made = df.rename(columns={"items": "x"}).wcode.ask(loop, **QUIET)
    assert made["answer"].tolist() == ["X=A;N=1;"]
    said = df.wcode.ask("{% for n in range(2) %}{{ n }}{% endfor %}!", **QUIET)
    assert said["answer"].tolist() == ["01!"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ row['n'] }}", "row is a column as well"),
        ("{{ self }}", "self is a word of Jinja2's own"),
    ],
)
def test_names_that_mean_two_things(serve, template, words):
    """What would be another value than it seems is refused before it is sent."""
    server = serve()
    df = pd.DataFrame({"row": ["x"], "self": ["y"], "n": ["z"]})
    with pytest.raises(UsageError, match=words):
        df.wcode.ask(template, **QUIET)
    made = df.drop(columns="row").wcode.ask("{{ row['self'] }}", **QUIET)
    assert made["answer"].tolist() == ["Y"]
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "dtype",
    ["float32", "Float32", "float16", "float[pyarrow]", "halffloat[pyarrow]"],
)
def test_short_floats_are_sent_as_they_are_shown(serve, dtype):
    """A tenth of 32 bits is 0.1, not 0.10000000149011612."""
    server = serve()
    short = np.array(
        [0.1], dtype="float16" if "16" in dtype or "half" in dtype else "f4"
    )
    df = pd.DataFrame({"x": pd.Series(short).astype(dtype)})
    df.wcode.ask("{{ x }}{% if x > 0 %}!{% endif %}", **QUIET)
    assert prompt_of(server.seen[0]) == "0.1!"


def test_a_row_that_cannot_be_sent(serve):
    """Half a character in one row is that row's error, and stops no other."""
    server = serve()
    df = pd.DataFrame({"x": pd.Series(["a", "half \ud83d", "b"], dtype=object)})
    made = df.wcode.ask("{{ x }}", **QUIET)
    assert made["answer_status"].tolist() == ["ok", "invalid", "ok"]
    assert "U+D83D" in made["answer_error"][1]
    assert len(server.seen) == 2


def test_values_are_text_and_never_a_template(serve):
    """Braces in a value go to the model as they are."""
    server = serve()
    df = pd.DataFrame({"x": ["{{ 7*7 }} {% raw %}"]})
    df.wcode.ask("{{ x }}", **QUIET)
    assert prompt_of(server.seen[0]) == "{{ 7*7 }} {% raw %}"


@pytest.mark.parametrize(
    ("columns", "template", "near"),
    [
        ([("a", "b"), ("a", "c")], "{{ a }}", "row[('a', 'b')], row[('a', 'c')]"),
        ([("a", "b"), ("a", "c")], "{{ a.b }}", "row[('a', 'b')], row[('a', 'c')]"),
        ([0, 1], "{{ row['0'] }}", "Did you mean row[0]?"),
        (["total price", "n"], "{{ total_price }}", 'Did you mean row["total price"]?'),
        (["价 格"], "{{ row['价格'] }}", 'Did you mean row["价 格"]?'),
    ],
)
def test_an_unknown_column_is_answered_with_what_to_write(
    serve, columns, template, near
):
    """A name in the form of the template, whatever kind of name it is."""
    serve()
    df = pd.DataFrame([range(len(columns))], columns=columns)
    with pytest.raises(TemplateError) as caught:
        df.wcode.ask(template, **QUIET)
    assert near in str(caught.value)


@pytest.mark.parametrize("template", ["Say {text}", "Say $text", "Say {text} of {n}"])
def test_a_template_of_another_language_is_not_sent(serve, template):
    """All rows would have one prompt, and one answer would stand in all of them."""
    server = serve()
    df = texts(3)
    for call in (df.wcode.ask, df.wcode.estimate, df.wcode.preview):
        with pytest.raises(TemplateError) as caught:
            call(template)
        assert "Write {{ text }}." in str(caught.value)
    assert not server.seen


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ text }} or {text}", "{text} is sent as it stands"),
        ("Say hello", "the template uses no column"),
        ("Say {}", "the template uses no column"),
        ("{{ row }}", ""),
        ("{{ text }} {other} $5", ""),
    ],
)
def test_what_a_template_leaves_out_is_told(serve, capsys, template, told):
    """In the estimate, and in the last line of a run."""
    serve()
    df = texts(2)
    df.wcode.ask(template)
    last = capsys.readouterr().out.splitlines()[-1]
    for line in (str(df.wcode.estimate(template)), last):
        assert told in line
        assert ("stands" in line or "no column" in line) == bool(told)


@pytest.mark.parametrize("told", ["{{ text }}", "{{text|upper}}", "{{ other }}", "x"])
def test_a_system_prompt_is_text_and_says_so(serve, told):
    """It is sent as it stands; whoever expects it to be filled in is told."""
    server = serve()
    df = texts(1)
    line = str(df.wcode.estimate("{{ text }}", system=told))
    assert ("{{ text }} in system= is sent as it stands" in line) == ("text" in told)
    df.wcode.ask("{{ text }}", system=told, **QUIET)
    assert server.seen[0].body["messages"][0]["content"] == told


def test_a_column_whose_name_is_not_one_word(serve):
    """The error shows how such a column is written."""
    server = serve()
    frame = pd.DataFrame({"sp ace": ["x"]})
    with pytest.raises(TemplateError) as caught:
        frame.wcode.ask("{{ sp ace }}")
    assert '{{ row["sp ace"] }}' in str(caught.value)
    assert not server.seen


class Unprintable:
    """A value whose text cannot be made."""

    def __str__(self) -> str:
        raise KeyError("v")


class ByName(Task):
    """Renders each row from its names."""

    def requester(self, columns):
        """Know none."""


@pytest.mark.parametrize("system", ["{{ v }}\r\n", "%s\r\n", None])
@pytest.mark.parametrize(
    "prompt",
    [
        *("{{ v }}", " {{n}}: {{ v }} {{ n }}\r\n", "%d {{ v }} 100 %", "plain\r\n"),
        *("{{ v|upper }}", "{{ row.v }} {{ n }}", "{{ other }} {{ v }}", "{{ row }}"),
    ],
)
@pytest.mark.parametrize("template", [str, Template])
def test_a_row_is_the_same_request_by_name_and_by_place(system, prompt, template):
    """Its stored answer is found, and its error is the same."""
    values = ["a", '"\\\n', "", "\ud800", 1, 2.5, True, Unprintable(), [1, "b"], None]
    frame = pd.DataFrame({"n": range(len(values)), "v": values})
    head = () if system is None else (Message("system", template(system)),)
    base = Request("m", (*head, Message("user", prompt)))
    quick, slow = (
        Rows(frame, kind(base, "answer"), {"other": "o"}) for kind in (Task, ByName)
    )
    made, named = ([*rows.requests()] for rows in (quick, slow))
    for one, other in zip(made, named, strict=True):
        assert getattr(one, "hash", str(one)) == getattr(other, "hash", str(other))
        assert getattr(one, "body", None) == getattr(other, "body", None)


def test_a_template_of_text_and_columns_is_filled_by_place():
    """Most are: their rows take no dict of names each."""
    task = Task(Request("m", (Message("user", "{{ v }}: {{ n }}"),)), "answer")
    assert task.requester(["n", "v"])([1, "a"]).prompt == "a: 1"
    assert task.requester(["v"]) is None
