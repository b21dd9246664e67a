"""Tables: columns line up, and nothing in a cell is HTML."""

import html
import io
import re
import sys

import pytest

from wcode_magics.display.text_table import (
    TextTable,
    pad,
    shown_value,
    width,
)
from wcode_magics.output.terminal import wrapped

HOSTILE = "<script>alert('x')</script>"


def test_columns_line_up_with_wide_characters():
    """Chinese counts two columns in a terminal."""
    made = TextTable(("名称", "n"), (("温度", "1"), ("top_p", "22")))
    lines = made.plain().splitlines()
    assert lines == ["名称    n", "温度    1", "top_p  22"]
    assert {width(line) for line in lines} == {9}


@pytest.mark.parametrize(
    ("cells", "right"),
    [
        (["0.6", "12.5", "–", ""], True),
        (["¥0.6", "$12", "EUR 3"], True),
        (["≈0", "-1.28", "<0.01%", ">99.9%", "65,536"], True),
        (["0.05 s", "1.5 秒"], True),
        (["1", "medium"], False),
        (["[2]", "15 → 23", "qwen3-8b"], False),
        (["01-31", "02-01"], False),
        (["–"], False),
        ([], False),
    ],
)
def test_numbers_stand_right_under_their_heading(cells, right):
    """A column of numbers alone; a dash is a number that is not known."""
    table = TextTable(("a heading", "end"), [(cell, "x") for cell in cells])
    page = table.bundle()["text/html"]
    assert page.count("text-align:right") == right * (len(cells) + 1)
    blanks = [" " * (9 - width(cell)) for cell in cells]
    assert table.plain().splitlines()[1:] == [
        f"{blank}{cell}  x" if right else f"{cell}{blank}  x"
        for blank, cell in zip(blanks, cells, strict=True)
    ]


def test_a_column_in_which_nothing_is_known_is_left_out():
    """In both forms, whatever its heading; one known cell keeps it, and a lone row."""
    rows = (("", "a", "–", "1", "–"), ("", "b", "", "–", "–"))
    table = TextTable(("", "name", "cached", "price", "date"), rows)
    assert table.plain() == "name  price\na         1\nb         –"
    page = table.bundle()["text/html"]
    assert page.count("<th ") == 2
    assert page.count("<td ") == 4
    lone = TextTable(("name", "value"), (("seed", "–"),))
    assert lone.plain() == "name  value\nseed  –"
    assert TextTable(("a", "b"), [("–", "")] * 2).plain() == ""


def test_title_and_note_stand_around_the_rows():
    """In both forms."""
    table = TextTable(("a",), (("1",),), title="Above", note="Below")
    assert table.plain() == "Above\na\n1\nBelow"
    shown = table.bundle()["text/html"]
    assert shown.index("Above") < shown.index("<table") < shown.index("Below")


def test_everything_in_the_html_is_escaped():
    """Cells, headings, title and note."""
    table = TextTable((HOSTILE,), ((HOSTILE,),), title=HOSTILE, note=HOSTILE)
    bundle = table.bundle()
    assert "<script" not in bundle["text/html"]
    assert bundle["text/html"].count("&lt;script&gt;") == 4
    assert HOSTILE in bundle["text/plain"]


def test_a_column_of_text_keeps_a_width_to_read():
    """However narrow the page; short cells and ranges of numbers are not broken."""
    long = "文本、图像、工具、概率"
    lines = "one line\nand another"
    rows = [("qwen", long, "0 … 2 · 1"), ("qwen3", "文本", lines), ("m", "x" * 90, "")]
    page = TextTable(("name", "abilities", "range"), rows).bundle()["text/html"]
    cells = {
        html.unescape(text): style
        for style, text in re.findall(r'<t[hd] style="([^"]*)">([^<]*)<', page)
    }
    assert all("min-width:12em" in cells[text] for text in ("abilities", long, "文本"))
    unbroken = {text for text, style in cells.items() if "nowrap" in style}
    assert unbroken == {
        *("name", "abilities", "range", "qwen", "qwen3", "m", "文本"),
        "0\u00a0…\u00a02\u00a0· 1",
    }
    assert "min-width" not in cells["qwen"]


def test_a_table_may_be_empty():
    """Headings stand over rows alone; what is said about the table stays."""
    table = TextTable(("a", "b"), (), title="Above", note="Below")
    assert table.plain() == "Above\nBelow"
    assert "<table" not in table.bundle()["text/html"]
    assert TextTable((), ()).plain() == ""


def test_padding_never_cuts():
    """A text wider than its column stays whole."""
    assert pad("温度", 6) == "温度  "
    assert pad("long", 2) == "long"
    assert width("a\x00b") >= 0


def test_values_on_one_line():
    """What is not known is a dash; numbers have no point or exponent without need."""
    shown = [shown_value(one) for one in (None, 0.0, 1e-05, True, "a\nb", [0.5])]
    assert shown == ["–", "0", "0.00001", "true", "a b", "[0.5]"]


HEADS = ("model", "prompt", "able", "cost")
ROWS = (
    ("qwen", "讲个笑话，" * 9, "text, tools, schemas", "1,204"),
    ("m", "x", "", "7"),
)


@pytest.mark.parametrize("columns", [72, 40])
def test_a_terminal_gets_lines_of_its_width(monkeypatch, columns):
    """The widest texts end with an ellipsis; numbers, headings and a page stay."""
    table = TextTable(HEADS, ROWS)
    whole = table.plain()
    assert ROWS[0][1] in whole
    narrow(monkeypatch, columns)
    lines = table.plain().splitlines()
    assert columns - 2 < max(map(width, lines)) <= columns
    assert all(
        line.endswith(end)
        for line, end in zip(lines, ("cost", "1,204", "7"), strict=True)
    )
    assert "…" in lines[1]
    monkeypatch.setenv("COLUMNS", "200")
    assert table.plain() == whole
    assert ROWS[0][1] in table.bundle()["text/html"]


def test_columns_without_room_are_named(monkeypatch):
    """Names and numbers stay whole, and no line is longer than the terminal."""
    narrow(monkeypatch, 22)
    *lines, note = TextTable(HEADS, ROWS).plain().splitlines()
    assert lines == [
        "model  prompt     cost",
        "qwen   讲个笑…   1,204",
        "m      x             7",
    ]
    assert "No room here for able" in note
    names = [("org/model-of-30-billion", "1"), ("x", "2")]
    narrow(monkeypatch, 60)
    assert names[0][0] in TextTable(("name", "n"), names).plain()


def test_a_table_that_wraps_loses_no_word(monkeypatch):
    """Long cells go on below, at spaces and between Chinese characters."""
    narrow(monkeypatch, 40)
    table = TextTable(HEADS, ROWS, wraps=True)
    lines = table.plain().splitlines()
    assert max(map(width, lines)) <= 40
    assert "…" not in "".join(lines)
    assert "".join(lines).count("讲个笑话") + "".join(lines).count("，") >= 9
    for word in ("text,", "tools,", "schemas"):
        assert word in " ".join(lines)
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        *("model", "qwen", "m"),
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a few short words", ["a few", "short", "words"]),
        ("unbreakable", ["unbreak", "able"]),
        ("采样，越高越多", ["采样，", "越高越", "多"]),
        ("top_k采样", ["top_k采", "样"]),
        ("", [""]),
    ],
)
def test_lines_end_where_words_do(text, lines):
    """No Chinese comma begins one."""
    assert wrapped(text, 7) == lines


def narrow(monkeypatch, columns):
    """Make the output a terminal of so many columns."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", str(columns))


class Terminal(io.StringIO):
    """A terminal that shows nothing."""

    def isatty(self):
        """It is one."""
        return True
